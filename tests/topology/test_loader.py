"""Topology files: names, defaults below edges, calls that terminate, and all errors at once."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.distributions import Constant, Empirical, Exponential, Gamma, LogNormal, Mixture, Pareto
from meshquake.topology.loader import DEFAULT, load, parse, shipped
from meshquake.topology.loading.limits import MOST_PARTS, MOST_SITES
from meshquake.topology.policies import Bulkhead, CircuitBreaker, Pool, Queue, Readiness, Retry, RetryBudget
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import Call, Cpu, Edge, Entry, Memory, Objective, Operation, Service, Topology, Workload


def mesh(text: str) -> Topology:
    """Return the topology of a text."""
    return parse(text, "m.yaml").topology


def problems(text: str) -> list[str]:
    """Return the errors of a refused text."""
    with pytest.raises(DocumentError) as caught:
        parse(text, "m.yaml")
    return [str(problem) for problem in caught.value.problems]


def pair(defaults: str = "", edges: str = "") -> Edge:
    """Return the edge from `web`, a gateway, to `db`, a database, with defaults and policies of its own."""
    return mesh(
        f"name: pair\ndefaults: {{{defaults} }}\nedges: {{{edges} }}\n"
        "services:\n"
        "  web: {kind: gateway, operations: {home: {calls: db.get}}}\n"
        "  db: {kind: database, operations: {get: {}}}\n"
        "workload: {mix: {web.home: 1}}\n"
    ).edges[0]


#: A mesh of one service, with room in its workload.
ONE = "name: one\nservices: {{a: {{operations: {{x: {{}}}}}}}}\nworkload: {{{}mix: {{a.x: 1}}}}\n"


def operation(text: str) -> Operation:
    """Return an operation of `web`, beside a `cache` and a `db`, from a block."""
    return (
        mesh(
            f"name: one\nservices:\n  web: {{operations: {{home: {{{text}}}}}}}\n"
            "  cache: {kind: cache, operations: {get: {}, set: {}}}\n  db: {kind: database, operations: {get: {}}}\n"
            "workload: {mix: {web.home: 1}}\n"
        )
        .service("web")
        .operations[0]
    )


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_whole_mesh_is_read_as_written() -> None:
    """Every section, with units, shorthands and defaults applied."""
    text = """\
name: shop
defaults:
  service: {replicas: 2, memory: {limit: 1GiB, base: 10%}, readiness: {period: 2s}}
  edge: {timeout: 1s, latency: 1ms, retry: 3}
services:
  web:
    kind: gateway
    workers: 4
    cpu: 2
    queue: 0
    version: 1.10
    operations:
      home: {work: 2ms, calls: [db.get]}
  db: {kind: database, replicas: 1, memory: {base: 20%}, startup: 1m, operations: {get: {work: {exponential: 3ms}}}}
edges:
  web -> db: {timeout: none, pool: 5, bulkhead: 7, balance: random, breaker: {failure_rate: 0.25}}
workload: {rate: 90/m, balance: least_request, mix: {web.home: 3}}
"""
    assert mesh(text) == Topology(
        name="shop",
        services=(
            Service(
                "web",
                kind="gateway",
                replicas=2,
                workers=4,
                queue=Queue(0),
                cpu=Cpu(2),
                memory=Memory(2.0**30, 0.1),
                version="1.10",
                readiness=Readiness(2.0),
                operations=(Operation("home", Constant(0.002), ((Call("db", "get"),),)),),
            ),
            Service(
                "db",
                kind="database",
                memory=Memory(2.0**30, 0.2),
                startup=60.0,
                readiness=Readiness(2.0),
                operations=(Operation("get", Exponential(0.003)),),
            ),
        ),
        edges=(
            Edge(
                "web",
                "db",
                latency=Constant(0.001),
                balance="random",
                retry=Retry(3),
                breaker=CircuitBreaker(failure_rate=0.25),
                bulkhead=Bulkhead(7),
                pool=Pool(5),
            ),
        ),
        workload=Workload(1.5, "least_request", mix=(Entry("web", "home", 3.0),)),
    )
    assert mesh(text).source == text


def test_shipped_meshes_load_without_remark() -> None:
    """Including the default mesh."""
    meshes = shipped()
    assert DEFAULT in meshes
    for name, path in meshes.items():
        loaded = load(path)
        assert loaded.topology.name == name
        assert loaded.topology.source == path.read_text(encoding="utf-8")
        assert loaded.document.problems == []


def test_the_default_mesh_is_ten_services() -> None:
    """Their names, and that calls to the database use pools and those to the cache no retries."""
    ten = load(shipped()[DEFAULT]).topology
    assert [service.name for service in ten.services] == [
        "api-gateway",
        "auth-service",
        "user-service",
        "product-service",
        "order-service",
        "payment-service",
        "inventory-service",
        "notification-service",
        "cache-service",
        "database",
    ]
    assert all((edge.pool is not None) == (edge.callee == "database") for edge in ten.edges)
    assert all((edge.retry is None) == (edge.callee == "cache-service") for edge in ten.edges)


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("10ms", Constant(0.01)),
        ("0", Constant(0.0)),
        ("{constant: 5ms}", Constant(0.005)),
        ("{exponential: 10ms}", Exponential(0.01)),
        ("{exponential: {mean: 10ms}}", Exponential(0.01)),
        ("{lognormal: {median: 4ms}}", LogNormal(0.004, 0.6)),
        ("{gamma: {mean: 60ms, cv: 0.3}}", Gamma(0.06, 0.3)),
        ("{pareto: {minimum: 2ms, alpha: 1.5, maximum: 10s}}", Pareto(0.002, 1.5, 10.0)),
        ("{empirical: [2ms, 1ms]}", Empirical((0.002, 0.001))),
        ("{empirical: 2ms}", Empirical((0.002,))),
        (
            "{mixture: [{weight: 95%, exponential: 4ms}, {weight: 3, mixture: [{weight: 1, constant: 1s}]}]}",
            Mixture((0.95, 3.0), (Exponential(0.004), Mixture((1.0,), (Constant(1.0),)))),
        ),
    ],
)
def test_distributions_have_their_spellings(text: str, work: object) -> None:
    """A duration is constant; a word takes its parameters, or the only one it requires."""
    assert operation(f"work: {text}").work == work


def test_a_time_in_place_of_parameters_is_told_how_to_be_written() -> None:
    """Where a word can't take it alone, since more than one of its parameters is a number."""
    text = ONE.format("").replace("{x: {}}", "{x: {work: {lognormal: 2ms}}}")
    assert problems(text) == [
        "m.yaml:2: services.a.operations.x.work.lognormal: must be a block of keys, as in {median: 2ms}, not '2ms'"
    ]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("db.get", ((Call("db", "get"),),)),
        ("[db.get, cache.get]", ((Call("db", "get"),), (Call("cache", "get"),))),
        ("[[db.get, cache.get], db.get]", ((Call("db", "get"), Call("cache", "get")), (Call("db", "get"),))),
        ("{db.get: {probability: 40%}}", ((Call("db", "get", probability=0.4),),)),
        ("[[db.get, cache.get: {optional: true}]]", ((Call("db", "get"), Call("cache", "get", optional=True)),)),
        (
            "[cache.get: {hit_rate: 85%, on_miss: [db.get, cache.set: {optional: true}]}]",
            ((Call("cache", "get", hit_rate=0.85, on_miss=(Call("db", "get"), Call("cache", "set", optional=True))),),),
        ),
        (
            "{cache.get: {hit_rate: 1, on_miss: db.get}}",
            ((Call("cache", "get", hit_rate=1.0, on_miss=(Call("db", "get"),)),),),
        ),
        ("[]", ()),
    ],
)
def test_a_list_of_calls_is_a_sequence_and_a_list_in_it_runs_concurrently(text: str, calls: object) -> None:
    """As groups, one after another; a call alone is a group of one."""
    assert operation(f"calls: {text}").calls == calls


# -- edges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("", Objective(0.95, 1.0, 10.0, 4)),
        ("objective: 99%, ", Objective(share=0.99)),
        (
            "objective: {share: 90%, within: 30s, window: 1m, minimum: 5}, ",
            Objective(share=0.9, within=30.0, window=60.0, minimum=5),
        ),
        ("objective: {within: 250ms}, ", Objective(within=0.25)),
    ],
)
def test_users_are_promised_what_the_workload_says(text: str, objective: Objective) -> None:
    assert mesh(ONE.format(text)).workload.objective == objective


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("objective: 0, ", "workload.objective: must be more than 0%, not 0"),
        ("objective: 101%, ", "workload.objective: must be at most 100%, not 101%"),
        ("objective: none, ", "workload.objective: must be a ratio such as 40% or 0.4, not 'none'"),
        ("objective: {within: 0s}, ", "workload.objective.within: must be more than 0s, not 0s"),
        ("objective: {window: 10}, ", "workload.objective.window: needs a unit, as in 10ms or 10s"),
        ("objective: {window: 500ms}, ", "workload.objective.window: must be at least 1s, not 500ms"),
        (
            "objective: {window: 1500ms}, ",
            "workload.objective.window: must be a whole number of seconds, as in 10s, not 1500ms",
        ),
        ("objective: {minimum: 0}, ", "workload.objective.minimum: must be at least 1, not 0"),
        (
            "objective: {latency: 1s}, ",
            "workload.objective: unknown key 'latency' (valid: share, within, window, minimum)",
        ),
    ],
)
def test_a_promise_that_cannot_be_judged_is_refused(text: str, message: str) -> None:
    assert problems(ONE.format(text)) == [f"m.yaml:3: {message}"]


def test_edges_come_in_the_order_in_which_pairs_first_call() -> None:
    """Misses included, each after its lookup, whatever the order under `edges`."""
    topology = mesh(
        "name: order\nedges: {b -> c: {timeout: 1s}}\n"
        "services:\n"
        "  a: {operations: {x: {calls: [c.x: {hit_rate: 50%, on_miss: [d.x]}, b.x, c.x]}}}\n"
        "  b: {operations: {x: {calls: [[d.x, c.x]]}}}\n"
        "  c: {operations: {x: {}}}\n"
        "  d: {operations: {x: {}}}\n"
        "workload: {mix: {a.x: 1}}\n"
    )
    pairs = [(edge.caller, edge.callee, edge.timeout) for edge in topology.edges]
    assert pairs == [("a", "c", None), ("a", "d", None), ("a", "b", None), ("b", "d", None), ("b", "c", 1.0)]


#: The places for the keys of the edge, from the lowest layer to the highest.
LAYERS = (
    ("defaults", "edge"),
    ("defaults", "edges_from", "gateway"),
    ("defaults", "edges_to", "database"),
    ("defaults", "edges_from", "web"),
    ("defaults", "edges_to", "db"),
    ("edges", "web -> db"),
)


@pytest.mark.parametrize(("lower", "upper"), list(itertools.combinations(LAYERS, 2)))
def test_the_later_layer_wins_key_by_key(lower: tuple[str, ...], upper: tuple[str, ...]) -> None:
    """For any two places for an edge's keys, whichever comes first in the file."""
    keys = {
        lower: {"timeout": "1s", "retry": {"max_attempts": 5, "base": "1ms"}},
        upper: {"timeout": "2s", "retry": {"base": "2ms"}},
    }
    for order in (lower, upper), (upper, lower):
        written: dict[str, Any] = {"defaults": {}, "edges": {}}
        for layer in order:
            place = written
            for step in layer:
                place = place.setdefault(step, {})
            place.update(keys[layer])
        # JSON is YAML.
        edge = pair(**{section: json.dumps(entries)[1:-1] for section, entries in written.items()})
        assert edge == Edge("web", "db", timeout=2.0, retry=Retry(5, base=0.002))


def test_none_switches_a_policy_off_and_a_block_over_none_starts_from_its_defaults() -> None:
    """Settings below `none` don't reappear."""
    defaults = "edge: {retry: {max_attempts: 5}, timeout: 1s}, edges_to: {database: {retry: none}}"
    assert pair(defaults) == Edge("web", "db", timeout=1.0)
    assert pair(defaults, "web -> db: {retry: {budget: 10%}}").retry == Retry(budget=RetryBudget(0.1))


def test_a_latency_is_replaced_whole() -> None:
    """The parameters of one distribution mean nothing to another."""
    edge = pair(
        "edge: {latency: {lognormal: {median: 1ms, sigma: 2}}}", "web -> db: {latency: {lognormal: {median: 2ms}}}"
    )
    assert edge.latency == LogNormal(0.002, 0.6)


def test_a_service_may_call_itself() -> None:
    """Such an edge is like any other, provided the operation is another."""
    topology = mesh(
        "name: self\nservices: {a: {operations: {x: {calls: a.y}, y: {}}}}\nworkload: {mix: {a.x: 1}}\n"
        "edges: {a -> a: {timeout: 1s}}"
    )
    assert topology.edges == (Edge("a", "a", timeout=1.0),)


# -- errors ----------------------------------------------------------------------------------------------------------


def test_an_error_in_a_default_is_reported_once_at_its_own_line() -> None:
    """However many edges and services inherit it."""
    services = "".join(f"  s{i}: {{operations: {{x: {{calls: db.get}}}}}}\n" for i in range(20))
    assert problems(
        "name: x\n"
        "defaults:\n"
        "  service: {workers: 0}\n"
        "  edge:\n"
        "    timeout: 5\n"
        "  edges_to: {database: {pool: {size: 0}}}\n"
        f"services:\n{services}  db: {{kind: database, operations: {{get: {{}}}}}}\n"
        "workload: {mix: {s0.x: 1}}\n"
    ) == [
        "m.yaml:3: defaults.service.workers: must be at least 1, not 0",
        "m.yaml:5: defaults.edge.timeout: needs a unit, as in 5ms or 5s (none switches it off)",
        "m.yaml:6: defaults.edges_to.database.pool.size: must be at least 1, not 0",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("rate_limit: {max_tokens: 0, fill_interval: 1s}", ".rate_limit.max_tokens: must be at least 1, not 0"),
        ("rate_limit: {max_tokens: 5}", ".rate_limit: missing key 'fill_interval'"),
        ("autoscale: {minimum: 3}", ".autoscale: missing key 'maximum'"),
        ("autoscale: {maximum: 0}", ".autoscale.maximum: must be at least 1, not 0"),
    ],
)
def test_what_stands_behind_a_refused_service_is_looked_at_too(wrong: str, message: str) -> None:
    text = (
        f"name: m\nservices:\n  web: {{kind: gateway, {wrong}, operations: {{home: {{calls: api.q}}}}}}\n"
        f"  api: {{{wrong}, operations: {{q: {{}}}}}}\n"
        "edges:\n  web -> api: {timeout: 0s}\nworkload: {mix: {web.hom: 1}}\n"
    )
    assert problems(text) == [
        f"m.yaml:3: services.web{message}",
        f"m.yaml:4: services.api{message}",
        "m.yaml:6: edges.web -> api.timeout: must be more than 0s, not 0s (none switches it off)",
        "m.yaml:7: workload.mix.web.hom: web has no operation 'hom' (did you mean 'home'?)",
    ]


@pytest.mark.parametrize(
    ("none", "some"),
    [
        ("max_surge: 0, max_unavailable: 0", "max_surge: 0, max_unavailable: 1"),
        ("max_surge: 0%, max_unavailable: 0", ""),
    ],
)
def test_a_rollout_that_could_replace_nothing_is_refused(none: str, some: str) -> None:
    text = "name: m\nservices: {{a: {{rollout: {{{}}}, operations: {{x: {{}}}}}}}}\nworkload: {{mix: {{a.x: 1}}}}\n"
    message = "has both max_surge and max_unavailable at 0, so nothing can be replaced: raise one of them"
    assert problems(text.format(none)) == [f"m.yaml:2: services.a.rollout: {message}"]
    for fine in (some, f"strategy: recreate, {none}"):
        mesh(text.format(fine))


def test_a_cluster_has_room_for_all_that_it_starts_with() -> None:
    services = "services: {{a: {{cpu: 1500m, replicas: 2, operations: {{x: {{}}}}}}}}"
    text = f"name: m\ncluster: {{}}\n{services}\nworkload: {{{{mix: {{{{a.x: 1}}}}}}}}\n"
    assert problems(text.format(2.5)) == [
        "m.yaml:2: cluster: has room for 2.5 of the 3 cores that its initial replicas need"
    ]
    mesh(text.format(3))


def test_errors_in_unused_defaults_are_reported_too() -> None:
    """The edges of a database are checked even if nobody calls it."""
    assert problems(
        "name: x\ndefaults: {edges_to: {external: {timeout: soon}}}\n"
        "services: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}"
    ) == [
        "m.yaml:2: defaults.edges_to.external.timeout: must be a duration such as 250ms, 1.5s or 2m, not 'soon' "
        "(none switches it off)"
    ]


def test_a_cycle_is_reported_at_the_call_that_closes_it() -> None:
    """With the whole cycle; one error for each strongly connected set of operations."""
    assert problems(
        "name: x\n"
        "services:\n"
        "  a: {operations: {x: {calls: b.y}, z: {calls: a.z}}}\n"
        "  b: {operations: {y: {calls: c.x}}}\n"
        "  c:\n"
        "    operations:\n"
        "      x:\n"
        "        calls:\n"
        "          - d.x: {hit_rate: 50%, on_miss: [d.x, a.x]}\n"
        "  d: {operations: {x: {}}}\n"
        "workload: {mix: {a.x: 1}}\n"
    ) == [
        "m.yaml:3: services.a.operations.z.calls: closes a cycle of calls: a.z -> a.z; "
        "give one of its calls a depth, as in a.z: {depth: 3}",
        "m.yaml:9: services.c.operations.x.calls[0].d.x.on_miss[1]: closes a cycle of calls: a.x -> b.y -> c.x -> a.x; "
        "give one of its calls a depth, as in a.x: {depth: 3}",
    ]


def layered(depth: int, width: int) -> str:
    """Return a mesh of services in a row, each calling the next several times."""
    services = [
        f"  s{i}: {{operations: {{x: {{calls: [{', '.join([f's{i + 1}.x'] * width)}]}}}}}}" for i in range(depth - 1)
    ]
    return "\n".join(
        [
            "name: x",
            "services:",
            *services,
            f"  s{depth - 1}: {{operations: {{x: {{}}}}}}",
            "workload:",
            "  mix:",
            "    s0.x: 1",
        ]
    )


def test_a_request_that_would_never_fit_is_refused() -> None:
    """Call trees are counted, not built, so the refusal is quick however large they are."""
    mesh(layered(11, 3))  # 88,573 calls
    refused = f"workload.mix.s0.x: one request may make more than {MOST_SITES} calls, which is too many to run"
    assert problems(layered(12, 3)) == [f"m.yaml:17: {refused}"]
    assert problems(layered(16, 300)) == [f"m.yaml:21: {refused}"]


def test_a_chain_that_is_too_deep_to_follow_is_refused() -> None:
    """At the service at its end, once."""
    mesh(layered(16, 1))
    deep = "calls deep; at most 15 are allowed"
    assert problems(layered(17, 1)) == [f"m.yaml:19: services.s16: is 16 {deep}"]
    assert problems(layered(900, 1)) == [f"m.yaml:902: services.s899: is 899 {deep}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just a sentence", "m.yaml:1: must be a block with name, services and workload, not 'just a sentence'"),
        ("- a\n- b", "m.yaml:1: must be a block with name, services and workload, not a list"),
        (
            "name: x\nservices: {}\nworkload: {mix: {}}",
            "m.yaml:2: services: needs at least one service",
        ),
        (
            "name: x\nservces: {a: {operations: {x: {}}}}\ndefaults: {edges_to: {a: {}}}\nworkload: {mix: {a.x: 1}}",
            "m.yaml:1: missing key 'services'\nm.yaml:2: unknown key 'servces' (did you mean 'services'?)",
        ),
        ("{}", "m.yaml:1: missing key 'name'\nm.yaml:1: missing key 'services'\nm.yaml:1: missing key 'workload'"),
        (
            "name: x\nservices: {a: {operations: {x: {}}}}\nworkload: {rate: 1/s}",
            "m.yaml:3: workload: missing key 'mix'",
        ),
        (
            "name: x\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 0}}",
            "m.yaml:3: workload.mix: needs an entry operation with a weight of more than 0",
        ),
    ],
)
def test_what_is_no_mesh_is_refused(text: str, message: str) -> None:
    """Without services or users there is nothing to run."""
    assert problems(text) == message.splitlines()


def test_an_entry_may_have_no_load() -> None:
    """Weight 0 keeps it in the mix beside others."""
    topology = mesh("name: x\nservices: {a: {operations: {x: {}, y: {}}}}\nworkload: {mix: {a.x: 0, a.y: 2}}")
    assert topology.workload.mix == (Entry("a", "x", 0.0), Entry("a", "y", 2.0))


TEN = shipped()[DEFAULT].read_text(encoding="utf-8")


@given(st.data())
def test_a_mesh_with_any_line_damaged_loads_or_is_refused(data: st.DataObject) -> None:
    """However a line of a file is damaged, the result is a topology or errors in printable lines."""
    lines = TEN.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    cut = data.draw(st.integers(0, len(line)))
    lines[at] = (
        line[:cut]
        + data.draw(st.text(max_size=5) | st.sampled_from(["", " ", "[", "}", "none", "0"]))
        + line[cut + 1 :]
    )
    try:
        mesh("\n".join(lines))
    except DocumentError as error:
        assert all(str(problem).isprintable() for problem in error.problems)


def test_a_thousand_services_load_in_a_moment() -> None:
    """Three operations each, a tree of calls, defaults with every policy: the work grows linearly with the file."""
    lines = [
        "name: large",
        "defaults: {edge: {timeout: 1s, retry: {budget: 20%}, breaker: {window_time: 10s}, pool: 5, bulkhead: 9}}",
        "services:",
    ]
    for i in range(1000):
        callees = [f"s{j}" for j in range(3 * i + 1, 3 * i + 4) if j < 1000]
        lines += [f"  s{i}:", "    operations:"]
        for name in "xyz":
            calls = ", ".join(f"{callee}.{name}: {{probability: 50%}}" for callee in callees)
            lines.append(f"      {name}: {{work: {{lognormal: {{median: 2ms, sigma: 0.5}}}}, calls: [{calls}]}}")
    lines.append("workload: {mix: {s0.x: 1, s0.y: 1, s0.z: 1}}")
    started = time.process_time()
    topology = mesh("\n".join(lines))
    assert time.process_time() - started < 4  # about 0.4 s on the author's machine
    assert (len(topology.services), len(topology.edges)) == (1000, 999)


def test_more_replicas_and_edges_of_theirs_than_can_be_run_are_refused() -> None:
    def hub(callees: int) -> str:
        services = ", ".join(f"s{n}: {{operations: {{x: {{}}}}}}" for n in range(callees))
        calls = ", ".join(f"s{n}.x" for n in range(callees))
        own = f"{{replicas: 1000, operations: {{x: {{calls: [{calls}]}}}}}}"
        return f"{{name: n, services: {{hub: {own}, {services}}}, workload: {{mix: {{hub.x: 1}}}}}}"

    parse(hub(198), "mesh.yaml")
    assert problems(hub(199)) == [
        f"m.yaml:1: services: has 200199 replicas and edges per replica in total; at most {MOST_PARTS} can be run"
    ]

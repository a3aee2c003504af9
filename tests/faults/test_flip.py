"""A flip of a setting: the configuration push, and its rollback."""

from collections import Counter

import pytest
from laws import check_idle
from stage import Stage, drain, play, take_rows, topology_of, unfold
from twin_runs import compare, simulation

from meshquake.faults.change import Change
from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.kinds.flip import Flip
from meshquake.faults.loader import Options, parse
from meshquake.faults.writing import block
from meshquake.sim.mesh import Mesh
from meshquake.sim.policies.compose import CALLER, KEYS, LAST
from meshquake.topology.binder import keys_of
from meshquake.topology.errors import CODES
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import Edge, Service, Version

TWO = """
name: two
defaults: {service: {workers: 1000}, edge: {latency: 1ms}}
services:
  web: {operations: {home: {work: 1ms, calls: db.get}}}
  db: {operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 100ms, breaker: {window_calls: 4, open_for: 1s}, pool: {size: 4, connect: 0s}}}
workload: {rate: 400/s, mix: {web.home: 1}}
"""
EDGE = Target("edge", "web", callee="db")


def flipped(**settings):
    return Flip(target=EDGE, set=Change.made_of(Edge, settings))


def test_a_timeout_that_is_halved_holds_for_calls_sent_meanwhile_and_for_no_other():
    stage = Stage(TWO)
    stage.request(0, 5, 30)
    stage.fault(flipped(timeout=0.008), 3, 20)
    assert stage.play() == [
        "0-13 web: success",
        "1-13 web>db: success",
        "2-12 db: success",
        "5-14 web: dependency_failed",
        "6-14 web>db: timeout",
        "7-17 db: success",
        "30-43 web: success",
        "31-43 web>db: success",
        "32-42 db: success",
    ]


def test_it_leaves_the_events_of_a_push_and_of_its_way_back():
    stage = Stage(TWO)
    stage.fault(flipped(timeout=0.008, breaker=None, pool={"size": 1}), 3, 20)
    stage.play(1000)
    assert [
        (round(event.time, 6), event.type, event.service, event.details) for event in stage.mesh.journal.events
    ] == [
        (0.003, "config_change", "web", "edges.web -> db.timeout set to 8ms"),
        (0.003, "config_change", "web", "edges.web -> db.breaker set to none"),
        (0.003, "config_change", "web", "edges.web -> db.pool.size set to 1"),
        (0.02, "config_change", "web", "edges.web -> db.timeout set to 100ms"),
        (0.02, "config_change", "web", "edges.web -> db.breaker set to {window_calls: 4, open_for: 1s}"),
        (0.02, "config_change", "web", "edges.web -> db.pool.size set to 4"),
    ]


def test_two_that_overlap_leave_nothing_behind_whichever_ends_first():
    stage = Stage(TWO)
    edge = stage.mesh.edges[0]
    usual = edge.spec
    stage.fault(flipped(timeout=0.05, retry={"max_attempts": 5}), 0, 20)
    stage.fault(flipped(timeout=0.01), 10, 30)
    seen = []
    for time in (5, 15, 25, 35):
        stage.mesh.env.call_at(time / 1000, lambda _: seen.append((edge.spec.timeout, edge.spec.retry is not None)))
    stage.play(1000)
    assert seen == [(0.05, True), (0.01, True), (0.01, False), (0.1, False)]
    assert edge.spec == usual


def test_a_pool_that_shrinks_keeps_who_waits_waiting_and_nobody_is_lost():
    text = TWO.replace("size: 4", "size: 1")
    rows = play(topology_of(text), 5, 800, [(flipped(pool={"size": 2, "acquire_timeout": 60.0}), Window(0.5, 0.5, 1))])
    calls = rows[rows["site"] == 1]
    assert len(set(calls["number"])) == len(calls) == len(rows) - len(calls)
    assert ((calls["ended"] >= calls["sent"]) & (calls["ended"] <= calls["sent"] + 0.1 + 1e-9)).all()


def test_what_is_not_changed_keeps_what_it_has_learned():
    stage = Stage(TWO)
    state = stage.mesh.replicas[0].callers
    breaker, pool = (state[0].policies[name] for name in ("breaker", "pool"))
    stage.fault(flipped(timeout=0.01, breaker={"window_calls": 7}), 1, 10_000)
    stage.play(100)
    assert state[0].policies["pool"] is pool
    assert state[0].policies["breaker"] is not breaker


def test_a_service_has_another_queue_and_another_probe():
    stage = Stage(TWO)
    change = Change.made_of(Service, {"queue": {"limit": 1}, "readiness": {"period": 0.5}})
    stage.fault(Flip(target=Target("service", "db"), set=change), 1, 50)
    db = stage.mesh.services["db"]
    seen = []
    for time in (10, 60):
        stage.mesh.env.call_at(
            time / 1000, lambda _: seen.append((db.replicas[0].queue.limit, db.spec.readiness.period))
        )
    stage.play(1000)
    assert seen == [(1, 0.5), (64, 5.0)]


# -- settings of a service that its processes, or their supervisor, obey ----------------------------------------------

APP = Target("service", "app")
ONE = """
name: one
services:
  web: {kind: gateway, workers: 1000, operations: {home: {calls: app.get}}}
  app:
    replicas: 2
    workers: 8
    cpu: 1
    startup: 500ms
    readiness: {period: 1s, failure_threshold: 1}
    operations: {get: {work: 5ms}}
edges: {web -> app: {latency: 0ms}}
workload: {rate: 100/s, mix: {web.home: 1}}
"""


def push(start, end, **settings):
    """Return a change of settings of app between two seconds."""
    flip = Flip(id=f"flip-{start}", target=APP, set=Change.made_of(Service, settings))
    return flip, Window(start, start, end)


def run(text, seconds, *faults):
    """Return a mesh after this many seconds."""
    mesh = Mesh(topology_of(text), 1, end=seconds)
    for fault, window in faults:
        mesh.env.process(unfold(mesh, fault, window))
    mesh.env.advance(seconds)
    return mesh


def told(mesh, kind):
    """Return the times of events of a kind, in whole seconds."""
    return [int(event.time) for event in mesh.journal.events if event.type == kind]


def test_a_rate_limit_set_too_low_turns_away_what_finds_no_token_until_it_is_rolled_back():
    limit = {"max_tokens": 5, "fill_interval": 0.5, "tokens_per_fill": 5}
    mesh = run(ONE, 30, push(10, 20, rate_limit=limit))
    drain(mesh)
    rows = take_rows(mesh)
    asked = rows[rows["caller"] >= 0]
    limited = asked[asked["outcome"] == CODES["rate_limited"]]
    assert 10 <= limited["arrived"].min() < 10.3 and 19.7 < limited["arrived"].max() < 20
    passed = asked[(asked["arrived"] >= 10) & (asked["arrived"] < 20) & (asked["outcome"] == 0)]
    # Two buckets, full at first and filled 19 times before the end.
    assert len(passed) == 2 * 5 * 20
    check_idle(mesh)


def test_a_readiness_probe_whose_timeout_is_cut_takes_replicas_out_that_are_only_slow_to_answer():
    slow = (fault_kinds()["probe"](id="probe", target=APP, by=0.3, share=0.0), Window(0, 0, 60))
    assert told(run(ONE, 40, slow), "replica_ejected") == []
    mesh = run(ONE, 40, slow, push(10, 20, readiness={"timeout": 0.2}))
    assert [time in (10, 11) for time in told(mesh, "replica_ejected")] == [True, True]
    assert [time in (20, 21) for time in told(mesh, "replica_restored")] == [True, True]


def test_a_probe_may_come_more_often_meanwhile():
    failing = (fault_kinds()["probe"](id="probe", target=APP, share=1.0), Window(0, 0, 60))
    mesh = run(
        ONE.replace("failure_threshold: 1", "failure_threshold: 99"),
        30,
        failing,
        push(10, 20, readiness={"period": 0.25}),
    )
    count = Counter(time // 10 for time in told(mesh, "health_check_failed"))
    assert (count[0], count[2]) == (20, pytest.approx(20, abs=2)) and count[1] == pytest.approx(2 * 40, abs=8)


def test_a_liveness_probe_may_be_switched_on_and_off_and_have_less_patience():
    slow = (fault_kinds()["probe"](id="probe", target=APP, by=0.3, share=0.0), Window(0, 0, 90))
    strict = {"period": 1.0, "failure_threshold": 2, "timeout": 0.2}
    mesh = run(ONE, 60, slow, push(10, 20, liveness=strict))
    assert min(told(mesh, "replica_stopped")) in (11, 12) and max(told(mesh, "replica_stopped")) <= 20
    lenient = ONE.replace("    cpu: 1\n", "    cpu: 1\n    liveness: {period: 1s}\n")
    assert told(run(lenient, 60, slow), "replica_stopped") == []
    cut = run(lenient, 60, slow, push(10, 20, liveness={"timeout": 0.2}))
    assert min(told(cut, "replica_stopped")) in (12, 13) and max(told(cut, "replica_stopped")) <= 20
    failing = (fault_kinds()["probe"](id="probe", target=APP, share=1.0), Window(10, 10, 40))
    off = run(lenient, 60, failing, push(5, 50, liveness=None))
    assert told(off, "replica_stopped") == [] and told(off, "liveness_failed") == []


SCALED = ONE.replace(
    "    cpu: 1\n",
    "    cpu: 1\n    autoscale: {maximum: 6, cpu: 10%, sync: 5s, cpu_initialization: 0s, initial_readiness: 0s,"
    " down: {window: 0s}}\n",
)


def test_an_autoscaler_whose_maximum_is_lowered_deletes_replicas_at_its_next_look_and_brings_them_back():
    # 100/s x 5 ms is half a core: five replicas at 10% each.
    mesh = run(SCALED, 60, push(30, 45, autoscale={"maximum": 2}))
    scaled = [
        (event.time, event.attributes["previous"], event.attributes["replicas"], event.attributes["reason"])
        for event in mesh.journal.events
        if event.type == "scaled"
    ]
    assert scaled[0] == (5, 2, 5, "cpu above target")
    assert [each for each in scaled if 30 <= each[0] < 45] == [(30, 5, 2, "above the maximum")]
    assert mesh.services["app"].desired == 5


def test_an_autoscaler_may_be_switched_off_and_one_may_be_given():
    off = run(SCALED, 60, push(1, 60, autoscale=None))
    assert off.services["app"].desired == 2
    given = run(ONE, 60, push(20, 59, autoscale={"maximum": 4, "requests": 20.0, "cpu": None, "sync": 5.0}))
    assert told(given, "scaled") == [25] and given.services["app"].desired == 4


VERSIONS = """
name: versions
services:
  web: {kind: gateway, workers: 1000, operations: {home: {calls: app.get}}}
  app:
    workers: 8
    cpu: 1
    startup: 500ms
    operations: {get: {work: 5ms}}
    versions: {v1: {weight: 90}, v2: {weight: 10, operations: {get: {error_rate: 100%}}}}
edges: {web -> app: {latency: 0ms, outlier: {}, bulkhead: 50}}
workload: {rate: 200/s, mix: {web.home: 1}}
"""


def of_version(version, start, end, **settings):
    """Return a change of settings of a version of app between two seconds."""
    flip = Flip(id=f"f{start}", target=APP, deployment=version, set=Change.made_of(Version, settings))
    return flip, Window(start, start, end)


def test_a_route_whose_weights_are_pushed_sends_other_shares_until_it_is_rolled_back():
    mesh = run(VERSIONS, 60, of_version("v1", 20, 40, weight=10.0))
    drain(mesh)
    rows = take_rows(mesh)
    asked = rows[rows["caller"] >= 0]
    for start, share in ((0, 0.1), (20, 0.5), (40, 0.1)):
        some = asked[(asked["sent"] >= start) & (asked["sent"] < start + 20)]
        assert (some["outcome"] != 0).mean() == pytest.approx(share, abs=0.02)
    settings = [event.details for event in mesh.journal.events if event.type == "config_change"]
    assert settings == [f"services.app.versions.v1.weight set to {weight}" for weight in (10, 90)]
    check_idle(mesh)


def test_two_pushes_on_versions_of_a_service_leave_nothing_behind():
    mesh = run(
        VERSIONS, 10, of_version("v1", 1, 5, weight=10.0), of_version("v2", 3, 7, weight=20.0, autoscale={"maximum": 3})
    )
    assert mesh.services["app"].spec == topology_of(VERSIONS).service("app")


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("deployment: v3, set: {weight: 3}", "app has no version 'v3'"),
        ("deployment: v2, set: {replicas: 3}", "cannot change while its processes run: only weight and autoscale can"),
        ("deployment: v2, set: {autoscale: {maximum: 1, minimum: 2}}", "the autoscaler of v2 has a minimum of 2"),
        ("set: {autoscale: 3}", "each version of app has its own autoscaler: choose one with deployment"),
    ],
)
def test_settings_of_a_version_are_refused_like_those_of_others(tmp_path, keys, complaint):
    (tmp_path / "mesh.yaml").write_text(VERSIONS, encoding="utf-8")
    text = f"name: x\ntopology: mesh.yaml\nconfounders: none\nfaults: [flip: {{target: app, {keys}}}]\n"
    with pytest.raises(DocumentError, match=complaint):
        parse(text, "x.yaml", Options(), tmp_path)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (
            "set: {autoscale: {maximum: 2, minimum: 3}}",
            "the autoscaler of product-service has a minimum of 3, above",
        ),
        ("set: {rate_limit: {max_tokens: 2}}", "missing key 'fill_interval'"),
    ],
)
def test_a_service_cannot_be_given_what_a_topology_file_could_not_give_it(keys, complaint):
    with pytest.raises(DocumentError, match=complaint):
        loaded(f"flip: {{target: product-service, {keys}}}")


def test_the_key_names_the_service_whose_rate_limit_it_was():
    limit = "{max_tokens: 1, fill_interval: 1s}"
    key = compare(simulation(f"flip: {{target: database, set: {{rate_limit: {limit}}}}}")).key
    (fault,) = key["faults"]
    assert (fault["root_cause"]["service"], fault["root_cause"]["indicator"]) == ("database", "config")
    assert (fault["event"]["type"], fault["event"]["service"]) == ("config_change", "database")
    assert fault["parameters"]["set"] == {"rate_limit": {"max_tokens": "1", "fill_interval": "1s"}}
    assert any(step["mechanism"] == "rate limit" for step in fault["mechanism"])


def loaded(fault):
    return parse(f"name: x\nconfounders: none\nfaults: [{{{fault}}}]\n", "x.yaml", Options(seed=3))


REFUSED = {
    "target: database, set: {workers: 2}": "set.workers: cannot change while its processes run: only queue,",
    "target: order-service -> database, set: {latency: 2ms}": "set.latency: belongs to the network and is not",
    "target: order-service -> database, set: {timeout: 2}": "set.timeout: needs a unit, as in 2ms or 2s",
    "target: database, set: {}": "set: must set something, as in {timeout: 200ms}",
    "target: order-service -> database, set: {retries: 2}": "set: unknown key 'retries' (did you mean 'retry'?)",
}


@pytest.mark.parametrize(("keys", "complaint"), REFUSED.items())
def test_what_cannot_be_set_is_refused_where_it_stands(keys, complaint):
    with pytest.raises(DocumentError) as caught:
        loaded(f"flip: {{{keys}}}")
    (problem,) = [each for each in caught.value.problems if not each.warning]
    assert str(problem).startswith(f"x.yaml:3: faults[0].flip.{complaint}")


def test_it_is_written_as_a_file_has_it():
    fault = loaded(
        "flip: {target: order-service -> database, at: 0s..9s, set: {timeout: 200ms, breaker: none, pool: {size: 2}}}"
    ).scenario.faults[0]
    assert block(fault)["set"] == {"timeout": "200ms", "breaker": "none", "pool": {"size": "2"}}


def test_the_key_names_the_caller_whose_setting_it_was_and_the_event_of_the_push():
    key = compare(simulation("flip: {target: order-service -> database, set: {timeout: 2ms}}")).key
    (fault,) = key["faults"]
    assert (fault["root_cause"]["service"], fault["root_cause"]["indicator"]) == ("order-service", "config")
    assert fault["event"]["type"] == "config_change"
    assert fault["parameters"]["set"] == {"timeout": "2ms"}
    assert not fault["latent"]
    assert any(step["mechanism"] == "timeout" for step in fault["mechanism"])


def test_what_a_policy_is_made_of_are_keys_of_an_edge_so_that_a_change_of_them_makes_it_anew():
    names = [*CALLER, *LAST]
    assert {key for name in names for key in KEYS.get(name, (name,))} <= set(keys_of(Edge))
    assert set(KEYS) <= set(names)


def test_edges_and_services_are_not_flipped_together():
    with pytest.raises(DocumentError, match="its targets must be all edges or all services"):
        loaded("flip: {targets: [database, api-gateway -> order-service], set: {queue: 3}}")


def test_retries_and_hedges_on_one_edge_are_refused():
    with pytest.raises(DocumentError, match="would have a retry and a hedge: set one to none"):
        loaded("flip: {target: api-gateway -> order-service, set: {retry: 3, hedge: {delay: 10ms}}}")

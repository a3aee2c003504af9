"""Targets by role: how a mesh fills each role, and the error if nothing does."""

import re

import pytest

from meshquake.faults.fault import Target
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.loader import Options, parse, shipped
from meshquake.faults.role import Role
from meshquake.topology.graph import walk
from meshquake.topology.loader import DEFAULT, load
from meshquake.topology.loader import parse as parse_mesh
from meshquake.topology.loader import shipped as shipped_meshes
from meshquake.topology.problems import DocumentError

TEN = load(shipped_meshes()[DEFAULT])
#: `b` and `c` are alike; `idle` is never called, and only one of the edges has a pool.
SHOP = parse_mesh(
    """
name: shop
services:
  web: {kind: gateway, replicas: 2, operations: {home: {calls: [b.get, c.get]}, buy: {calls: [b.get, c.get, d.put]}}}
  app: {kind: gateway, operations: {home: {calls: [b.get]}}}
  c: {operations: {get: {}}}
  b: {operations: {get: {calls: store.read}, list: {}}}
  d: {replicas: 4, operations: {put: {calls: [store.write, b.get: {probability: 0}]}}}
  store: {kind: database, operations: {read: {}, write: {}}}
  idle: {kind: cache, operations: {get: {}}}
edges:
  d -> store: {pool: {size: 2}}
workload: {rate: 10/s, mix: {web.home: 5, web.buy: 2, app.home: 2}}
""",
    "shop.yaml",
)


def faults(*blocks, mesh=SHOP, **options):
    """Return the faults of a scenario with these blocks, one per line from line 3 on."""
    text = "name: x\nfaults:\n" + "\n".join(f"  - {block}" for block in blocks)
    return parse(text, "my.yaml", Options(confounders="none", **options), mesh=mesh).scenario.faults


def found(target, fault="slow: {target: %s, factor: 2}", mesh=SHOP):
    """Return a target by role as a file would name it; several are separated by commas."""
    return ", ".join(str(each.target) for each in faults(fault % target, mesh=mesh))


def complaints(*blocks, mesh=SHOP):
    """Return the errors for these blocks, one per line."""
    with pytest.raises(DocumentError) as refused:
        faults(*blocks, mesh=mesh)
    return str(refused.value).split("\n")


# -- resolution ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "name"),
    {
        "{kind: database}": "store",
        "{}": "store",  # it gets more calls than any gateway
        "{role: most_called}": "store",
        "{role: most_called, nth: 2}": "b",
        "{kind: service}": "b",
        "{kind: service, nth: 3}": "d",
        "{kind: service, nth: 99}": "d",
        "{role: least_called}": "app",
        "{kind: gateway}": "web",
        "{role: entry}": "web",
        "{role: entry, nth: 2}": "app",
        "{role: deepest}": "store",
        "{kind: service, role: deepest}": "b",
        "{role: most_replicas}": "d",
        "{kind: gateway, role: most_replicas}": "web",
        "{kind: service, role: every}": "c, b, d",
        "{kind: database, replica: 0}": "store[0]",
        "{role: most_replicas, replica: 2}": "d[2]",
        "{role: most_replicas, replica: 9}": "d[3]",
        "{kind: service, role: every, replica: 1}": "c[0], b[0], d[1]",
        "{kind: database, operation: most_called}": "store.read",
        "{kind: database, operation: least_called}": "store.write",
        "{kind: service, operation: least_called}": "b.get",
    }.items(),
)
def test_a_service_has_a_role_by_what_it_does_in_the_mesh(target, name):
    assert found(target) == name


def test_services_that_are_alike_have_a_role_in_file_order():
    """Rates are sums of floats, and their last digits don't count as a difference."""
    calls = ", ".join(
        f"leaf-{number}.get: {{probability: {share}}}"
        for number in range(4)
        for share in (("10%", "20%", "30%") if number % 2 else ("30%", "20%", "10%"))
    )
    text = f"name: alike\nservices:\n  web: {{operations: {{home: {{calls: [{calls}]}}}}}}\n"
    text += "".join(f"  leaf-{number}: {{operations: {{get: {{}}}}}}\n" for number in range(4))
    mesh = parse_mesh(f"{text}workload: {{mix: {{web.home: 1}}}}\n", "alike.yaml")
    assert [found(f"{{role: deepest, nth: {nth}}}", mesh=mesh) for nth in range(1, 5)] == (
        [f"leaf-{number}" for number in range(4)]
    )


@pytest.mark.parametrize(
    ("target", "name"),
    {
        "{to: database}": "b -> store",
        "{to: database, nth: 2}": "d -> store",
        "{to: database, role: least_called}": "d -> store",
        "{from: gateway}": "web -> b",
        "{from: entry, to: service, role: every}": "web -> c, web -> b, web -> d, app -> b",
        "{from: service}": "b -> store",
    }.items(),
)
def test_an_edge_has_a_role_by_the_kinds_of_its_ends(target, name):
    assert found(target, "drop: {target: %s}") == name


def test_a_role_is_one_on_which_the_kind_of_fault_can_act():
    """The busiest edge to the database has no pool to shrink; users only call entry operations."""
    assert found("{to: database}", "shrink_pool: {target: %s}") == "d -> store"
    assert found("{operation: most_called}", "surge: {target: %s, factor: 2}") == "web.home"


def test_a_list_has_roles_in_it_and_every_stands_for_all_that_have_it():
    drawn = {found("[{kind: database}, {kind: service, role: every}, web]", "stop: {target: %s}") for _ in range(1)}
    drawn |= {
        str(faults("stop: {target: [{kind: database}, {kind: service, role: every}, web]}", seed=seed)[0].target)
        for seed in range(60)
    }
    assert drawn == {"store", "c", "b", "d", "web"}


def test_of_any_kind_of_fault_a_role_is_found_first_and_then_the_kind():
    kinds = {faults("any: {target: {kind: database}}", seed=seed)[0].kind for seed in range(40)}
    assert len(kinds) > 3
    assert {str(faults("any: {target: {to: database}}", seed=seed)[0].target) for seed in range(9)} == {"b -> store"}


def test_every_one_is_a_fault_of_its_own_and_ids_go_on_counting():
    ids = [
        fault.id
        for fault in faults(
            "slow: {target: b, factor: 2}", *2 * ["slow: {target: {kind: service, role: every}, factor: 3}"]
        )
    ]
    assert ids == [f"slow-{number}" for number in range(1, 8)]
    named = faults("slow: {target: {kind: gateway, role: every}, factor: 2..9, id: at-gateways}")
    assert [fault.id for fault in named] == ["at-gateways-1", "at-gateways-2"]
    assert len({fault.factor for fault in named}) == 1


def test_what_has_a_role_does_not_depend_on_the_seed_or_the_rate():
    target = "{kind: service, nth: 2}"
    assert {
        str(faults(f"slow: {{target: {target}, factor: 2}}", seed=seed, rate=seed + 1)[0].target) for seed in range(9)
    } == {"c"}


def test_the_roles_and_what_has_them_are_kept():
    text = "name: x\nfaults: [stop: {target: {kind: database}}, stop: {target: b}]\n"
    text += "background: [job: {target: [{role: entry}, c]}]"
    scenario = parse(text, "my.yaml", Options(confounders="none"), mesh=SHOP).scenario
    assert scenario.roles == {"stop-1": "{kind: database}", "job-1": "[{role: entry}, c]"}


def test_a_walk_meets_each_service_before_what_it_calls_and_a_branch_before_the_next():
    assert walk(SHOP.topology) == ["web", "c", "b", "store", "d", "app"]
    assert walk(TEN.topology)[:4] == ["api-gateway", "auth-service", "cache-service", "database"]


def test_in_the_ten_services_the_shipped_scenarios_act_where_their_names_say():
    targets = {
        name: [str(fault.target) for fault in parse(path.read_text(), name, mesh=TEN).scenario.faults]
        for name, path in shipped().items()
    }
    assert targets == {
        "cascade": ["database"],
        "degradation": ["inventory-service"],
        "deployment": ["product-service"],
        "high_volume": ["users"],
        "intermittent": [
            "cache-service",
            "database",
            *("auth-service", "user-service", "product-service", "inventory-service"),
            *("order-service", "payment-service", "notification-service"),
        ],
        "normal": [],
        "outage": ["database"] * 4,
        "transient": ["product-service[1]", "auth-service[0]", "user-service[1]", "product-service[2]"],
    }


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("stop: {target: {kind: databse}}", "stop.target.kind: cannot be 'databse' (did you mean 'database'?)"),
        (
            "stop: {target: {role: most_caled}}",
            "stop.target.role: cannot be 'most_caled' (did you mean 'most_called'?)",
        ),
        ("stop: {target: {knd: database}}", "stop.target: unknown key 'knd' (did you mean 'kind'?)"),
        ("stop: {target: {nth: 0}}", "stop.target.nth: must be at least 1, not 0"),
        (
            "stop: {target: {kind: external}}",
            "stop.target: shop has no external; its services are of kind gateway, service, database and cache",
        ),
        ("stop: {target: {kind: cache}}", "stop.target: no request reaches a cache in shop"),
        (
            "stop: {target: {kind: database, role: entry}}",
            "stop.target: users do not enter shop at a database; its services are of kind gateway, service, database "
            "and cache",
        ),
        (
            "drop: {target: {from: database, to: external}}",
            "drop.target: no request makes a call from a database to an external in shop; its services are of kind "
            "gateway, service, database and cache",
        ),
        (
            "drop: {target: {kind: database}}",
            "drop.target: a drop fault acts on an edge (caller -> callee); store is a service",
        ),
        (
            "stop: {target: {to: database}}",
            "stop.target: a stop fault acts on a service or a replica (service[0]); b -> store is an edge (caller -> "
            "callee)",
        ),
        (
            "drop: {target: {to: database, kind: service}}",
            "drop.target: an edge (from, to) cannot have a kind, replica or operation",
        ),
        (
            "drop: {target: {to: database, role: deepest}}",
            "drop.target: an edge (from, to) cannot be deepest (valid: most_called, least_called, every)",
        ),
        (
            "slow: {target: {replica: 1, operation: most_called}, factor: 2}",
            "slow.target: must be a replica or an operation, not both",
        ),
        (
            "stop: {target: {role: every, nth: 2}}",
            "stop.target: must be every one of them or the nth, not both",
        ),
        ("stop: {target: [{kind: database}, {kind: cache}]}", "stop.target[1]: no request reaches a cache in shop"),
        ("stop: {target: database}", "stop.target: unknown service 'database' (by its kind: {kind: database})"),
    ],
)
def test_what_nothing_has_is_refused_with_what_the_mesh_lacks(fault, message):
    assert complaints(fault) == [f"my.yaml:3: faults[0].{message}"]


def test_all_that_is_wrong_with_a_fault_is_told_at_once():
    assert complaints("slow: {target: {kind: cache}, factor: 0}", "any: {target: {kind: cahce}}") == [
        "my.yaml:3: faults[0].slow.target: no request reaches a cache in shop",
        "my.yaml:3: faults[0].slow.factor: must be at least 1, not 0",
        "my.yaml:4: faults[1].any.target.kind: cannot be 'cahce' (did you mean 'cache'?)",
    ]


def test_every_one_of_none_leaves_its_fault_out_and_says_so_but_not_if_nothing_is_left():
    every = "stop: {target: {kind: cache, role: every}}"
    loaded = parse(f"name: x\nfaults: [{every}, stop: {{target: b}}]", "my.yaml", mesh=SHOP)
    assert [str(fault.target) for fault in loaded.scenario.faults] == ["b"]
    left_out = "faults[0].stop.target: nothing in this mesh is {kind: cache, role: every}: it is left out"
    assert f"my.yaml:2: warning: {left_out}" in map(str, loaded.warnings)
    assert complaints(every) == [
        "my.yaml:2: faults: none of these faults finds anything in this mesh to act on",
        f"my.yaml:3: warning: {left_out}",
    ]


def test_without_a_mesh_roles_are_looked_at_by_form_only():
    text = "name: x\ntopology: nowhere\nfaults:\n  - stop: {target: {kind: databse}}\n  - stop: {target: {kind: cache}}"
    with pytest.raises(DocumentError) as refused:
        parse(text, "my.yaml")
    assert [re.sub(r" \(.*", "", str(problem)) for problem in refused.value.problems] == [
        "my.yaml:2: topology: 'nowhere' is neither a shipped mesh nor a file in .",
        "my.yaml:4: faults[0].stop.target.kind: cannot be 'databse'",
    ]


@pytest.mark.parametrize("kind", fault_kinds().own.values(), ids=lambda kind: kind.kind)
def test_every_kind_of_fault_can_act_on_a_role_of_the_ten_services(kind):
    """Users have no role, but entry operations do."""
    roles = [
        Role(),
        Role(replica=0),
        Role(operation="most_called"),
        Role(to="cache" if kind.kind == "miss" else "database"),
    ]
    levels = {"service": 0, "replica": 1, "operation": 2, "users": 2, "edge": 3}
    for level in kind.levels:
        (target,) = roles[levels[level]].targets(kind, TEN.topology)
        assert isinstance(target, Target)

"""Descriptions that people tried for meshes and incidents they know: each works, or the error says what would."""

import numpy as np
import pytest
from stage import drain, sites_of, take_rows, unfold

from meshquake.faults.loader import parse as scenario_of
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import SUCCESS
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import Operation, Service, Workload

THREE = """
name: three
defaults: {edge: {latency: 0.5ms}}
services:
  web: {kind: gateway, workers: 400, operations: {home: {work: 2ms, calls: app.get}}}
  app: {workers: 400, replicas: 4, operations: {get: {work: 5ms, calls: db.select}}}
  db: {kind: database, workers: 400, operations: {select: {work: 3ms}}}
workload: {rate: 40/s, mix: {web.home: 1}}
"""


def play(mesh, faults, seconds=20):
    """Return the rows of a run with a fault from beginning to end, those of user requests, and the mesh."""
    loaded = parse(mesh, "mesh.yaml")
    text = f"name: s\nconfounders: none\nlead_in: 0s\nrecovery: 0s\nduration: {seconds}s\nfaults: [{faults}]\n"
    scenario = scenario_of(text, "s.yaml", mesh=loaded).scenario
    running = Mesh(loaded.topology, 1, end=float(seconds))
    for fault in scenario.faults:
        running.env.process(unfold(running, fault, scenario.window(fault)))
    running.env.advance(float(seconds))
    drain(running)
    rows = take_rows(running)
    return rows, rows[rows["caller"] < 0], running


def refused(mesh, faults=None):
    """Return the errors of a mesh, or of a fault on it."""
    with pytest.raises(DocumentError) as caught:
        play(mesh, faults) if faults else parse(mesh, "mesh.yaml")
    return [problem.message for problem in caught.value.problems]


# -- supported -------------------------------------------------------------------------------------------------------


def test_a_replica_that_refuses_at_once_draws_half_of_the_calls_of_least_request_until_its_probe_fails():
    """It never has a call in flight, so it wins every pair it is in: half of all pairs among four replicas."""
    busy = THREE.replace("get: {work: 5ms, calls: db.select}", "get: {work: 80ms}").replace("rate: 40/s", "rate: 200/s")
    mesh = busy + "edges: {web -> app: {balance: least_request}}\n"
    _, users, _ = play(mesh.replace("replicas: 4", "replicas: 4, cpu: 400"), "refuse: {target: 'app[0]'}", 30)
    early, late = users["arrived"] < 9, users["arrived"] > 16  # three probes, one every five seconds
    assert np.mean(users["outcome"][early] != SUCCESS) == pytest.approx(0.5, abs=0.06)
    assert np.all(users["outcome"][late] == SUCCESS)


def test_a_delay_of_five_seconds_costs_ten_and_a_lost_call_the_time_that_a_connection_may_take():
    """Chaos tools delay packets, those of the answer too; a drop loses a call, not a packet that would be resent."""
    _, users, _ = play(THREE, "delay: {target: web -> app, by: 5s}")
    there_and_back = users[users["arrived"] < 9]  # answers after the fault come faster
    assert there_and_back["finished"] - there_and_back["arrived"] == pytest.approx(10.012, abs=0.05)
    _, users, _ = play(THREE, "drop: {target: web -> app, share: 5%}", 60)
    lost = users["outcome"] != SUCCESS
    assert np.mean(lost) == pytest.approx(0.05, abs=0.02)
    assert (users["finished"] - users["arrived"])[lost] == pytest.approx(5.0, abs=0.01)


def test_of_two_entries_each_fails_by_what_lies_below_it_and_neither_by_what_it_can_do_without():
    """Two stores are down, the second one in the second half of the time, but the call to it is optional."""
    mesh = """
name: two
services:
  first: {kind: gateway, operations: {serve: {calls: [left.do, right.do: {optional: true}]}}}
  second: {kind: gateway, operations: {serve: {calls: last.do}}}
  left: {operations: {do: {work: 1ms}}}
  right: {operations: {do: {work: 1ms, calls: pg.select}}}
  last: {operations: {do: {work: 1ms, calls: mssql.select}}}
  pg: {kind: database, operations: {select: {work: 1ms}}}
  mssql: {kind: database, operations: {select: {work: 1ms}}}
workload: {rate: 20/s, mix: {first.serve: 1, second.serve: 1}}
"""
    rows, users, running = play(mesh, "stop: {target: mssql}, stop: {target: pg, at: 50%, for: 50%}")
    first, second = (np.isin(users["site"], sites_of(running, name)) for name in ("first", "second"))
    assert np.all(users["outcome"][first] == SUCCESS) and np.all(users["outcome"][second] != SUCCESS)
    right = rows[np.isin(rows["site"], sites_of(running, "right"))]
    assert np.all((right["outcome"] != SUCCESS) == (right["arrived"] >= 10))


def test_operations_are_called_as_in_the_real_system():
    mesh = parse(
        """
name: names
services:
  frontend:
    kind: gateway
    operations: {"GET /api/products/{id}": {calls: product_catalog.oteldemo.ProductCatalogService/GetProduct}}
  product_catalog: {operations: {oteldemo.ProductCatalogService/GetProduct: {work: 1ms}}}
workload: {mix: {"frontend.GET /api/products/{id}": 1}}
""",
        "mesh.yaml",
    ).topology
    assert mesh.service("product_catalog").operations[0].name == "oteldemo.ProductCatalogService/GetProduct"
    assert mesh.workload.mix[0].operation == "GET /api/products/{id}"


# -- expressed differently, with a hint --------------------------------------------------------------------------------


def test_of_a_call_to_a_service_that_is_not_there_the_nearest_operation_is_told():
    mesh = THREE.replace("calls: app.get", "calls: acme.app.get")
    assert refused(mesh) == ["there is no service 'acme' (did you mean 'app.get'?)"]


def test_who_closes_a_cycle_of_calls_is_told_the_form_that_has_an_end():
    mesh = THREE.replace("select: {work: 3ms}", "select: {calls: [app.get: {probability: 10%}]}")
    (message,) = refused(mesh)
    assert message.endswith("give one of its calls a depth, as in app.get: {depth: 3}")
    parse(mesh.replace("probability: 10%", "probability: 10%, depth: 3"), "mesh.yaml")


def test_who_wants_misses_where_nothing_is_looked_up_is_told_what_a_lookup_is():
    (message,) = refused(THREE, "miss: {target: app -> db}")
    assert message.endswith("no call there has a hit_rate, as in calls: [db.select: {hit_rate: 90%}]")
    mesh = THREE.replace("calls: db.select", "calls: [db.select: {hit_rate: 90%, on_miss: db.select}]")
    rows, users, running = play(mesh, "miss: {target: app -> db}", 5)
    looked_up = np.isin(rows["site"], sites_of(running, "db")) & (rows["number"] < len(users) - 2)  # before the end
    assert looked_up.sum() == 2 * (len(users) - 2)


@pytest.mark.parametrize(
    ("where", "cls"), [("services.web", Service), ("services.web.operations.home", Operation), ("workload", Workload)]
)
def test_a_key_that_others_have_says_what_there_is_in_its_place(where, cls):
    lines = {
        "services.web": ("web: {", "web: {WORD: 1, "),
        "services.web.operations.home": ("home: {", "home: {WORD: 1, "),
        "workload": ("workload: {", "workload: {WORD: 1, "),
    }
    for word, instead in cls.instead.items():
        before, after = lines[where]
        assert refused(THREE.replace(before, after.replace("WORD", word), 1)) == [f"unknown key {word!r}: {instead}"]


@pytest.mark.parametrize("word", [word for word in Workload.instead if word != "replay"])
def test_the_population_that_is_shown_in_place_of_a_key_is_one(word):
    shown = Workload.instead[word].partition("as in ")[2]
    mesh = THREE.replace("home: {work", "pay: {}, home: {work").replace(
        "mix: {web.home: 1}", f"mix: {{web.home: 1}}, {shown}"
    )
    assert len(parse(mesh, "mesh.yaml").topology.workload.populations) == 2


def test_a_value_in_place_of_a_block_that_needs_keys_is_told_them():
    (message,) = refused(THREE.replace("web: {", "web: {rate_limit: 100/s, ", 1))
    assert message == "must be a block with max_tokens and fill_interval, not '100/s'"

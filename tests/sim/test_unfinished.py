"""Requests that never end are followed for a while, then recorded as unfinished; the mesh goes on unchanged."""

import numpy as np
import pytest
from laws import balance
from stage import Stage, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.scenario import Scenario
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.errors import CODES, FOLLOWED, SUCCESS

GET = Target("operation", "db", operation="get")
PAIR = """
name: pair
services:
  web: {operations: {go: {work: 10ms, calls: [db.get]}}}
  db: {workers: WORKERS, operations: {get: {work: 20ms}}}
edges: {web -> db: {latency: 1ms, EDGE}}
workload: {rate: 1/s, mix: {web.go: 1}}
"""


def pair(edge="", workers=1):
    return Stage(PAIR.replace("EDGE", edge).replace("WORKERS", str(workers)))


def test_a_request_that_hangs_is_unfinished_after_ten_minutes_in_both_halves_of_its_calls():
    stage = pair()
    stage.fault(Hang(id="hang", target=GET), 0, 900_000)
    stage.request(0)
    assert stage.play(700_000) == [
        "0-600000 web: unfinished",
        "10-600000 web>db: unfinished",
        "11-600000 db: unfinished",
    ]
    assert stage.mesh.engine.unfinished == 1


def test_the_mesh_holds_what_such_a_request_holds_until_it_is_over_and_no_row_comes_of_it_any_more():
    stage = pair()
    stage.fault(Hang(id="hang", target=GET), 0, 900_000)
    stage.request(0, 500_000)
    stage.mesh.env.advance(650)
    assert (stage.mesh.services["db"].replicas[0].active, stage.mesh.services["db"].replicas[0].calls) == (1, 2)
    assert stage.play(1_000_000) == [
        "0-600000 web: unfinished",
        "10-600000 web>db: unfinished",
        "11-600000 db: unfinished",
        "500000-900041 web: success",
        "500010-900041 web>db: success",
        "500011-900040 db: success (from 900020)",
    ]
    assert stage.mesh.services["db"].replicas[0].calls == stage.mesh.services["web"].replicas[0].calls == 0


def test_who_gave_up_has_its_own_end_and_only_the_work_for_nobody_is_unfinished():
    stage = pair(edge="timeout: 50ms")
    stage.fault(Hang(id="hang", target=GET), 0, 900_000)
    stage.request(0)
    assert stage.play(700_000) == [
        "0-60 web: dependency_failed",
        "10-60 web>db: timeout",
        "11-600000 db: unfinished",
    ]


def test_a_call_that_still_waits_for_a_connection_has_a_callers_half_only():
    stage = pair(edge="pool: {size: 1, acquire_timeout: 600s}")
    stage.fault(Hang(id="hang", target=GET), 0, 900_000)
    stage.request(0, 100)
    assert stage.play(700_000) == [
        "0-600000 web: unfinished",
        "10-600000 web>db: unfinished",
        "11-600000 db: unfinished",
        "100-600100 web: unfinished",
        "110-600100 web>db: unfinished",
    ]


def test_a_call_whose_caller_was_killed_meanwhile_is_cancelled_and_only_the_callee_is_unfinished():
    stage = pair()
    stage.fault(Hang(id="hang", target=GET), 0, 900_000)
    stage.fault(Stop(id="stop", target=Target("service", "web")), 500_000, 501_000)
    stage.request(0)
    assert stage.play(700_000) == [
        "0-500000 web: connection_reset",
        "10-500000 web>db: cancelled",
        "11-600000 db: unfinished",
    ]


RING = topology_of("""
name: ring
defaults: {service: {workers: 4}}
services:
  a: {operations: {x: {work: 1ms, calls: b.z}, y: {work: 1ms}}}
  b: {operations: {z: {work: 1ms, calls: a.y}}}
workload: {rate: 400/s, mix: {a.x: 1}}
""")


def test_in_a_deadlock_what_arrived_has_succeeded_failed_is_in_flight_or_unfinished_at_any_moment():
    mesh = Mesh(RING, 1, end=4.0)
    held = []
    for moment in (0.5, 1.0, 3.0, 100.0, 599.0):
        mesh.env.advance(moment)
        held.append((mesh.now, {replica.service.spec.name: replica.calls for replica in mesh.replicas}))
    mesh.env.advance(mesh.end + FOLLOWED)
    assert not mesh.engine.live
    rows = take_rows(mesh)
    for now, calls in held:
        for service, count in calls.items():
            own = [row for row in rows if row["arrived"] >= 0 and mesh.sites[row["site"]].service.spec.name == service]
            assert balance([(row["arrived"], row["finished"], row["outcome"]) for row in own], now) == count
    roots = rows[[mesh.sites[site].parent is None for site in rows["site"]]]
    unfinished = int(np.sum(roots["outcome"] == CODES["unfinished"]))
    succeeded = int(np.sum(roots["outcome"] == SUCCESS))
    assert (
        unfinished == mesh.engine.unfinished == 64
    )  # four in progress, and a queue that holds 60 beside their four calls
    assert len(roots) == succeeded + unfinished + int(np.sum(roots["outcome"] == CODES["overloaded"]))


@pytest.mark.parametrize("interval", [0.25, 1.0])
def test_when_a_request_is_let_go_depends_on_nothing_but_when_it_came(interval):
    scenario = Scenario(name="s", duration=2.0, lead_in=0.0, recovery=0.0)
    simulation = Simulation(scenario, RING, interval=interval, batch=100)
    rows = b"".join(cut.rows for cut in simulation.cuts())
    reference = b"".join(cut.rows for cut in Simulation(scenario, RING).cuts())
    assert rows == reference
    assert simulation.mesh.now <= 2.0 + FOLLOWED + 0.5


def test_an_unfinished_span_says_so_has_no_status_and_no_line_and_no_metric_counts_it():
    stuck = topology_of(PAIR.replace("EDGE", "").replace("WORKERS", "1"))
    scenario = Scenario(name="s", duration=1300.0, lead_in=0.0, recovery=0.0)
    simulation = Simulation(scenario, stuck, interval=100.0)
    fault = Hang(id="hang", target=GET)
    simulation.mesh.env.process(unfold(simulation.mesh, fault, Window(0.0, 0.0, 1300.0)))
    batches = list(simulation.batches())
    spans = [span for batch in batches for span in batch.records("traces")]
    lines = {line["span_id"] for batch in batches for line in batch.records("logs")}
    left = [span for span in spans if span["error_type"] == "unfinished"]
    assert left and {(span["status"], span["status_code"]) for span in left} == {("error", 0)}
    assert max(span["duration_ms"] for span in left) == 1000 * FOLLOWED
    assert not lines & {span["span_id"] for span in left}
    # Requests of the first minutes were abandoned while metrics were taken; none of them ended.
    figures = [metric for batch in batches for metric in batch.records("metrics") if metric["service"] == "db"]
    rates = [metric["value"] for metric in figures if metric["metric"] == "request_rate" and metric["replica"] is None]
    shed = [span for span in spans if span["service"] == "db" and span["kind"] == "server"]
    assert sum(rates) * 100 == pytest.approx(sum(span["error_type"] != "unfinished" for span in shed), abs=0.5)

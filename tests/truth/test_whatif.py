"""The same requests with one thing changed: the comparison equals a count over both runs."""

from dataclasses import replace

import polars as pl
import pytest

from meshquake.faults import loader as scenario_loader
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import DEFAULT, parse, shipped
from meshquake.truth.whatif import Unmatched, compare

SCENARIO = """
name: slow-database
lead_in: 20s
duration: 30s
recovery: 20s
confounders: none
faults:
  - slow: {target: database, factor: 80, ramp: 20%}
"""


def text():
    return shipped()[DEFAULT].read_text(encoding="utf-8")


def simulation(scenario=SCENARIO, mesh=None, calm=False):
    options = scenario_loader.Options(seed=7, calm=calm)
    loaded = scenario_loader.parse(scenario, "scenario.yaml", options, mesh=parse(mesh or text(), "mesh.yaml"))
    return Simulation.of(loaded)


def difference(before, after):
    return compare(before, after, lambda clock: None)


def bad(run):
    """Return the traces of requests that failed or took more than a second, from the records."""
    traces = pl.concat([batch.traces for batch in run.batches()])
    roots = traces.filter(pl.col("parent_span_id").is_null())
    lost = roots.filter((pl.col("status") == "error") | (pl.col("duration_ms") > 1000))
    return set(lost["trace_id"]), set(roots["trace_id"])


CHANGES = {
    "an end that comes earlier": (SCENARIO.replace("ramp: 20%", "ramp: 20%, for: 60%"), None),
    "no breakers": (
        SCENARIO,
        text()
        .replace("breaker: {window_time", "breaker: none  # {window_time")
        .replace("edges:\n", "edges: {}\nunused:\n"),
    ),
    "no faults": (SCENARIO.partition("faults:")[0], None),
    "more users": (SCENARIO + "  - surge: {target: users, factor: 3}\n", None),
}


@pytest.fixture(scope="module", params=["an end that comes earlier", "no faults", "more users"])
def changed(request):
    return request.param


def test_saved_and_lost_requests_are_those_that_the_records_of_both_runs_show(changed):
    scenario, mesh = CHANGES[changed]
    found = difference(simulation(), simulation(scenario, mesh))
    (before, made), (after, made_after) = bad(simulation()), bad(simulation(scenario, mesh))
    both = made & made_after
    assert (found.saved, found.lost) == (len((before - after) & both), len((after - before) & both))
    assert found.only_before == Unmatched(len(made - made_after), len(before - made_after))
    assert found.only_after == Unmatched(len(made_after - made), len(after - made))
    assert (found.before.requests, found.after.requests) == (len(made), len(made_after))
    assert (found.before.failed + found.before.slow, found.after.failed + found.after.slow) == (len(before), len(after))


def test_a_run_differs_in_nothing_from_itself():
    found = difference(simulation(), simulation())
    assert (found.saved, found.lost, found.spared, found.newly_hit) == (0, 0, [], [])
    assert found.before == found.after
    assert all(before == after for _, before, after in found.stretches)
    assert "database" in found.hit


def test_until_the_fault_begins_a_run_without_it_is_the_same():
    """On a mesh without background activity all bad requests are spared, since only the fault does harm there."""
    found = difference(simulation(calm=True), simulation(calm=True).without(["slow-1"]))
    assert all(before == after for start, before, after in found.stretches if start < 0)
    assert found.saved == found.before.failed + found.before.slow > 0
    assert found.spared == found.hit


def test_the_stretches_hold_every_request_once():
    found = difference(simulation(), simulation().without(["slow-1"]))
    assert sum(before.requests for _, before, _ in found.stretches) == found.before.requests
    assert sum(after.failed for _, _, after in found.stretches) == found.after.failed
    starts = [start for start, _, _ in found.stretches]
    assert starts == sorted(starts)
    assert starts[0] == -20


def test_without_a_lead_in_the_first_stretch_begins_at_zero_and_not_at_minus_zero():
    played = simulation(SCENARIO.replace("lead_in: 20s", "lead_in: 0s"))
    found = difference(played, simulation(SCENARIO.replace("lead_in: 20s", "lead_in: 0s")))
    assert str(found.stretches[0][0]) == "0.0"


def test_a_change_of_a_policy_compares_the_same_requests():
    mesh = text().replace("timeout: 1s", "timeout: 400ms")
    found = difference(simulation(), simulation(mesh=mesh))
    assert found.before.requests == found.after.requests
    assert found.saved + found.lost > 0


def test_a_mesh_with_other_entries_can_be_compared_too():
    mesh = text().replace("    api-gateway.order_history: 8\n", "")
    found = difference(simulation(), simulation(mesh=mesh))
    assert 0 < found.after.requests < found.before.requests


def test_a_shorter_recording_can_be_compared_too():
    before = simulation()
    shorter = Simulation(replace(before.scenario, recovery=5.0), before.topology)
    found = difference(before, shorter)
    assert found.only_before.requests == found.before.requests - found.after.requests > 0
    assert (found.saved, found.lost, found.only_after) == (0, 0, Unmatched(0, 0))


def test_users_who_do_not_come_without_a_surge_are_not_saved():
    surge = SCENARIO + "  - surge: {target: users, factor: 3}\n"
    found = difference(simulation(surge), simulation(surge).without(["surge-1"]))
    assert found.only_before.bad > 0
    assert found.only_before.requests == found.before.requests - found.after.requests
    assert (
        found.saved - found.lost
        == sum(sign * (each.failed + each.slow) for sign, each in ((1, found.before), (-1, found.after)))
        - found.only_before.bad
    )

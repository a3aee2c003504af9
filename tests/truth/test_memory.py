"""The memory that a comparison of runs holds does not grow with their length."""

import gc
import tracemalloc
import weakref
from pathlib import Path

import pytest
from small_mesh import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.sim import telemetry
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth import sample_file, spill_file, twins, whatif

SCENARIO = """
name: incident
faults: [{slow: {target: db, factor: 8}}, {fail: {target: cache, share: 50%, at: 20%, for: 50%}}]
"""
#: Only allocations of these modules count.
OURS = [tracemalloc.Filter(True, f"{Path(each.__file__).parent}/*") for each in (twins, telemetry)]
#: Seconds of a short run, long enough for buffers to reach their usual size, and of a long one.
SHORT, LONG = 80, 160
#: Bytes allowed per additional second: counts take one per column, plus random variation. A second's samples would
#: take 1,700, for each of the runs.
A_SECOND = 1000


@pytest.fixture(autouse=True)
def little_waits_in_memory(monkeypatch):
    """Lower the buffer limits, so that a day's few megabytes become less in these runs."""
    monkeypatch.setattr(sample_file, "PIECE", 2**14)
    monkeypatch.setattr(spill_file, "WAITING", 2**12)


def simulation(seconds):
    mesh = topology_loader.parse(SMALL, "mesh.yaml")
    options = Options(lead_in=10, duration=seconds - 20, recovery=10, rate=6, seed=1)
    return Simulation.of(parse(SCENARIO, "scenario.yaml", options, mesh=mesh), batch=400)


def held():
    """Return the bytes that the comparison holds now."""
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS).traces)


def test_what_a_run_leaves_is_gone_when_the_next_one_begins(alone):
    one = simulation(SHORT)
    gone = weakref.ref(one.mesh)
    assert sum(len(batch.frame("traces")) for batch in one.batches()) > 0
    del one
    next(simulation(SHORT).batches())
    assert gone() is None


@pytest.fixture
def traced():
    """Yield a function that starts tracing with nothing held.

    Memory that the interpreter keeps for reuse, such as some thousands of tuples, was allocated earlier and would not
    be traced when reused: previous work would hide part of what is held. A collection releases it.
    """
    yield lambda: (tracemalloc.stop(), gc.collect(), tracemalloc.start())
    tracemalloc.stop()


@pytest.mark.slow
def test_a_key_holds_no_more_of_a_long_run_than_of_a_short_one(traced):
    def play(seconds):
        traced()
        played = twins.Twins(simulation(seconds), lambda verdicts: None)
        for _ in played.cuts():
            pass
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert all(finding.departures for finding in played.findings) and played.incident
        _, most = tracemalloc.get_traced_memory()
        return held(), most - before

    (short, to_tell_it), (long, to_tell_more) = play(SHORT), play(LONG)
    assert long - short < A_SECOND * (LONG - SHORT)
    assert to_tell_more - to_tell_it < A_SECOND * (LONG - SHORT)


@pytest.mark.slow
def test_a_comparison_holds_no_more_of_a_long_run_than_of_a_short_one(traced):
    def play(seconds):
        traced()
        found = []
        one = simulation(seconds)
        whatif.compare(
            one, one.without(["slow-1"]), lambda clock: found.append(held()) if clock > seconds - 5 else None
        )
        return min(found)

    assert play(LONG) - play(SHORT) < A_SECOND * (LONG - SHORT)

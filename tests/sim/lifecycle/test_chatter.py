"""Lines that processes write by themselves: none are made where nobody reads them, and nothing else changes."""

import polars as pl
from polars.testing import assert_frame_equal

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.truth.watch import Watch

TEXT = (
    "name: x\nlead_in: 4s\nduration: 8s\nrecovery: 4s\nconfounders: none\nfaults: [stop: {target: database, for: 2s}]\n"
)
LOADED = parse(TEXT, "my.yaml", Options(rate=10), mesh=load(shipped()[DEFAULT]))


def records(hushed):
    simulation = Simulation.of(LOADED)
    if hushed:
        simulation.hush()
    batches = list(simulation.batches())
    return {
        kind: pl.concat(getattr(batch, kind) for batch in batches) for kind in ("metrics", "logs", "traces", "events")
    }


def test_a_run_of_which_nobody_reads_the_lines_has_the_same_calls_metrics_and_events_and_fewer_lines():
    heard, hushed = records(False), records(True)
    for kind in ("metrics", "traces", "events"):
        assert_frame_equal(heard[kind], hushed[kind])
    of_requests = [logs.filter(pl.col("trace_id").is_not_null()) for logs in (heard["logs"], hushed["logs"])]
    assert_frame_equal(*of_requests)
    assert len(hushed["logs"]) < len(heard["logs"])


def test_a_run_that_is_only_compared_says_nothing_and_one_that_is_recorded_does():
    for recorded in (True, False):
        watch = Watch(Simulation.of(LOADED), recorded=recorded)
        assert watch.simulation.mesh.chatter.heard is recorded

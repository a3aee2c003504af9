"""The cyclic collector skips long-lived objects during a run, and its settings are restored afterwards."""

import gc
import weakref

import pytest
from small_mesh import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.sim import collecting
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader


def simulation():
    options = Options(lead_in=1, duration=10, recovery=0, rate=6, seed=1)
    return Simulation.of(parse("name: x", "x.yaml", options, mesh=topology_loader.parse(SMALL, "mesh.yaml")))


def test_in_a_block_of_several_runs_what_one_leaves_is_gone_when_the_next_one_begins(alone):
    with collecting.of_several_runs():
        frozen = gc.get_freeze_count()
        assert frozen
        one = simulation()
        gone = weakref.ref(one.mesh)
        list(one.cuts())
        del one
        assert 0 < gc.get_freeze_count() <= frozen, "a run in the block freezes nothing more"
        next(simulation().cuts())
        assert gone() is None
    assert not gc.get_freeze_count()


def test_what_somebody_else_has_frozen_stays_so(alone):
    gc.freeze()
    try:
        with collecting.of_several_runs():
            list(simulation().cuts())
        list(simulation().cuts())
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_on_after_a_pause_if_it_was_before(on):
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with collecting.paused():
            assert not gc.isenabled()
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()

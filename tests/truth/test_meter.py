"""The measurements in a key don't depend on the other samples taken of the run."""

import numpy as np
import pytest
from small_cases import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.watch import Watch

STOP = "name: x\nlead_in: 5s\nduration: 10s\nrecovery: 5s\nconfounders: none\nfaults: [stop: {target: store}]\n"


def played(interval, recorded, batch=32_000):
    mesh = topology_loader.parse(SMALL, "small.yaml")
    loaded = parse(STOP, "x.yaml", Options(seed=5), mesh=mesh)
    simulation = Simulation.of(loaded, interval=interval, batch=batch)
    watch = Watch(simulation, recorded)
    for cut in watch.cuts:
        watch.take(cut)
    return simulation, watch.samples


def values(samples):
    return {series: samples.of(group)[:, at] for group in samples.groups(10**6) for at, series in enumerate(group)}


@pytest.mark.parametrize(("interval", "recorded", "samplers"), [(1.0, True, 1), (2.0, True, 2), (1.0, False, 1)])
@pytest.mark.parametrize("batch", [500, 32_000])
def test_samples_are_the_same_whether_they_are_read_for_records_too(interval, recorded, samplers, batch):
    simulation, found = played(interval, recorded, batch)
    assert len(simulation.samplers) == samplers
    found, expected = values(found), values(played(2.0, True)[1])
    assert found.keys() == expected.keys() and len(found) > 50
    for series, samples in expected.items():
        np.testing.assert_array_equal(found[series], samples, err_msg=str(series))

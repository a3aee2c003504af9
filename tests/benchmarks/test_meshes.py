"""The meshes that benchmarks derive from one play like it, in each part."""

from __future__ import annotations

import pytest

from meshquake.benchmarks.meshes import copies, enlarged
from meshquake.benchmarks.throughput import alone
from meshquake.topology.environment.environment import Environment
from meshquake.topology.loader import DEFAULT, load, shipped


@pytest.fixture(scope="module")
def mesh():
    return load(shipped()[DEFAULT]).topology


def test_each_copy_of_a_mesh_has_what_the_mesh_does_by_itself(mesh):
    """Everything said of a service is said of each of its copies, and of nothing else."""
    both = copies(mesh, 2)
    for word in Environment.by_service:
        said, of_both = (dict(getattr(each.environment, word)) for each in (mesh, both))
        assert of_both == {f"{name}-{number}": concern for number in range(2) for name, concern in said.items()}


@pytest.mark.parametrize("made", [copies, enlarged])
def test_a_larger_mesh_has_as_many_times_the_calls(mesh, made):
    """Three times the mesh makes three times the calls, within 15%."""
    assert alone(made(mesh, 3), 20.0, 1).calls == pytest.approx(3 * alone(mesh, 20.0, 1).calls, rel=0.15)

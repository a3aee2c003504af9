"""A pytest plugin that comes with the package: `mesh_fixture` generates a fixture once and caches it for tests.

Use it like this::

    def test_the_alarm_goes_off(mesh_fixture):
        fixture = mesh_fixture("cascade", seed=7, duration=60)
        ingest(fixture.metrics())

Fixtures are kept in pytest's cache folder under a hash of everything that determines their bytes: the texts of the
scenario and of the topology, the seed, the other options, and versions. `pytest --cache-clear` deletes them.

The plugin imports nothing of the package until a test uses it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack

import pytest

if TYPE_CHECKING:
    from meshquake.exporters.fixtures.fixture import Fixture
    from meshquake.sim.api import Settings


class MeshFixture(Protocol):
    """The type of `mesh_fixture`."""

    def __call__(self, scenario: str | Path, *, truth: bool = False, **settings: Unpack[Settings]) -> Fixture:
        """Return a fixture of a scenario.

        Parameters
        ----------
        scenario
            The name of a shipped scenario, or a scenario file.
        truth
            Whether to include an answer key, for which the scenario is run again without its faults.
        settings
            As for `meshquake.simulate`: `seed`, `duration`, `lead_in`, `recovery`, `rate`, `severity`, `confounders`,
            `topology`, `interval`, `start`.

        Raises
        ------
        topology.problems.DocumentError
            If the scenario or topology file is invalid; it lists every problem.
        ValueError
            If the scenario is unknown, or a setting is out of bounds.
        """


@pytest.fixture(scope="session")
def mesh_fixture(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> MeshFixture:
    """A function that returns a fixture (`meshquake.Fixture`) of a scenario, generated once and then cached."""
    # pytest's cache plugin can be switched off.
    cache = getattr(pytestconfig, "cache", None)
    folder = tmp_path_factory.mktemp("meshquake") if cache is None else cache.mkdir("meshquake")

    def made(scenario: str | Path, *, truth: bool = False, **settings: Unpack[Settings]) -> Fixture:
        from meshquake.exporters.fixtures.cached import cached

        return cached(folder, scenario, truth, settings)

    return made

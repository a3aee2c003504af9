"""A plugin for pytest that comes with the package: `mesh_fixture` gives tests a fixture, and generates it once.

Use it like this::

    def test_the_alarm_goes_off(mesh_fixture):
        fixture = mesh_fixture("cascade", seed=7, duration=60)
        ingest(fixture.metrics())

What was generated is kept in pytest's cache folder under a hash of all that decides its bytes: the texts of the
scenario and of the topology, the seed, the other options, and versions. `pytest --cache-clear` throws it away.

Without a test that asks for it this imports nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Unpack

import pytest

if TYPE_CHECKING:
    from meshquake.exporters.fixtures.fixture import Fixture
    from meshquake.sim.api import Settings


class MeshFixture(Protocol):
    """What `mesh_fixture` is."""

    def __call__(self, scenario: str | Path, *, truth: bool = False, **settings: Unpack[Settings]) -> Fixture:
        """A fixture of a scenario.

        Parameters
        ----------
        scenario
            The name of a shipped scenario, or a scenario file.
        truth
            Whether it has an answer key, for which it is played again without its faults.
        settings
            As of `meshquake.simulate`: `seed`, `duration`, `lead_in`, `recovery`, `rate`, `severity`, `confounders`,
            `topology`, `interval`, `start`.

        Raises
        ------
        topology.problems.DocumentError
            With everything that is wrong with the scenario's or the topology's file.
        ValueError
            For an unknown scenario, or a setting out of its bounds.
        """


@pytest.fixture(scope="session")
def mesh_fixture(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> MeshFixture:
    """A function that gives a fixture (`meshquake.Fixture`) of a scenario, generated once and then cached."""
    # The plugin of the cache can be switched off.
    cache = getattr(pytestconfig, "cache", None)
    folder = tmp_path_factory.mktemp("meshquake") if cache is None else cache.mkdir("meshquake")

    def made(scenario: str | Path, *, truth: bool = False, **settings: Unpack[Settings]) -> Fixture:
        from meshquake.exporters.fixtures.cached import cached

        return cached(folder, scenario, truth, settings)

    return made

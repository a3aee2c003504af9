"""Fixtures that are generated once and kept, under a hash of all that decides their bytes."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from exporters import manifest, writing
from exporters.fixture import Fixture
from sim.api import Settings, prepare


def cached(folder: Path, scenario: str | Path, truth: bool, settings: Settings) -> Fixture:
    """The fixture of a scenario, from the cache if it is there and whole.

    Parameters
    ----------
    folder
        The cache.
    scenario, settings
        As of `sim.simulate`, which says what is raised too.
    truth
        Whether it has an answer key.

    Raises
    ------
    OSError
        If the cache can't be written.
    """
    simulation, severity = prepare(scenario, **settings), settings.get("severity", 1.0)
    # But for what was written, a manifest is all that decides the bytes.
    recipe = manifest.manifest(simulation, severity, {}, []) | {"truth": truth}
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    place = folder / f"{simulation.scenario.name}-{digest[:16]}"
    with suppress(manifest.ManifestError):
        return Fixture(place)
    writing.write(simulation, place, severity, lambda batch: None, truth)
    return Fixture(place)

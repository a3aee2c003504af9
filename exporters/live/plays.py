"""Stages for a scenario file, an undisturbed mesh, or an exercise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from meshquake.exporters.live import exercise as exercises
from meshquake.exporters.live.stage import Stage
from meshquake.faults import loader
from meshquake.faults.loader import Options
from meshquake.sim.live.script import free_play
from meshquake.sim.live.session import Session
from meshquake.topology.loader import DEFAULT


def stage(
    scenario: Path | None,
    options: Options,
    seed: int,
    speed: float,
    clock: Callable[[], float],
    exercise: bool,
) -> Stage:
    """Set up a stage.

    Parameters
    ----------
    scenario
        A scenario file, or the name of a shipped one; None for a mesh without faults or actions.
    options
        Overrides of the scenario's settings.
    seed, speed, clock
        See `Stage`.
    exercise
        Whether to draw and hide a fault.

    Raises
    ------
    topology.problems.DocumentError
        With all problems of the scenario or the mesh.
    """

    def make(seed: int) -> Session:
        seeded = replace(options, seed=seed)
        if exercise:
            return Session(exercises.drawn(seeded), seeded)
        if scenario is None:
            text = free_play(str(options.topology or DEFAULT))
            return Session(loader.parse(text, "live", replace(seeded, topology=options.topology)), seeded)
        return Session(loader.load(loader.shipped().get(str(scenario), scenario), seeded), seeded)

    return Stage(make, seed, clock, speed, exercises.judge if exercise else None)

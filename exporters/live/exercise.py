"""Exercises: a hidden fault drawn from a seed, and the verdict on how it was handled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from meshquake.exporters.fixtures import writing
from meshquake.exporters.fixtures.answer_key import read_ground_truth
from meshquake.exporters.page.story import story
from meshquake.faults import loader
from meshquake.faults.loader import LoadedScenario, Options
from meshquake.sim.live.script import Script
from meshquake.sim.simulation import Simulation
from meshquake.topology.addresses import address
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.loader import DEFAULT
from meshquake.truth.preview import felt_since
from meshquake.truth.remedies import prospects

#: The brief for the trainee.
BRIEF: Final = (
    "Something goes wrong in this mesh within the first three minutes. Find out what, and do something about it. "
    "What counts is how many requests fail or take longer than users were promised."
)
_TEXT: Final = """
name: exercise
summary: Something goes wrong
lead_in: 1m
duration: 8m
recovery: 1m
topology: '{}'
faults:
  - any:
      of: [slow, fail, refuse, hang, stop, hog_cpu, deploy, delay, drop, throttle]
      target: any
      at: 20s..2m
      for: 6m
"""


#: Users must feel a fault within `SOON` seconds of its start, else another one is drawn, up to `ATTEMPTS` times.
SOON: Final = 90.0
ATTEMPTS: Final = 20


class NoExerciseError(MeshquakeError):
    """Raised if users of a mesh feel none of the faults drawn for it."""


def drawn(options: Options) -> LoadedScenario:
    """Return the exercise of a seed: the first fault drawn from it that users feel soon.

    Each fault is played until that is known. If the first is not felt, the scenario gets another seed, derived from the
    given one.

    Raises
    ------
    topology.problems.DocumentError
        If the mesh has no place for a fault.
    NoExerciseError
        If users feel none of the faults drawn.
    """
    for attempt in range(ATTEMPTS):
        found = draw(options, attempt)
        scenario = found.scenario
        if felt_since(Simulation.of(found), scenario.window(scenario.faults[0]).start + SOON) is not None:
            return found
    raise NoExerciseError(f"users feel none of the {ATTEMPTS} faults drawn: try another seed, or another mesh")


def draw(options: Options, attempt: int) -> LoadedScenario:
    """Return one of the exercises drawn from a seed, whether users feel its fault or not."""
    assert options.seed is not None
    seed = address(options.seed, "exercise", attempt) % 2**31 if attempt else options.seed
    text = _TEXT.format(str(options.topology or DEFAULT).replace("'", "''"))
    return loader.parse(text, "exercise", replace(options, seed=seed))


def judge(script: Script) -> dict[str, Any]:
    """Judge a finished exercise: the story, the harm, the effect of the actions, and the best possible action.

    The run is played to its end, with the actions taken and none after them.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder) / "exercise"
        writing.write(Simulation.of(script.loaded), place, lambda batch: None, True, ())
        truth = read_ground_truth(place)
    harmed = truth["requests"]["harmed"]
    actions = truth.get("actions", {"harmed_without": harmed, "saved": 0, "lost": 0})
    found = prospects(script)
    return {
        "story": story(truth)["paragraphs"],
        "requests": truth["requests"]["total"],
        "harmed": harmed,
        "harmed_without": actions["harmed_without"],
        "saved": actions["saved"],
        "lost": actions["lost"],
        "best": None if found.best is None else {"kind": found.best[0], "target": found.best[1]["target"]},
        "best_harmed": min(found.least.harmed, harmed),
    }

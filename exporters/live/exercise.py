"""An exercise: a fault that the seed draws and nobody is told of, and what was made of it in the end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from meshquake.exporters.blocks import Block, Facts
from meshquake.exporters.fixtures import writing
from meshquake.exporters.fixtures.answer_key import read_ground_truth
from meshquake.exporters.reports import explain
from meshquake.faults import loader
from meshquake.faults.loader import LoadedScenario, Options
from meshquake.sim.live.script import Script
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import DEFAULT
from meshquake.truth.remedies import best

#: What a trainee is told.
BRIEF: Final = (
    "Something goes wrong in this mesh within the first three minutes. Find out what, and do something about it. "
    "Requests that fail, or take longer than users were promised, are what counts."
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


def drawn(options: Options) -> LoadedScenario:
    """The exercise of a seed; DocumentError if the mesh has no place for it."""
    return loader.parse(_TEXT.format(str(options.topology or DEFAULT).replace("'", "''")), "exercise", options)


def judge(script: Script) -> dict[str, Any]:
    """What there is to tell once an exercise is over: the story, the harm, and what was done and could have been.

    The run is played to its end, with the actions that were taken and none after them.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder) / "exercise"
        writing.write(Simulation.of(script.loaded), place, lambda batch: None, True, ())
        truth = read_ground_truth(place)
        story = [line for block in explain.incident(place) for line in _lines(block)]
    harmed = truth["requests"]["harmed"]
    actions = truth.get("actions", {"harmed_without": harmed, "saved": 0, "lost": 0})
    found = best(script, _felt(truth, script.scenario.length))
    return {
        "story": story,
        "requests": truth["requests"]["total"],
        "harmed": harmed,
        "harmed_without": actions["harmed_without"],
        "saved": actions["saved"],
        "lost": actions["lost"],
        "best": None if found.remedy is None else {"kind": found.remedy[0], "target": found.remedy[1]["target"]},
        "best_harmed": min(found.harmed, harmed),
    }


def _felt(truth: dict[str, Any], length: float) -> float:
    """When somebody could act at the earliest: as users first felt the fault, or as it began."""
    (fault,) = truth["faults"]
    moment = fault["user_facing"]["since"] or fault["start"]
    start = datetime.fromisoformat(truth["recording"]["start"])
    return min((datetime.fromisoformat(moment) - start).total_seconds(), length - 1.0)


def _lines(block: Block) -> list[str]:
    match block:
        case str():
            return [block]
        case Facts():
            return [f"{name}: {text}" for name, text in block.facts]
    return []

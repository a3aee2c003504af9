"""A study: what is asked, and everything needed to answer it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from meshquake.ensembles.axes import Axis, Cell, Level
from meshquake.ensembles.mistakes import mistakes
from meshquake.ensembles.response_text import response
from meshquake.ensembles.responses import Bounded, OfKey, Response
from meshquake.ensembles.stopping import Until
from meshquake.faults.loader import Options
from meshquake.faults.recipe import Recipe
from meshquake.topology.addresses import address
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.replay import Replay

#: Default runs per cell, and the default maximum if a precision is to be reached.
REPLICATIONS, AT_MOST = 20, 1000
#: The most runs of a cell.
MOST_RUNS = 100_000
#: The warm-up that is detected in each run.
MSER = "mser"


class StudyError(MeshquakeError):
    """A study that cannot be run as it is."""


@dataclass(frozen=True)
class Study:
    """A study.

    Each run is a pure function of the study and of the numbers of its cell and its replication. All cells have the same
    seeds, so that runs of two cells with the same number use the same draws.

    Attributes
    ----------
    name, summary
        Its name, and what it asks in a sentence.
    scenario, topology, file
        The texts of the scenario and of the mesh, and their origin, for messages.
    assignments
        `PATH=VALUE` that hold in every cell.
    calm
        Whether the mesh does nothing by itself.
    axes, sample
        The varied parameters; and, for a Latin hypercube, the number of points.
    cells
        The combinations to run, made from these.
    replications
        Runs of each cell; the initial runs, if a precision is to be reached.
    until, at_most
        That precision, and the runs after which to give up.
    seed
        The seed of the study.
    warm_up
        How much is cut off at the beginning of each recording: seconds, or "mser" to detect it in each run.
    replayed
        The request files that the mesh refers to, by the names that it uses.
    """

    name: str
    scenario: str
    topology: str
    file: str
    cells: tuple[Cell, ...]
    responses: tuple[Response, ...]
    summary: str = ""
    assignments: tuple[str, ...] = ()
    calm: bool = False
    axes: tuple[Axis, ...] = ()
    sample: int | None = None
    replications: int = REPLICATIONS
    until: Until | None = None
    at_most: int = AT_MOST
    seed: int = 1
    warm_up: float | str = 0.0
    replayed: tuple[tuple[str, Replay], ...] = ()

    def __post_init__(self) -> None:
        if not self.cells:
            raise StudyError("no cells: a study needs at least one")
        parameters = [each.name for each in self.axes]
        found = mistakes(self.labels, parameters, len(self.cells), self.replications, self.until, self.at_most)
        if found:
            raise StudyError(*found)

    def seed_of(self, replication: int) -> int:
        """The seed of a replication, in every cell."""
        return address(self.seed, "ensemble", "replication", replication) % 2**63

    def recipe(self, seed: int) -> Recipe:
        """The recipe of a run with a seed."""
        return Recipe(self.scenario, self.topology, Options(seed=seed, calm=self.calm), self.file, dict(self.replayed))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of the responses."""
        return tuple(each.label for each in self.responses)

    @property
    def asks_key(self) -> bool:
        """Whether a response is about the key."""
        asked = (each.of if isinstance(each, Bounded) else each for each in self.responses)
        return any(isinstance(each, OfKey) for each in asked)

    @property
    def long(self) -> bool:
        """Whether each cell has one run, whose own sections give its intervals."""
        return self.replications == 1

    @property
    def size(self) -> int:
        """The number of initial runs."""
        return len(self.cells) * self.replications


# -- in a manifest -------------------------------------------------------------------------------------------------


def as_manifest(study: Study) -> dict[str, Any]:
    """A study as in a manifest, except for its texts. Everything that was drawn for it is included."""
    return {
        "name": study.name,
        "summary": study.summary,
        "calm": study.calm,
        "set": [*study.assignments],
        "seed": study.seed,
        "replications": study.replications,
        "until": None
        if study.until is None
        else {
            "response": study.until.response,
            "relative": study.until.relative,
            "at_most": study.at_most,
        },
        "warm_up": study.warm_up,
        "responses": [{"label": each.label, "text": each.text} for each in study.responses],
        "vary": [{"name": each.name, "levels": _levels_of(each.levels)} for each in study.axes],
        "sample": study.sample,
        "cells": [_levels_of(cell.levels) for cell in study.cells],
    }


def _levels_of(levels: Sequence[Level]) -> list[dict[str, Any]]:
    return [{"label": each.label, "set": [*each.assignments]} for each in levels]


def _levels(content: Sequence[Mapping[str, Any]]) -> tuple[Level, ...]:
    return tuple(Level(each["label"], tuple(each["set"])) for each in content)


def read(content: Mapping[str, Any], scenario: str, topology: str, file: str, replayed: Mapping[str, Replay]) -> Study:
    """The study of a manifest that was checked against its schema; ValueError if this version cannot run it."""
    until = content["until"]
    axes = tuple(Axis(each["name"], _levels(each["levels"])) for each in content["vary"])
    cells = tuple(Cell(_levels(each)) for each in content["cells"])
    for number, cell in enumerate(cells):
        if len(cell.levels) != len(axes) or any(
            axis.levels and level not in axis.levels for axis, level in zip(axes, cell.levels, strict=True)
        ):
            raise ValueError(f"cell {number} is not made of the levels of what is varied: one of them was changed")
    return Study(
        name=content["name"],
        summary=content["summary"],
        scenario=scenario,
        topology=topology,
        file=file,
        assignments=tuple(content["set"]),
        calm=content["calm"],
        axes=axes,
        sample=content["sample"],
        cells=cells,
        responses=tuple(response(each["text"], each["label"]) for each in content["responses"]),
        replications=content["replications"],
        until=None if until is None else Until(until["response"], until["relative"]),
        at_most=AT_MOST if until is None else until["at_most"],
        seed=content["seed"],
        warm_up=content["warm_up"],
        replayed=tuple(replayed.items()),
    )

"""Settings of a study that undo each other: a value that another setting of the same cell replaces has no effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from meshquake.ensembles.axes import Axis
from meshquake.faults import edits
from meshquake.topology.problems import Problem

#: The rate of a run, which two paths set.
_RATE = "workload.rate"


@dataclass(frozen=True)
class _Setting:
    """A `set`, or what is varied: its name in messages, and the places that each of its values sets."""

    name: str
    values: tuple[tuple[tuple[str, str], ...], ...]

    def undoes(self, other: _Setting, ever: bool) -> bool:
        """Whether it replaces all of what another sets: in all of its values, or in any of them (`ever`)."""
        enough = any if ever else all
        return enough(
            any(_replaces(own, place) for own in value for each in other.values for place in each)
            for value in self.values
        )


def overlaps(
    assignments: Sequence[str], axes: Sequence[Axis], scenario: str, topology: str, called: str
) -> list[Problem]:
    """Problems of settings that undo earlier ones.

    A block that is set first and refined afterwards is no problem, and neither is a `set` that only some variants
    replace.

    Parameters
    ----------
    assignments, axes
        `PATH=VALUE` that hold in every cell, and what is varied, in the order in which they are applied.
    scenario, topology
        Their texts, in which faults have positions.
    called
        The prefix of settings in messages: two hyphens, or their origin.
    """
    texts = {"scenario": scenario, "topology": topology}

    @cache
    def place(path: str) -> tuple[str, str]:
        return _place(path, texts)

    def setting(name: str, values: Iterable[Iterable[str]]) -> _Setting:
        places = (tuple(place(text.partition("=")[0].strip()) for text in each) for each in values)
        return _Setting(name, tuple(dict.fromkeys(places)))

    dashes = called if called == "--" else ""  # an origin is named once
    fixed = [setting(f"set {text}", [[text]]) for text in assignments]
    varied = [
        setting(f"vary {each.name}", [level.assignments for level in each.levels or (each.at(0.0),)]) for each in axes
    ]
    return [
        Problem(called + later.name, 0, "", f"replaces what {dashes}{earlier.name} sets: leave out one of them")
        for earlier, later in combinations([*fixed, *varied], 2)
        if later.undoes(earlier, ever=earlier in varied)
    ]


def _place(path: str, texts: dict[str, str]) -> tuple[str, str]:
    """The text that a path leads into, and where: the same for all ways to write it."""
    if path == "rate":
        return "topology", _RATE
    try:
        side = edits.side(path)
        return side, edits.place(texts[side], path)
    except ValueError:  # reported when it is applied
        return "", path


def _replaces(later: tuple[str, str], earlier: tuple[str, str]) -> bool:
    return later[0] == earlier[0] and edits.below(earlier[1], later[1])

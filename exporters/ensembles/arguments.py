"""Checks the arguments of `ensemble`: what a program passes may be of any type, and any size."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any

from meshquake.ensembles import asking
from meshquake.ensembles.axes import MOST_CELLS
from meshquake.ensembles.study import MOST_RUNS, StudyError
from meshquake.topology.units import shown

#: The least and the most of numbers.
_BOUNDS = {
    "replications": (1, MOST_RUNS),
    "at_most": (1, MOST_RUNS),
    "sample": (1, MOST_CELLS),
    "seed": (0, 2**63 - 1),
    "workers": (1, 256),
}
_TEXTS = {"until": "a text such as 'entry.error_rate:5%'", "warm_up": "a text such as '30s' or 'mser'"}
_PATHS = ("scenario", "topology", "output")
_FLAGS = ("calm", "resume")
#: Arguments that None does not leave to their defaults.
_REQUIRED = ("scenario", "workers")


def check(given: Mapping[str, Any]) -> None:
    """Raise StudyError if arguments, given by their names, are not of the right type or size; it lists all of them."""
    problems: list[str] = []

    def must(name: str, what: str, right: bool) -> None:
        if not right:
            problems.append(f"{name}: must be {what}, not {shown(given[name])}")

    for name, (low, high) in _BOUNDS.items():
        unsaid = given[name] is None and name not in _REQUIRED
        must(name, f"a whole number from {low} to {high}", unsaid or _is_whole(given[name], low, high))
    for name, what in _TEXTS.items():
        must(name, what, isinstance(given[name], str | None))
    for name in _PATHS:
        unsaid = given[name] is None and name not in _REQUIRED
        must(name, "a name or a path", unsaid or isinstance(given[name], str | PathLike))
    for name in _FLAGS:
        must(name, "True or False", isinstance(given[name], bool))
    must("changes", "a list of 'PATH=VALUE'", _is_texts(given["changes"]))
    responses = given["responses"]
    of_labels = isinstance(responses, Mapping) and _is_texts([*responses, *responses.values()])
    must(
        "responses",
        "a list of texts such as 'entry.error_rate', or a dict of labels and such texts",
        of_labels or isinstance(responses, str) or _is_texts(responses),
    )
    if not isinstance(given["vary"], Mapping | None):
        must("vary", "a dict of paths with their values", False)
    else:
        problems += [each for path, values in (given["vary"] or {}).items() if (each := _unvaried(path, values))]
    if problems:
        raise StudyError(*problems)


def whole(value: int | None) -> int | None:
    """A whole number as Python's own, whatever library it is from."""
    return None if value is None else int(value)


def is_given(value: object) -> bool:
    """Whether an argument says anything."""
    return len(value) > 0 if isinstance(value, Collection) else bool(value)


def varied(vary: Mapping[str, Any] | None) -> list[str]:
    """Parameters in the form of `asking.study_of`."""
    return [asking.parameter(path, values) for path, values in (vary or {}).items()]


def asked(responses: str | Sequence[str] | Mapping[str, str]) -> list[tuple[str, str]]:
    """Responses in the form of `asking.study_of`."""
    if isinstance(responses, Mapping):
        return [*responses.items()]
    return [("", each) for each in ([responses] if isinstance(responses, str) else responses)]


def _unvaried(path: object, values: object) -> str:
    """What is wrong with the values of a parameter; empty if nothing is."""
    if not isinstance(path, str):
        return f"vary: a path must be a text such as 'services.database.replicas', not {shown(path)}"
    if isinstance(values, str):
        return ""
    if isinstance(values, Mapping) or not isinstance(values, Collection):
        return f"vary {path}: must be a list of values, or a range such as '10..30:3', not {shown(values)}"
    listed = list(values)
    for value in listed:
        if not isinstance(value, str | Real):
            return f"vary {path}: a value must be a text, a number, True or False, not {shown(value)}"
    return "" if listed else f"vary {path}: has no value"


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) <= high


def _is_texts(value: object) -> bool:
    """Whether it is several texts, and not one."""
    return isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(each, str) for each in value)

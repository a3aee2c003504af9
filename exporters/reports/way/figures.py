"""The figures of a run that can be averaged, and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from meshquake.exporters.reports.way.marking import Marked
from meshquake.truth.way.diagnosis import PARTS, Diagnosis

Figures = Mapping[str, float | None]

#: Figures from 0 to 1 (the worth of evidence and the mark itself may be negative), the mark first.
QUALITY = ("mark", "exact", "any_root", *PARTS, "reached")
#: Those of them that are yes or no in a run.
YES_OR_NO = frozenset(("exact", "any_root", "path", "reached"))
#: Figures of effort.
EFFORT = ("calls", "errors", "bytes", "tokens", "seconds", "approach", "nearness")
FIGURES = (*QUALITY, *EFFORT)
#: Labels for people.
CALLED = {"any_root": "any root", "roots": "roots F1", "nodes": "nodes F1", "edges": "edges F1"}


def of(mark: Diagnosis) -> dict[str, float | None]:
    """Return the figures of a diagnosis, by name."""
    flags = {"exact": mark.exact, "any_root": mark.any_root, "reached": mark.reached}
    known = {"mark": mark.mark, **flags, **mark.parts}
    return {name: _number(known[name]) for name in QUALITY}


def of_run(run: Marked) -> dict[str, float | None]:
    """Return the figures of a run, by name; None for one that it does not have."""
    taken = {} if run.effort is None else run.effort.as_json()
    return {**of(run.diagnosis), **{name: _number(taken.get(name)) for name in EFFORT}}


def mean(rows: Sequence[Figures]) -> dict[str, float | None]:
    """Average each figure over the rows that have it; None if none has."""
    names = dict.fromkeys(name for row in rows for name in row)
    values = {name: [value for row in rows if (value := row.get(name)) is not None] for name in names}
    return {name: fmean(known) if known else None for name, known in values.items()}


def _number(value: float | bool | None) -> float | None:
    return None if value is None else float(value)

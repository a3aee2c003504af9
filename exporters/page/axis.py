"""The time axis of the page, cut into equal steps: what happened in one of them is shown at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

import polars as pl

#: Lengths of a step in seconds that people can count by; longer ones are whole hours.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
_US = 1_000_000


@dataclass(frozen=True)
class Axis:
    """A recording in steps.

    Attributes
    ----------
    start
        Wall time of its first moment, in UTC.
    length, step
        Seconds of the recording, and of a step; the last step may be shorter.
    """

    start: datetime
    length: float
    step: float

    @classmethod
    def of(cls, start: datetime, length: float, most: int, multiple: float = 0.0) -> Axis:
        """The axis with the shortest steps of which there are no more than `most`.

        Parameters
        ----------
        start, length
            Of the recording.
        most
            Steps that it may have.
        multiple
            Seconds of which a step must be a multiple, as the interval between samples; 0 for any.
        """
        # Few people could read more steps than there are seconds in a short recording.
        least = max(length / most, min(1.0, length / 20))
        if multiple:
            return cls(start, length, multiple * max(1, ceil(least / multiple - 1e-9)))
        known = (step for step in _STEPS if step >= least - 1e-9)
        return cls(start, length, next(known, 3600.0 * ceil(least / 3600)))

    @property
    def count(self) -> int:
        """How many steps there are."""
        return max(1, ceil(self.length / self.step - 1e-9))

    def seconds(self, moment: str) -> float:
        """A moment as records have it, in seconds since the recording began."""
        return (datetime.fromisoformat(moment) - self.start).total_seconds()

    def step_of(self, microseconds: pl.Expr, over: bool = False) -> pl.Expr:
        """The step that a moment is in, given in microseconds since the recording began.

        Parameters
        ----------
        microseconds
            The moment; one beyond either end belongs to the step at that end.
        over
            Whether the moment ends what is meant, as that of a sample does: then the step before it, at a border.
        """
        at = microseconds - 1 if over else microseconds
        return (at // round(self.step * _US)).clip(0, self.count - 1).cast(pl.Int32)

    def since(self, column: str = "timestamp") -> pl.Expr:
        """A column of moments in microseconds since the recording began."""
        times = pl.col(column).str.head(26).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", time_unit="us")
        return times.cast(pl.Int64) - round(self.start.timestamp() * _US)

    def moment(self, seconds: float) -> str:
        """The wall time so many seconds after the beginning, as records have it."""
        return (self.start + timedelta(seconds=seconds)).isoformat(timespec="microseconds")

    def as_json(self) -> dict[str, object]:
        """What the page needs to know of it."""
        return {
            "start": self.start.isoformat(timespec="microseconds"),
            "from": 0.0,
            "length": self.length,
            "step": self.step,
            "count": self.count,
        }


def dense(frame: pl.DataFrame, column: str, count: int) -> list[float | int | None]:
    """A column of a frame with a `step`, as a list with a place for each step: null where there is none."""
    values: list[float | int | None] = [None] * count
    for step, value in frame.select("step", column).iter_rows():
        values[step] = value
    return values


def counted(steps: Sequence[int], count: int) -> list[int]:
    """How often each step occurs."""
    found = [0] * count
    for step in steps:
        found[step] += 1
    return found

"""The time axis of the page, cut into equal steps; everything within a step is shown at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

import polars as pl

#: Round lengths of a step in seconds; longer steps are whole hours.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
_US = 1_000_000


@dataclass(frozen=True)
class Axis:
    """A recording cut into steps.

    Attributes
    ----------
    start
        Wall time of its first moment, in UTC.
    length, step
        Seconds of the recording, and of a step. The last step may be shorter.
    """

    start: datetime
    length: float
    step: float

    @classmethod
    def of(cls, start: datetime, length: float, most: int, multiple: float = 0.0) -> Axis:
        """Return the axis with the shortest steps that has at most `most` of them.

        Parameters
        ----------
        start, length
            Start and length of the recording.
        most
            Most steps.
        multiple
            Seconds that a step must be a multiple of, such as the interval between samples; 0 for any.
        """
        # Steps are at least a second, or a 20th of a recording below 20 seconds; people can't read finer ones.
        least = max(length / most, min(1.0, length / 20))
        if multiple:
            return cls(start, length, multiple * max(1, ceil(least / multiple - 1e-9)))
        known = (step for step in _STEPS if step >= least - 1e-9)
        return cls(start, length, next(known, 3600.0 * ceil(least / 3600)))

    @property
    def count(self) -> int:
        """Number of steps."""
        return max(1, ceil(self.length / self.step - 1e-9))

    def seconds(self, moment: str) -> float:
        """Convert a timestamp of a record to seconds since the recording began."""
        return (datetime.fromisoformat(moment) - self.start).total_seconds()

    def step_of(self, microseconds: pl.Expr, over: bool = False) -> pl.Expr:
        """Return the step of a moment, given in microseconds since the recording began.

        Parameters
        ----------
        microseconds
            The moment. A moment beyond either end belongs to the step at that end.
        over
            Whether the moment ends an interval, as that of a sample does: at a border it then belongs to the step
            before.
        """
        at = microseconds - 1 if over else microseconds
        return (at // round(self.step * _US)).clip(0, self.count - 1).cast(pl.Int32)

    def since(self, column: str = "timestamp") -> pl.Expr:
        """Convert a column of timestamps to microseconds since the recording began."""
        times = pl.col(column).str.head(26).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", time_unit="us")
        return times.cast(pl.Int64) - round(self.start.timestamp() * _US)

    def moment(self, seconds: float) -> str:
        """Return the wall time `seconds` after the beginning, formatted as in records."""
        return (self.start + timedelta(seconds=seconds)).isoformat(timespec="microseconds")

    def as_json(self) -> dict[str, object]:
        """Return the axis for the scripts of the page."""
        return {
            "start": self.start.isoformat(timespec="microseconds"),
            "from": 0.0,
            "length": self.length,
            "step": self.step,
            "count": self.count,
        }


def dense(frame: pl.DataFrame, column: str, count: int) -> list[float | int | None]:
    """Spread a column of a frame with a `step` over all steps: null where a step has no row."""
    values: list[float | int | None] = [None] * count
    for step, value in frame.select("step", column).iter_rows():
        values[step] = value
    return values


def counted(steps: Sequence[int], count: int) -> list[int]:
    """Count how often each step occurs."""
    found = [0] * count
    for step in steps:
        found[step] += 1
    return found

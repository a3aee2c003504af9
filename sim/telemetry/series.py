"""Series, which are found by name and never by position, and samples of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from meshquake.sim.telemetry.tables import Floats


class Series(NamedTuple):
    """What a series is found by; `replica` and `target` are null as in its records."""

    service: str
    metric: str
    replica: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Samples:
    """Samples of some intervals by series: a row an interval, a column a series, nan where there is none."""

    series: tuple[Series, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _column(self) -> dict[Series, int]:
        return {each: column for column, each in enumerate(self.series)}

    def of(self, series: tuple[Series, ...]) -> Floats:
        """The values of some series, a column each; nan throughout for one that is not here."""
        if series is self.series or series == self.series:
            return self.values
        column = [self._column.get(each, -1) for each in series]
        # One more column, the last, for those that are not here.
        return np.pad(self.values, ((0, 0), (0, 1)), constant_values=np.nan)[:, column]

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Samples:
        """Samples of intervals that follow each other; series in order of their first appearance."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls((), np.zeros((0, 0)))
        series = parts[0].series
        for part in parts:
            if part.series is not series and part.series != series:
                series = tuple(dict.fromkeys((*series, *part.series)))
        return cls(series, np.concatenate([part.of(series) for part in parts]))

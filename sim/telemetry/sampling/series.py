"""Series, which are found by name and never by position, and samples of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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

    def only(self, wanted: Callable[[Series], bool]) -> Samples:
        """Those of the series that are wanted."""
        columns = [column for column, each in enumerate(self.series) if wanted(each)]
        return Samples(tuple(self.series[column] for column in columns), self.values[:, columns])

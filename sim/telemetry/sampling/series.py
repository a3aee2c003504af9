"""Series, identified by name and never by position, and their samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from meshquake.sim.telemetry.tables import Floats


class Series(NamedTuple):
    """The identity of a series; `replica` and `target` are None where they are null in its records."""

    service: str
    metric: str
    replica: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Samples:
    """Samples of some intervals: one row per interval, one column per series, nan where there is none."""

    series: tuple[Series, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def only(self, wanted: Callable[[Series], bool]) -> Samples:
        """Return the samples of the wanted series."""
        columns = [column for column, each in enumerate(self.series) if wanted(each)]
        return Samples(tuple(self.series[column] for column in columns), self.values[:, columns])

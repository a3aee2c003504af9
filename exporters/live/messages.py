"""Templates of a running mesh's log lines, and how often each occurred lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import polars as pl

from meshquake.exporters.page.axis import Axis
from meshquake.exporters.page.logs import LOUD, template
from meshquake.sim.live.session import REMEMBERED
from meshquake.sim.records import Batch

#: Seconds of a counting step, and most templates returned; those of warnings and errors come first.
_STEP: Final = 5.0
MOST: Final = 400
_Key = tuple[str, str, str]


class Messages:
    """Counts log lines by template, over the seconds that a session remembers.

    Parameters
    ----------
    start
        When the recording began.
    """

    def __init__(self, start: datetime) -> None:
        self._axis = Axis(start, float("inf"), _STEP)
        #: Lines in each step, by service, level and template.
        self._counts: dict[_Key, Counter[int]] = {}
        #: The end of the counted lines, in seconds since the recording began.
        self._until = 0.0

    def take(self, batch: Batch) -> None:
        """Count the lines of a batch."""
        step = (self._axis.since() // round(_STEP * 1e6)).cast(pl.Int32)
        said = batch.logs.select("service", "level", template=template(pl.col("message")), step=step)
        for *key, at, count in said.group_by("service", "level", "template", "step").len().iter_rows():
            self._counts.setdefault((key[0], key[1], key[2]), Counter())[at] += count
        self._until = batch.clock
        self._forget()

    def told(self, services: Collection[str] = ()) -> dict[str, Any]:
        """Return templates as on the page of a report, but with names of services, and the `step` of counts in seconds.

        Restricted to some services, if any are named; `more` counts the templates left out. Lines are complete `until`
        a moment: an operation still in progress holds back all lines from after its start.
        """
        found = [each for each in self._counts.items() if not services or each[0][0] in services]
        ordered = sorted(found, key=lambda each: (each[0][1] not in LOUD, -each[1].total(), each[0]))
        return {
            "step": _STEP,
            "until": self._until,
            "templates": [
                {"service": service, "level": level, "text": text, "counts": sorted(counts.items())}
                for (service, level, text), counts in ordered[:MOST]
            ],
            "more": max(0, len(ordered) - MOST),
        }

    def _forget(self) -> None:
        first = self._until // _STEP - REMEMBERED // _STEP
        for key, counts in [*self._counts.items()]:
            for step in [step for step in counts if step < first]:
                del counts[step]
            if not counts:
                del self._counts[key]

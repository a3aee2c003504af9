"""Where the latest requests spent their time, from an even sample of them."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime
from typing import Any, Final

import polars as pl

from meshquake.exporters.page.axis import Axis
from meshquake.exporters.page.flame import Side, sides
from meshquake.exporters.page.traces import Words
from meshquake.sim.live.session import REMEMBERED
from meshquake.sim.records import TRACE, Batch

#: Seconds that count as the latest, and requests sampled in each second.
LATEST: Final = 30.0
_EACH: Final = 2
#: Ids are kept as numbers and names as categories: a text would keep its whole batch of texts alive.
_IDS, _NAMES = ("trace_id", "span_id", "parent_span_id"), ("operation", "kind")
_US = 1_000_000


class Timing:
    """Keeps the spans of a few requests of each second, regardless of outcome, over the seconds a session remembers.

    Parameters
    ----------
    start
        When the recording began.
    """

    def __init__(self, start: datetime) -> None:
        self._axis = Axis(start, float("inf"), 1.0)
        #: Start of each sampled request, in microseconds since the recording began, by trace id.
        self._chosen: OrderedDict[int, int] = OrderedDict()
        self._spans: deque[pl.DataFrame] = deque([self._of(pl.DataFrame(schema=TRACE.frame_schema))])
        self._clock = 0.0

    def take(self, batch: Batch) -> None:
        """Sample the requests of a batch, and keep the spans of all sampled requests."""
        spans = self._of(batch.traces)
        roots = _roots(spans).group_by(second=pl.col("start") // _US, maintain_order=True).head(_EACH)
        self._chosen.update(roots.select("trace_id", "start").iter_rows())
        self._spans.append(spans.filter(pl.col("trace_id").is_in([*self._chosen])))
        self._clock = batch.clock
        self._forget()

    def flame(self, begun: float | None, words: Words) -> list[dict[str, Any]]:
        """Build flame graphs of the requests of the last half minute, and of those before the first fault or action.

        Parameters
        ----------
        begun
            Time of the first fault or action, in seconds since the recording began; the latest requests start there at
            the earliest. None if there was none; then the others are those before the last half minute.
        words
            The table of texts.
        """
        spans = pl.concat(self._spans)
        oldest = next(iter(self._chosen.values()), 0) / _US
        latest = max(0.0, self._clock - LATEST)
        done = begun if begun is not None and begun < self._clock else None
        both = [
            Side("Before", oldest, latest if done is None else done),
            Side("Latest", latest if done is None else max(done, latest), self._clock),
        ]
        return sides([side for side in both if side.since < side.until], _roots(spans), spans, words)

    def _of(self, traces: pl.DataFrame) -> pl.DataFrame:
        start = self._axis.since()
        end = start + (pl.col("duration_ms") * 1000).round().cast(pl.Int64)
        ids = [pl.when(pl.col(name).is_not_null()).then(pl.col(name).hash()).alias(name) for name in _IDS]
        names = [pl.col(name).cast(pl.Categorical) for name in _NAMES]
        return traces.select(*ids, *names, "duration_ms", start=start, end=end)

    def _forget(self) -> None:
        first = (self._clock - REMEMBERED) * _US
        while self._chosen and next(iter(self._chosen.values())) < first:
            self._chosen.popitem(last=False)
        while self._spans and (self._spans[0].is_empty() or self._spans[0]["start"].max() < first):  # type: ignore[operator]
            self._spans.popleft()


def _roots(spans: pl.DataFrame) -> pl.DataFrame:
    """Select the spans of users' requests."""
    return spans.filter(pl.col("parent_span_id").is_null(), pl.col("kind") == "server")

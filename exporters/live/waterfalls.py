"""Waterfalls of the requests that were recorded last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from meshquake.exporters.page.traces import Words, waterfall

#: Most spans of all waterfalls together, and how many requests are listed as the slowest.
MOST_SPANS: Final = 1_500
_SLOWEST: Final = 12
_MICRO = timedelta(microseconds=1)


def waterfalls(traces: Iterable[Sequence[dict[str, Any]]], start: datetime, words: Words) -> dict[str, Any]:
    """Return the latest of some traces, in the form that the page of a report uses.

    Parameters
    ----------
    traces
        The spans of each as records, the latest trace last; of unfinished traces, those recorded so far.
    start
        When the recording began.
    words
        The table of texts.
    """
    found: list[dict[str, Any]] = []
    total = 0
    for spans in reversed(list(traces)):
        if not any(span["parent_span_id"] is None for span in spans) or total + len(spans) > MOST_SPANS:
            continue
        total += len(spans)
        timed = [span | {"start": (datetime.fromisoformat(span["timestamp"]) - start) // _MICRO} for span in spans]
        found.append({"id": spans[0]["trace_id"], **waterfall(timed, words)})
    slowest = sorted((each for each in found if each["outcome"] == "success"), key=lambda each: -each["ms"])[:_SLOWEST]
    for each in found:
        each["why"] = "failed" if each["outcome"] != "success" else "slowest" if each in slowest else "ordinary"
    return {"traces": found}

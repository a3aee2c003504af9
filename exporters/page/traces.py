"""A selection of requests as waterfalls: evidence of the mechanism, the slowest, failed ones, and ordinary ones.

No file for a browser could hold all spans of a recording, so the page has a selection and says so. It depends on the
recording alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import polars as pl

from meshquake.exporters.page.sources import Sources

#: Most spans of all waterfalls together and of one waterfall, and the number of waterfalls of each sort.
MOST_SPANS, LONGEST = 5_000, 400
_SORTS = {"mechanism": 12, "slowest": 12, "failed": 18, "ordinary": 14}
#: Fields of a span on the page, in order; services, operations and errors are numbers in the page's `words`.
SPAN = ("parent", "kind", "service", "operation", "start_ms", "duration_ms", "error", "attempt", "replica")
_KINDS = {"server": 0, "client": 1, "internal": 2}


class Words:
    """A string table: numbers texts in the order in which they first occur."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str | None) -> int:
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)


def traces(sources: Sources, words: Words, wanted: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the waterfalls, by time.

    Parameters
    ----------
    sources
        The recording.
    words
        The table of texts.
    wanted
        Trace ids to show instead of a selection, as far as the recording has them.
    """
    requests = _requests(sources)
    chosen = dict.fromkeys(wanted, "") or dict(_chosen(sources, requests))
    spans = sources.spans.filter(pl.col("trace_id").is_in(list(chosen)))
    verdicts = _verdicts(sources, chosen)
    found, total = [], 0
    for trace_id, why in chosen.items():
        own = spans.filter(pl.col("trace_id") == trace_id).sort("start", "span_id")
        if own.is_empty() or total + min(len(own), LONGEST) > MOST_SPANS:
            continue
        total += min(len(own), LONGEST)
        found.append({"id": trace_id, "why": why, **waterfall(own.to_dicts(), words, verdicts.get(trace_id))})
    return sorted(found, key=lambda trace: (trace["at"], trace["id"]))


def _requests(sources: Sources) -> pl.DataFrame:
    """Return the requests whose traces are not too long to draw, by time."""
    sizes = sources.spans.group_by("trace_id").agg(size=pl.len())
    return sources.roots.join(sizes, on="trace_id").filter(pl.col("size") <= LONGEST).sort("start", "trace_id")


def _chosen(sources: Sources, requests: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Select trace ids, each with its sort, without duplicates."""
    failed = requests.filter(pl.col("status") != "success")
    well = requests.filter(pl.col("status") == "success")
    middle = well["duration_ms"].median()
    ordinary = well.filter(pl.col("duration_ms") <= middle) if middle is not None else well
    sorts = {
        "mechanism": _evidence(sources, set(requests["trace_id"])),
        "slowest": requests.sort("duration_ms", "trace_id", descending=[True, False])["trace_id"].to_list(),
        "failed": _evenly(failed, _SORTS["failed"]),
        "ordinary": _evenly(ordinary, _SORTS["ordinary"]),
    }
    seen: set[str] = set()
    for sort, ids in sorts.items():
        fresh = [each for each in ids if each not in seen][: _SORTS[sort]]
        seen.update(fresh)
        yield from ((each, sort) for each in fresh)


def _evidence(sources: Sources, known: set[str]) -> list[str]:
    """List the requests that the key cites as evidence, those of the most frequent steps first."""
    if sources.truth is None:
        return []
    steps = [step for fault in sources.truth["faults"] for step in fault["mechanism"]]
    steps.sort(key=lambda step: -step["requests"])
    return list(
        dict.fromkeys(each["trace_id"] for step in steps for each in step["evidence"][:1] if each["trace_id"] in known)
    )


def _evenly(requests: pl.DataFrame, count: int) -> list[str]:
    """Pick trace ids evenly from requests in order of time."""
    ids = requests["trace_id"].to_list()
    return [ids[position * len(ids) // count] for position in range(count)] if len(ids) > count else ids


def _verdicts(sources: Sources, chosen: Iterable[str]) -> dict[str, dict[str, Any]]:
    if sources.verdicts is None:
        return {}
    rows = sources.verdicts.filter(pl.col("trace_id").is_in(list(chosen)))
    return {row["trace_id"]: row for row in rows.to_dicts()}


def nested(rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the spans of a trace in drawing order, each with the position of its parent.

    The position is -1 if the parent isn't known; `rows` are the spans by time.
    """
    known = {row["span_id"] for row in rows}
    below: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        above = row["parent_span_id"]
        below.setdefault(above if above in known else None, []).append(row)
    # Depth first, with an explicit stack: a chain of calls may exceed Python's recursion limit.
    stack = [(-1, row) for row in reversed(below.get(None, []))]
    place = 0
    while stack:
        parent, row = stack.pop()
        yield parent, row
        stack += [(place, child) for child in reversed(below.get(row["span_id"], []))]
        place += 1


def waterfall(rows: list[dict[str, Any]], words: Words, verdict: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe a trace: its spans in drawing order, each below its parent.

    Parameters
    ----------
    rows
        Its spans as records, by time, each with its `start` in microseconds since the recording began.
    words
        The table of texts.
    verdict
        The key's verdict on the request, if known.
    """
    root = next((row for row in rows if row["parent_span_id"] is None), rows[0])
    ordered: list[list[Any]] = []
    entered = None if verdict is None else verdict["entered_at"]
    marked: int | None = None
    for place, (parent, row) in enumerate(islice(nested(rows), LONGEST)):
        if row["span_id"] == entered:
            marked = place
        ordered.append(
            [
                parent,
                _KINDS[row["kind"]],
                words(row["service"]),
                words(row["operation"]),
                (row["start"] - root["start"]) / 1000,
                row["duration_ms"],
                words(row["error_type"]),
                row["attempt"],
                words(row["replica"]),
            ]
        )
    return {
        "at": root["start"] / 1e6,
        "entry": root["operation"],
        "outcome": root["error_type"] or "success",
        "ms": root["duration_ms"],
        "spans": ordered,
        "more": len(rows) - len(ordered),
        "entered": marked,
        "services": sorted({words(row["service"]) for row in rows}),
        "twin": None
        if verdict is None
        else {
            "outcome": verdict["twin_outcome"],
            "ms": verdict["twin_duration_ms"],
            "effect": verdict["effect"],
            "caused_by": verdict["caused_by"],
        },
    }

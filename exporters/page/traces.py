"""Some requests as waterfalls: those that show how it happened, the slowest, failed ones, and ordinary ones.

No file for a browser could hold all spans of a recording, so the page has a choice and says so; it depends on nothing
but the recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import polars as pl

from meshquake.exporters.page.sources import Sources

#: Spans of all waterfalls together, of one of them, and how many there are of each sort.
MOST_SPANS, LONGEST = 5_000, 400
_SORTS = {"mechanism": 12, "slowest": 12, "failed": 18, "ordinary": 14}
#: What a span has on the page, in this order; services, operations and errors are numbers in the page's `words`.
SPAN = ("parent", "kind", "service", "operation", "start_ms", "duration_ms", "error", "attempt", "replica")
_KINDS = {"server": 0, "client": 1, "internal": 2}


class Words:
    """Texts that occur often, each by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str | None) -> int:
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)


def traces(sources: Sources, words: Words, wanted: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The waterfalls, by time.

    Parameters
    ----------
    sources
        The recording.
    words
        What numbers the texts.
    wanted
        Trace ids of which the waterfalls are wanted in place of those chosen here, if the recording has them.
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
    """The requests whose spans are not too many, by time."""
    sizes = sources.spans.group_by("trace_id").agg(size=pl.len())
    return sources.roots.join(sizes, on="trace_id").filter(pl.col("size") <= LONGEST).sort("start", "trace_id")


def _chosen(sources: Sources, requests: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Trace ids with the sort that each is of, every id once."""
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
    """The requests that the key has as evidence, those of the most frequent steps first."""
    if sources.truth is None:
        return []
    steps = [step for fault in sources.truth["faults"] for step in fault["mechanism"]]
    steps.sort(key=lambda step: -step["requests"])
    return list(
        dict.fromkeys(each["trace_id"] for step in steps for each in step["evidence"][:1] if each["trace_id"] in known)
    )


def _evenly(requests: pl.DataFrame, count: int) -> list[str]:
    """Some trace ids, spread evenly over the requests in order of time."""
    ids = requests["trace_id"].to_list()
    return [ids[position * len(ids) // count] for position in range(count)] if len(ids) > count else ids


def _verdicts(sources: Sources, chosen: Iterable[str]) -> dict[str, dict[str, Any]]:
    if sources.verdicts is None:
        return {}
    rows = sources.verdicts.filter(pl.col("trace_id").is_in(list(chosen)))
    return {row["trace_id"]: row for row in rows.to_dicts()}


def nested(rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The spans of a trace in the order in which they are drawn, each with the place of the one that caused it.

    The place is -1 for one of which that isn't known; `rows` are the spans by time.
    """
    known = {row["span_id"] for row in rows}
    below: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        above = row["parent_span_id"]
        below.setdefault(above if above in known else None, []).append(row)
    # Depth first; a stack, since a chain of calls may be longer than Python's.
    stack = [(-1, row) for row in reversed(below.get(None, []))]
    place = 0
    while stack:
        parent, row = stack.pop()
        yield parent, row
        stack += [(place, child) for child in reversed(below.get(row["span_id"], []))]
        place += 1


def waterfall(rows: list[dict[str, Any]], words: Words, verdict: dict[str, Any] | None = None) -> dict[str, Any]:
    """A trace: its spans in the order in which they are drawn, each below the one that caused it.

    Parameters
    ----------
    rows
        Its spans as records, by time, each with its `start` in microseconds since the recording began.
    words
        What numbers the texts.
    verdict
        What became of the request without the faults, where that is known.
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

"""Log lines grouped into templates, with counts over time, and a selection of the lines themselves."""

from __future__ import annotations

from typing import Any

import polars as pl

from meshquake.exporters.page.sources import Sources
from meshquake.exporters.page.traces import Words

#: Most templates on the page (warnings and errors come first), lines of each, and lines in all.
MOST_TEMPLATES, OF_EACH, MOST_LINES = 400, 3, 900
#: Characters kept of a message.
_LONGEST = 600
#: The variable parts of messages, with their placeholders, in order of replacement.
_VARIABLES = (
    (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "<id>"),
    (r"\b[0-9a-fA-F]{12,}\b", "<id>"),
    (r"\d+(?:[.,:]\d+)*", "<n>"),
)
#: Levels that signal a problem.
LOUD = ("WARN", "ERROR", "FATAL")


def logs(sources: Sources, words: Words) -> dict[str, Any]:
    """Return templates, each with its `counts` as pairs of slot and count, and lines, by time.

    Templates of warnings and errors come first, the most frequent first. `more` counts the templates that are left out,
    and `unsaid` their lines.
    """
    axis = sources.slots
    said = sources.lines.with_columns(
        template=template(pl.col("message")), slot=axis.step_of(axis.since()), loud=pl.col("level").is_in(LOUD)
    )
    keys = ["service", "level", "logger", "template"]
    grouped = said.group_by(keys, maintain_order=True).agg(
        total=pl.len(), slots=pl.col("slot"), loud=pl.col("loud").first()
    )
    ordered = grouped.sort("loud", "total", *keys, descending=[True, True, *[False] * len(keys)])
    kept = ordered[:MOST_TEMPLATES].with_row_index("number")
    templates = [
        {
            "service": words(row["service"]),
            "level": row["level"],
            "logger": words(row["logger"]),
            "text": row["template"],
            "total": row["total"],
            "counts": _counts(row["slots"]),
        }
        for row in kept.iter_rows(named=True)
    ]
    lines = _lines(said.join(kept.select("number", *keys), on=keys, maintain_order="left"))
    return {
        "axis": axis.as_json(),
        "templates": templates,
        "more": len(ordered) - len(kept),
        "unsaid": len(said) - sum(row["total"] for row in templates),
        "lines": [
            [
                (at - round(axis.start.timestamp() * 1e6)) / 1e6,
                number,
                message[:_LONGEST],
                trace_id,
                words(replica),
            ]
            for at, number, message, trace_id, replica in lines.iter_rows()
        ],
        "all": len(said),
    }


def template(message: pl.Expr) -> pl.Expr:
    """Replace the variable parts of a message by placeholders; only its first line counts."""
    text = message.str.split("\n").list.first().str.head(240)
    for pattern, name in _VARIABLES:
        text = text.str.replace_all(pattern, name)
    return text


def _counts(slots: list[int]) -> list[list[int]]:
    found: dict[int, int] = {}
    for slot in slots:
        found[slot] = found.get(slot, 0) + 1
    return [[slot, found[slot]] for slot in sorted(found)]


def _lines(said: pl.DataFrame) -> pl.DataFrame:
    """Select the first lines of each template, then warnings and errors evenly spread, in order of time."""
    place = said.with_row_index("place").with_columns(nth=pl.int_range(pl.len()).over("number"))
    first = place.filter(pl.col("nth") < OF_EACH)[:MOST_LINES]
    loud = place.filter(pl.col("nth") >= OF_EACH, pl.col("loud"))
    room = MOST_LINES - len(first)
    if len(loud) > room:
        loud = loud[[position * len(loud) // room for position in range(room)]] if room > 0 else loud[:0]
    at = pl.col("timestamp").str.head(26).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", time_unit="us", time_zone="UTC")
    both = pl.concat([first, loud]).sort("place")
    return both.select(at.cast(pl.Int64), "number", "message", "trace_id", "replica")

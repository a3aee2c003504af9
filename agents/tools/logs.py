"""Log lines: the lines themselves, and their patterns."""

from __future__ import annotations

import polars as pl

from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import PAGED, SERVICE, SINCE, UNTIL, Arguments, Tool, ToolError, paged
from meshquake.agents.tools.traces import TRACE_ID
from meshquake.agents.tools.window import when, within
from meshquake.exporters.page.logs import template
from meshquake.sim.records import LOG
from meshquake.sim.telemetry.logs.form import LEVELS
from meshquake.topology.json_schema import Schema, choice, flag, text
from meshquake.topology.units import shown
from meshquake.truth.way.citation import log_id

#: Characters shown of a message, and of one that is requested in full; even that fits into a page.
_SHOWN, _WHOLE = 400, 3_500
_LEVEL: Schema = choice("only lines of this level", LEVELS) | {"type": "string"}
_TEXT: Schema = text(
    "only lines that contain this, in upper or lower case", pattern=r"^[^\x00]{1,500}$", examples=["timeout"]
)
_PATTERN: Schema = text(
    "only lines that match this regular expression", pattern=r"^[^\x00]{1,500}$", examples=["5\\d\\d"]
)


def _search_logs(view: View, arguments: Arguments) -> Answer:
    """List lines in order of time."""
    found = _wanted(view, arguments)
    if arguments.get("newest", False):
        found = found.reverse()
    wanted = paged(arguments)
    longest = _WHOLE if arguments.get("full", False) else _SHOWN
    rows = [
        Row(
            (
                *(log_id(line["n"]), *when(view, line["at"]), line["service"], line["level"], line["replica"]),
                *(line["trace_id"], _message(line["message"], longest)),
            ),
            [log_id(line["n"])],
        )
        for line in found[wanted].iter_rows(named=True)
    ]
    columns = ("id", "at_s", "time", "service", "level", "replica", "trace_id", "message")
    return Answer({}, columns, rows, len(found), wanted.start, "service, level, text, since and until")


def _log_patterns(view: View, arguments: Arguments) -> Answer:
    """List patterns, warnings and errors first, and then by frequency."""
    said = _wanted(view, arguments).with_columns(template=template(pl.col("message")))
    keys = ["service", "level", "template"]
    found = said.group_by(keys, maintain_order=True).agg(
        count=pl.len(), first=pl.col("at").first(), last=pl.col("at").last(), n=pl.col("n").first()
    )
    loud = pl.col("level").is_in(("WARN", "ERROR", "FATAL"))
    found = found.sort(loud, "count", *keys, descending=[True, True, False, False, False])
    wanted = paged(arguments)
    rows = [
        Row(
            (service, level, count, when(view, first)[0], when(view, last)[0], log_id(n), said),
            [log_id(n)],
        )
        for service, level, said, count, first, last, n in found[wanted].iter_rows()
    ]
    columns = ("service", "level", "count", "first_s", "last_s", "first_id", "pattern")
    told = {"lines": len(said), "patterns": "parts that differ between lines are <n> or <id>"}
    return Answer(told, columns, rows, len(found), wanted.start, "service, level, text, since and until")


def _wanted(view: View, arguments: Arguments) -> pl.DataFrame:
    """Select the requested lines."""
    found = view.lines.filter(within(view, arguments))
    for column in ("service", "level", "trace_id"):
        if column in arguments:
            found = found.filter(pl.col(column) == arguments[column])
    if "text" in arguments:
        found = found.filter(pl.col("message").str.to_lowercase().str.contains(arguments["text"].lower(), literal=True))
    if "pattern" in arguments:
        try:
            found = found.filter(pl.col("message").str.contains(arguments["pattern"]))
        except pl.exceptions.ComputeError:
            raise ToolError(
                f"pattern: {shown(arguments['pattern'])} is not a valid regular expression (look-around and "
                "back-references are not supported): use text for a literal search"
            ) from None
    return found


def _message(message: str, longest: int) -> str:
    if len(message) <= longest:
        return message
    how = "" if longest == _WHOLE else ": ask with full=true"
    return f"{message[:longest]}... ({len(message) - longest} characters more{how})"


_FILTERS: dict[str, Schema] = {
    "service": SERVICE,
    "level": _LEVEL,
    "text": _TEXT,
    "pattern": _PATTERN,
    "trace_id": TRACE_ID,
    "since": SINCE,
    "until": UNTIL,
}
TOOLS = (
    Tool(
        "search_logs",
        "Log lines in order of time, filtered by service, level, text, trace and time; long messages are cut.",
        _search_logs,
        optional={
            **_FILTERS,
            "newest": flag("whether the newest lines come first; default: false"),
            "full": flag(f"whether messages are shown up to {_WHOLE:,} characters; default: false"),
            **PAGED,
        },
        needs=LOG.name,
    ),
    Tool(
        "log_patterns",
        "Log lines grouped by pattern, with how often and when each pattern occurs; warnings and errors first. Compare "
        "the time before an incident with the time during it.",
        _log_patterns,
        optional={**_FILTERS, **PAGED},
        needs=LOG.name,
    ),
)

"""Traces: a search for requests, and a single one as a waterfall."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import PAGED, SERVICE, SINCE, UNTIL, Arguments, Tool, ToolError, paged
from meshquake.agents.tools.window import when, within
from meshquake.exporters.page.traces import nested
from meshquake.sim.records import TRACE
from meshquake.topology.errors import ERRORS
from meshquake.topology.json_schema import Schema, choice, flag, number, text
from meshquake.truth.way.citation import span_id

TRACE_ID: Schema = text("id of a trace", pattern="^[0-9a-f]{32}$", examples=["0af7651916cd43dd8448eb211c80319c"])
#: Characters shown of a span's attributes.
_ATTRIBUTES = 600
_SORTS = {"oldest": ("at", False), "newest": ("at", True), "slowest": ("duration_ms", True)}


def _find_traces(view: View, arguments: Arguments) -> Answer:
    """Find traces with a matching span; a row describes the first such span, and the whole request."""
    spans = view.spans.filter(within(view, arguments))
    inside = ("service", "operation", "error_type", "replica", "peer", "version")
    for column in inside:
        if column in arguments:
            spans = spans.filter(pl.col(column) == arguments[column])
    if "status" in arguments:
        spans = spans.filter((pl.col("status") == "success") == (arguments["status"] == "success"))
    if "min_duration_ms" in arguments:
        spans = spans.filter(pl.col("duration_ms") >= arguments["min_duration_ms"])
    if not any(column in arguments for column in inside):
        spans = spans.filter(pl.col("parent_span_id").is_null())
    by, descending = _SORTS[arguments.get("sort", "oldest")]
    found = spans.sort(by, "n", descending=[descending, False]).unique("trace_id", keep="first", maintain_order=True)
    wanted = paged(arguments)
    shown = found[wanted]
    whole = _whole(view, shown["trace_id"].to_list())
    rows = [
        Row(
            (
                *(span["trace_id"], *when(view, span["at"]), span["service"], span["operation"], span["kind"]),
                *(span["duration_ms"], span["error_type"], *whole[span["trace_id"]]),
            ),
            [span_id(span["trace_id"], span["span_id"])],
        )
        for span in shown.iter_rows(named=True)
    ]
    columns = (
        *("trace_id", "at_s", "time", "service", "operation", "kind", "duration_ms", "error"),
        *("request", "request_ms", "request_error", "spans", "failed_in"),
    )
    return Answer({}, columns, rows, len(found), wanted.start, "service, operation, error_type, since and until")


def _whole(view: View, traces: list[str]) -> dict[str, tuple[Any, ...]]:
    """Return, by trace, the request, its duration and error, the number of spans, and services whose servers failed."""
    spans = view.spans.filter(pl.col("trace_id").is_in(traces))
    found: dict[str, tuple[Any, ...]] = {}
    for (trace,), own in spans.group_by("trace_id", maintain_order=True):
        roots = own.filter(pl.col("parent_span_id").is_null())
        root = roots.row(0, named=True) if len(roots) else None
        failed = own.filter(pl.col("kind") == "server", pl.col("status") != "success")["service"].unique().sort()
        request = (None, None, None) if root is None else (root["operation"], root["duration_ms"], root["error_type"])
        found[str(trace)] = (*request, len(own), failed.to_list())
    return found


def _get_trace(view: View, arguments: Arguments) -> Answer:
    """Return the spans of a trace, each below its parent."""
    trace = arguments["trace_id"]
    own = view.spans.filter(pl.col("trace_id") == trace).sort("at", "span_id")
    if own.is_empty():
        raise ToolError(
            f"trace_id: no trace {trace} has been recorded until now: find_traces and search_logs tell of some"
        )
    depths: list[int] = []
    rows = []
    begin = int(own["at"].min())  # type: ignore[arg-type]
    attributes = arguments.get("attributes", False)
    for parent, span in nested(own.to_dicts()):
        depths.append(0 if parent < 0 else depths[parent] + 1)
        cells = (
            *(depths[-1], round((span["at"] - begin) / 1000, 3), span["duration_ms"], span["service"]),
            *(span["operation"], span["kind"], span["peer"], span["error_type"], span["attempt"], span["replica"]),
            *(span["version"], span["span_id"], *[_attributes(span)] * attributes),
        )
        rows.append(Row(cells, [span_id(trace, span["span_id"])]))
    wanted = paged({"limit": 200, **arguments})
    columns = (
        *("depth", "start_ms", "duration_ms", "service", "operation", "kind", "peer", "error", "attempt", "replica"),
        *("version", "span_id", *["attributes"] * attributes),
    )
    at_s, time = when(view, begin)
    told = {"trace_id": trace, "at_s": at_s, "time": time}
    return Answer(told, columns, rows[wanted], len(rows), wanted.start)


def _attributes(span: dict[str, Any]) -> Any:
    """Return the attributes of a span; as a text that is cut, if they are long."""
    found = span["attributes"]
    if found is None or len(found) <= _ATTRIBUTES:
        return None if found is None else json.loads(found)
    return f"{found[:_ATTRIBUTES]}... ({len(found) - _ATTRIBUTES} characters more)"


_WORD = text("as it is in spans", pattern=r"^[^\x00-\x1f]+$", examples=["order-service.list"])
TOOLS = (
    Tool(
        "find_traces",
        "Requests, filtered by their outcome, or by what a service did for them (a row then shows the first matching "
        "span). Each row names the services that failed in the request.",
        _find_traces,
        optional={
            "service": SERVICE,
            "operation": _WORD | {"description": "of the span, as in order-service.list"},
            "status": choice("only spans with this outcome", ("success", "error")) | {"type": "string"},
            "error_type": choice("only spans with this error", [*ERRORS]) | {"type": "string"},
            "peer": SERVICE | {"description": "the other side of the call"},
            "replica": _WORD | {"examples": ["database-0"]},
            "version": _WORD | {"examples": ["1.0.0"]},
            "min_duration_ms": number("only spans that took at least this long", minimum=0, maximum=10**9),
            "since": SINCE,
            "until": UNTIL,
            "sort": choice("default: oldest", [*_SORTS]) | {"type": "string"},
            **PAGED,
        },
        needs=TRACE.name,
    ),
    Tool(
        "get_trace",
        "One request with everything done for it: its spans in order, each below the one that caused it.",
        _get_trace,
        required={"trace_id": TRACE_ID},
        optional={"attributes": flag("whether to show the attributes of spans; default: false"), **PAGED},
        needs=TRACE.name,
    ),
)

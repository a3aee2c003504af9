"""The overview: the brief, the services, and their dependencies."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from meshquake.agents import promise
from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import PAGED, SERVICE, SINCE, UNTIL, Arguments, Tool, paged
from meshquake.agents.tools.window import within
from meshquake.sim.records import METRIC, TRACE

#: Seconds up to now that the state of a service covers.
_LATELY = 60
#: Most characters of a brief, and most entry operations, that are shown: meshes may have hundreds.
_LONGEST, _ENTRIES = 3_500, 40
_STATE = ("request_rate", "error_rate", "latency_p95")


def _get_brief(view: View, arguments: Arguments) -> Answer:
    """Return the brief as of the moment of the view."""
    page = promise.page(view)
    if len(page) > _LONGEST:
        page = (
            f"{page[:_LONGEST]}... ({len(page) - _LONGEST} characters more, of operations)\n\nFixture: {view.fixture}\n"
        )
    return Answer({"brief": page, "records": {kind: view.shows(kind) for kind in view.frames}})


def _list_services(view: View, arguments: Arguments) -> Answer:
    """List the services of the catalogue with their recent state."""
    state = _state(view) if view.shows(METRIC.name) else {}
    rows = [
        Row(
            (
                *(service.name, service.kind, service.replicas, service.version, service.stack or None),
                *(state.get((service.name, metric)) for metric in _STATE),
            )
        )
        for service in view.services
    ]
    wanted = paged(arguments)
    columns = ("service", "kind", "replicas", "version", "stack", "requests_per_s", "error_percent", "p95_ms")
    told = {"state": f"means of the last {_LATELY}s of metrics, null where there were none; versions as at the start"}
    return Answer(told, columns, rows[wanted], len(rows), wanted.start)


def _state(view: View) -> dict[tuple[str, str], float]:
    """Return the recent mean of each state metric, by service and catalogue name of the metric."""
    called = {name: metric for metric in _STATE if (name := view.called(metric))}
    lately = view.samples.filter(
        pl.col("metric").is_in([*called]),
        pl.col("replica").is_null(),
        pl.col("target").is_null(),
        pl.col("at") > (view.elapsed - _LATELY) * 1e6,
    )
    means = lately.group_by("service", "metric", maintain_order=True).agg(pl.col("value").mean())
    return {(service, called[metric]): round(value, 3) for service, metric, value in means.iter_rows()}


def _get_dependency_graph(view: View, arguments: Arguments) -> Answer:
    """Return the edges as seen in client spans, or in metrics of edges without them."""
    seen = list(_calls(view, arguments) if view.shows(TRACE.name) else _edges(view, arguments))
    service = arguments.get("service")
    rows = [row for row in seen if service is None or service in row.cells[:2]]
    wanted = paged(arguments)
    columns = ("caller", "callee", "calls", "errors", "p95_ms")
    entries = ", ".join(view.entries[:_ENTRIES]) + f" and {len(view.entries) - _ENTRIES} more" * (
        len(view.entries) > _ENTRIES
    )
    told = {"users_call": entries or None, "seen_in": "client spans" if view.shows(TRACE.name) else "metrics of edges"}
    return Answer(told, columns, rows[wanted], len(rows), wanted.start, "service")


def _calls(view: View, arguments: Arguments) -> Iterator[Row]:
    """Yield the edges seen in client spans; each attempt counts as a call."""
    calls = view.spans.filter(pl.col("kind") == "client", pl.col("peer").is_not_null(), within(view, arguments))
    found = (
        calls.group_by("service", "peer")
        .agg(
            calls=pl.len(),
            errors=(pl.col("status") != "success").sum(),
            p95=pl.col("duration_ms").quantile(0.95, "nearest"),
        )
        .sort("service", "peer")
    )
    for caller, callee, count, errors, p95 in found.iter_rows():
        yield Row((caller, callee, count, errors, p95))


def _edges(view: View, arguments: Arguments) -> Iterator[Row]:
    """Yield the edges seen in metrics that have a target, without counts."""
    if not view.shows(METRIC.name):
        return
    samples = view.samples.filter(pl.col("target").is_not_null(), within(view, arguments))
    for caller, callee in samples.select("service", "target").unique().sort("service", "target").iter_rows():
        yield Row((caller, callee, None, None, None))


TOOLS = (
    Tool(
        "get_brief",
        "The brief for whoever is on call: which promise to users broke, since when and how badly; and which kinds of "
        "records are available. Start here.",
        _get_brief,
    ),
    Tool(
        "list_services",
        "The services of the mesh with kind, replicas, version and stack, and how they are doing now.",
        _list_services,
        optional=PAGED,
    ),
    Tool(
        "get_dependency_graph",
        "Who calls whom: a row for each pair, with calls, errors and latency as the caller sees them.",
        _get_dependency_graph,
        optional={"service": SERVICE, "since": SINCE, "until": UNTIL, **PAGED},
    ),
)

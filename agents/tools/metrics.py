"""Metrics: the list of them, and their values over time."""

from __future__ import annotations

from math import ceil
from typing import Any

import polars as pl

from meshquake.agents.answer import Answer, Row
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import PAGED, SERVICE, SINCE, UNTIL, Arguments, Tool, ToolError, paged
from meshquake.agents.tools.window import within
from meshquake.sim.records import METRIC
from meshquake.topology.json_schema import Schema, choice, flag, number, text
from meshquake.truth.way.citation import metric_id

#: Most points in a series, without and with a requested step.
_POINTS, _MOST_POINTS = 40, 300
#: Most services named for a metric.
_NAMED = 20
_SERIES = ("service", "metric", "unit", "replica", "target")
#: The value shown for a step, and the time of the sample that is cited for it.
_AGGREGATES = {
    "mean": (pl.col("value").mean(), pl.col("timestamp").last()),
    "max": (pl.col("value").max(), pl.col("timestamp").get(pl.col("value").arg_max())),
    "min": (pl.col("value").min(), pl.col("timestamp").get(pl.col("value").arg_min())),
}
_NAME: Schema = text("name of a metric", pattern=r"^[^\x00-\x1f]+$", format="metric", examples=["latency_p95"])


def _list_metrics(view: View, arguments: Arguments) -> Answer:
    """List the sampled metrics, with what they measure."""
    samples = view.samples
    if "service" in arguments:
        samples = samples.filter(pl.col("service") == arguments["service"])
    found = (
        samples.group_by("metric", "unit")
        .agg(
            services=pl.col("service").unique().sort(),
            replicas=pl.col("replica").is_not_null().any(),
            edges=pl.col("target").is_not_null().any(),
            series=pl.struct(*_SERIES).n_unique(),
        )
        .sort("metric")
    )
    rows = [
        Row((name, unit, _of(replicas, edges), count, len(services), services[:_NAMED], view.table[name].help))
        for name, unit, services, replicas, edges, count in found.iter_rows()
    ]
    wanted = paged(arguments)
    columns = ("metric", "unit", "of", "series", "count", "services", "meaning")
    told = {"interval_s": view.interval, "services": f"the first {_NAMED} of count"}
    return Answer(told, columns, rows[wanted], len(rows), wanted.start, "service")


def _of(replicas: bool, edges: bool) -> str:
    return " and ".join(["edges" if edges else "services", *["replicas"] * replicas])


def _query_metrics(view: View, arguments: Arguments) -> Answer:
    """Return series, each with one value per step."""
    name = arguments["metric"]
    found = view.samples.filter(pl.col("metric") == name, within(view, arguments))
    for column in ("service", "target", "replica"):
        if column in arguments:
            found = found.filter(pl.col(column) == arguments[column])
    by_replica = arguments.get("by_replica", "replica" in arguments)
    # Nodes have no value for a whole service.
    whole = pl.col("replica").is_null() | (pl.col("replica").is_null().sum().over("service") == 0)
    found = found.filter(pl.col("replica").is_not_null() if by_replica else whole)
    step = _step(view, arguments, found)
    aggregate = arguments.get("aggregate", "mean")
    told = {
        "metric": name,
        "unit": view.table[name].unit,
        "step_s": step,
        "points": f"[seconds since start, {aggregate} of the step that ends then]",
    }
    series = found.partition_by(*_SERIES, maintain_order=True)
    series.sort(key=lambda each: [each[column][0] or "" for column in ("service", "target", "replica")])
    wanted = paged(arguments)
    columns = ("service", "replica", "target", "min", "max", "points")
    rows = [_row(view, each, step, aggregate) for each in series[wanted]]
    return Answer(told, columns, rows, len(series), wanted.start, "service, target, replica, since, until and step")


def _step(view: View, arguments: Arguments, found: pl.DataFrame) -> float:
    """Return the length of a step in seconds, a multiple of the interval."""
    length = 0.0 if found.is_empty() else (found["at"][-1] - found["at"][0]) / 1e6 + view.interval
    asked = arguments.get("step")
    if asked is None:
        return view.interval * max(1, ceil(length / view.interval / _POINTS - 1e-9))
    step: float = view.interval * max(1, ceil(asked / view.interval - 1e-9))
    if length / step > _MOST_POINTS:
        least = view.interval * ceil(length / view.interval / _MOST_POINTS)
        raise ToolError(
            f"step: {asked:g}s makes more than {_MOST_POINTS} points: ask with step={least:g} or more, or less time"
        )
    return step


def _row(view: View, series: pl.DataFrame, step: float, aggregate: str) -> Row:
    """Build the row of a series. Each point cites one sample: that of the value shown, or the last one of a mean."""
    width = round(step * 1e6)
    stepped = series.with_columns(end=((pl.col("at") - 1) // width + 1) * width)
    value, shown = _AGGREGATES[aggregate]
    found = stepped.group_by("end", maintain_order=True).agg(value=value.round(3), timestamp=shown)
    first = series.row(0, named=True)
    points = [[min(end / 1e6, view.elapsed), value] for end, value, _ in found.iter_rows()]
    records = [cited(first | {"timestamp": timestamp}) for timestamp in found["timestamp"]]
    lowest, highest = series["value"].min(), series["value"].max()
    return Row((first["service"], first["replica"], first["target"], lowest, highest, points), records)


def cited(sample: dict[str, Any]) -> str:
    """Return the citation of a sample."""
    return metric_id(*(sample[column] for column in ("service", "metric", "target", "replica", "timestamp")))


TOOLS = (
    Tool(
        "list_metrics",
        "The metrics that exist: their units, whether they are of services, replicas or edges, which services have "
        "them, and what they mean.",
        _list_metrics,
        optional={"service": SERVICE, **PAGED},
        needs=METRIC.name,
    ),
    Tool(
        "query_metrics",
        "A metric over time, one row per service or edge (or per replica, with by_replica). Long series are shown in "
        "steps; ask for a shorter period or a smaller step for more detail.",
        _query_metrics,
        required={"metric": _NAME},
        optional={
            "service": text(
                "service measured; for an edge, the caller; for nodes, node-exporter", examples=["database"]
            ),
            "target": SERVICE | {"description": "for an edge, the callee"},
            "replica": text("replica or node, as in database-0", examples=["database-0"]),
            "by_replica": flag("whether to show replicas in place of whole services; default: false"),
            "since": SINCE,
            "until": UNTIL,
            "step": number("seconds per step; default: gives at most 40 steps", minimum=0.001, maximum=86_400),
            "aggregate": choice("which value of a step is shown; default: mean", [*_AGGREGATES]) | {"type": "string"},
            **PAGED,
        },
        needs=METRIC.name,
    ),
)

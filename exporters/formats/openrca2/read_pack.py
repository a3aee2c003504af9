"""Import a case of OpenRCA 2.0 as records, without reading its truth.

Services are those of its tables; replicas are renamed and numbered like ours (`SERVICE-0`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from meshquake.exporters.formats.imported import Imported
from meshquake.exporters.formats.openrca2 import read_samples
from meshquake.exporters.formats.openrca2.read_mesh import mesh
from meshquake.exporters.formats.openrca2.read_spans import is_user, spans
from meshquake.exporters.formats.openrca2.read_tables import tables
from meshquake.exporters.formats.registry import FormatError
from meshquake.sim.records import EVENT, LOG, Batch
from meshquake.sim.telemetry.logs.form import LEVELS
from meshquake.sim.telemetry.timestamps import length, microseconds
from meshquake.topology.loading.patterns import SERVICE_NAME
from meshquake.topology.placement import NODES

#: Our log levels, by their names in cases.
_LEVELS = dict(zip(LEVELS, LEVELS, strict=True)) | {
    "CRITICAL": "FATAL",
    "SEVERE": "ERROR",
    "TRACE": "DEBUG",
    "WARNING": "WARN",
}
#: The service of a sample is the first of these columns that isn't empty.
_OWNERS = ("service_name", "attr.k8s.deployment.name", "attr.k8s.statefulset.name")
_BRIEF = """\
# Users complain that something is wrong

The recording goes from {start:%Y-%m-%d %H:%M:%S} UTC to {end:%Y-%m-%d %H:%M:%S} UTC.

Say what the root cause is, whom it reached and how.
"""


def read(folder: Path) -> Imported:
    """Read a case from a folder that has its tables, or has them in `converted`.

    Raises
    ------
    exporters.formats.registry.FormatError
        If the folder is not a case, or the case is empty; it lists every problem.
    """
    where = folder / "converted" if (folder / "converted").is_dir() else folder
    found = _named(tables(where))
    pods = _replicas(frame.select("service", "attr.k8s.pod.name") for frame in found.values())
    found = {name: _placed(frame, pods) for name, frame in found.items()}
    moments = pl.concat([frame["at"] for frame in found.values()])
    if moments.is_empty():
        raise FormatError(f"{folder}: its tables are empty")
    traces = spans(found["traces"])
    last = pl.concat([moments, traces.select((microseconds() + length()).alias("at")).to_series()]).sort()[-1]
    start = datetime.fromtimestamp(int(moments.sort()[0]) // 1_000_000, UTC)
    seconds = max(1.0, math.ceil(int(last) / 1e6 - start.timestamp()))
    end = start + timedelta(seconds=seconds)
    samples = found["metrics"]
    interval = read_samples.spacing(samples)
    metrics = read_samples.samples(samples, interval)
    if not read_samples.counts_requests(metrics):
        metrics = pl.concat([metrics, read_samples.of_requests(traces, start, interval, end)])
    batch = Batch(
        metrics=metrics.sort("timestamp", maintain_order=True),
        logs=_lines(found["logs"]),
        traces=traces,
        events=pl.DataFrame(schema=EVENT.frame_schema),
        clock=seconds,
    )
    return Imported(
        name=folder.resolve().name,
        batch=batch,
        topology=mesh(where, found, traces),
        start=start,
        length=seconds,
        interval=interval,
        brief=_BRIEF.format(start=start, end=end),
        left_out=read_samples.left_out(samples),
    )


def _named(found: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Add `service`, with its name here, to the rows of tables, and `target` to metrics."""
    owner = pl.coalesce(*(pl.when(pl.col(name) != "").then(name) for name in _OWNERS))
    of_node = pl.col("metric").str.starts_with("mesh.node.")
    metrics = found["metrics"].with_columns(service_name=pl.when(of_node).then(pl.lit(NODES)).otherwise(owner))
    found = {**found, "metrics": metrics}
    found = {name: frame.filter(pl.col("service_name").fill_null("") != "") for name, frame in found.items()}
    names = _services(pl.concat([frame["service_name"] for frame in found.values()]))

    def here(column: str) -> pl.Expr:
        return pl.col(column).replace_strict(names, default=None, return_dtype=pl.String)

    found = {name: frame.with_columns(service=here("service_name")) for name, frame in found.items()}
    # Load generators aren't part of the mesh; their spans are kept for now, to find the spans below them.
    for name in ("logs", "metrics"):
        found[name] = found[name].filter(~is_user(pl.col("service")))
    found["metrics"] = found["metrics"].with_columns(target=here("attr.destination_workload"))
    return found


def _services(found: pl.Series) -> dict[str, str]:
    """Return the names of services here, by their names in the case."""
    names = {}
    for name in found.unique().sort():
        plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
        names[name] = plain if SERVICE_NAME.fullmatch(plain) else f"s-{plain.strip('.-')}"[:60]
    return names


def _replicas(pods: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Map pods to replicas: names like ours are kept, others are numbered in order of name."""
    found = pl.concat(list(pods)).filter(pl.col("attr.k8s.pod.name").fill_null("") != "").unique()
    found = found.sort("service", "attr.k8s.pod.name")
    service, pod = pl.col("service"), pl.col("attr.k8s.pod.name")
    ours = (pod.str.strip_prefix(pl.concat_str(service, pl.lit("-"))).str.contains(r"^\d{1,9}$")).all().over(service)
    number = pl.int_range(pl.len()).over(service).cast(pl.String)
    return found.with_columns(replica=pl.when(ours).then(pod).otherwise(pl.concat_str(service, pl.lit("-"), number)))


def _placed(frame: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    """Add `replica` and `timestamp`, as in records, to rows; for samples of nodes, `replica` is the node."""
    moment = pl.from_epoch("at", "us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    found = frame.join(pods, on=["service", "attr.k8s.pod.name"], how="left", maintain_order="left")
    if "attr.k8s.node.name" in frame.columns:
        of_node = pl.when(service=NODES).then("attr.k8s.node.name")
        found = found.with_columns(replica=of_node.otherwise("replica"))
    return found.with_columns(timestamp=moment)


def _lines(logs: pl.DataFrame) -> pl.DataFrame:
    """Convert rows of logs to log records."""
    level = pl.col("level").str.to_uppercase().replace_strict(_LEVELS, default="INFO", return_dtype=pl.String)
    ids = []
    for name, digits in (("trace_id", 32), ("span_id", 16)):
        valid = pl.col(name).str.contains(rf"^[0-9a-f]{{{digits}}}$") & pl.col(name).str.contains("[1-9a-f]")
        ids.append(pl.when(valid).then(name))
    return logs.with_columns(
        *ids, level=level, message=pl.col("message").fill_null(""), logger=pl.lit("service")
    ).select(LOG.frame_schema.names())

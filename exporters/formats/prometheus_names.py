"""Metric records as Prometheus has them: families of series in base units, with counters in place of rates.

A process counts from 0, so the counters of a replica restart with its process, as a scraper would see it. Counters of
a service or an edge add up over all processes, and never fall.

Names follow Prometheus' practice (https://prometheus.io/docs/practices/naming/): base units at the end
(`topology.telemetry.base_units`), `_total` for counters. Metrics of a service and of its replicas have different names,
so that a sum over a name counts nothing twice: `mesh_service_requests_total`, `mesh_replica_requests_total`,
`mesh_edge_retries_total`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.metrics import METRICS, Kind, Metric
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.timestamps import microseconds
from meshquake.topology.telemetry.base_units import PLAIN, base_unit, exported_name, exported_unit


@dataclass(frozen=True)
class Family:
    """A family of series: its name without prefix and suffix, its type, its unit ("" for plain numbers) and help.

    Values are divided by `divisor` to convert them to the unit. `code` is the unit in UCUM's codes, and `noun` the part
    of `unit` that these don't have. If `is_whole`, a file gives the full name: it gets no prefix, and the values of a
    gauge are as in the file.
    """

    name: str
    type: str
    unit: str
    help: str
    divisor: float = 1.0
    is_whole: bool = False
    code: str = ""
    noun: str = ""

    @classmethod
    def of(cls, metric: Metric) -> Family:
        """Return the family of a metric. A rate becomes the count behind it, and so does the share of errors."""
        counts, help_ = metric.kind is not Kind.GAUGE, metric.help
        type_ = (Kind.COUNTER if counts else Kind.GAUGE).value
        measured = METRICS.get(metric.origin)
        unit = exported_unit(metric.unit, None if measured is None else measured.unit, counts)
        if metric.whole_name:
            name = exported_name(metric.whole_name, PLAIN, counts)
            code = unit.code if counts else base_unit(metric.unit).own
            return cls(name, type_, "", help_, 1.0, True, code)
        name = exported_name(metric.exported, unit, counts)
        # A total is recorded as a count already, but perhaps scaled.
        divisor = metric.scale if metric.kind is Kind.TOTAL else unit.divisor
        return cls(name, type_, unit.word, help_, divisor, False, unit.code, unit.noun)

    @property
    def suffix(self) -> str:
        """The suffix of sample names after the name of the family."""
        return "_total" if self.type == "counter" else ""


def families(metrics: Mapping[str, Metric]) -> dict[str, Family]:
    """Return the family of each metric, by the metric's name in a recording."""
    return {name: Family.of(metric) for name, metric in metrics.items()}


#: The family of each metric of the catalogue.
FAMILIES: dict[str, Family] = families(METRICS)
#: Names of roughly the same metrics in common exporters and client libraries.
ELSEWHERE = {
    "cpu_usage": "container_cpu_usage_seconds_total",
    "cpu_throttled": "container_cpu_cfs_throttled_seconds_total",
    "memory_usage": "container_memory_working_set_bytes",
    "network_received": "container_network_receive_bytes_total",
    "network_sent": "container_network_transmit_bytes_total",
    "network_retransmits": "node_netstat_Tcp_RetransSegs",
    "open_sockets": "container_sockets",
    "open_descriptors": "process_open_fds",
    "disk_read": "container_fs_reads_bytes_total",
    "disk_written": "container_fs_writes_bytes_total",
    "disk_usage": "kubelet_volume_stats_used_bytes",
    "gc_time": "jvm_gc_collection_seconds_sum",
    "gc_collections": "jvm_gc_collection_seconds_count",
    "heap_used": "jvm_memory_used_bytes",
    "threads": "jvm_threads_current",
    "event_loop_lag": "nodejs_eventloop_lag_mean_seconds",
    "pod_restarts": "kube_pod_container_status_restarts_total",
    "pod_ready": "kube_pod_status_ready",
    "node_cpu": "node_cpu_usage_seconds_total",
    "node_memory": "node_memory_working_set_bytes",
    "node_pods": "kubelet_running_pods",
    "node_disk_used": "node_filesystem_avail_bytes",
}
_LABELS = ["service", "replica", "target"]
_SERIES = ["metric", *_LABELS]
#: The prefix of a family's name: what the metric is of.
_LEVEL = pl.concat_str(
    pl.lit("mesh_"),
    pl.when(pl.col("replica").is_not_null()).then(pl.lit("replica_")).otherwise(pl.lit("")),
    pl.when(pl.col("target").is_not_null()).then(pl.lit("edge_")).otherwise(pl.lit("")),
    pl.when(pl.all_horizontal(pl.col("replica", "target").is_null())).then(pl.lit("service_")).otherwise(pl.lit("")),
)


class Samples:
    """Turns each metric record into a sample, in order, and keeps the totals of counters.

    Attributes
    ----------
    families
        The family of each metric.
    """

    def __init__(self, context: Context) -> None:
        metrics = context.metrics
        self.families = families(metrics)
        self._counters = [name for name, metric in metrics.items() if metric.kind is Kind.COUNTER]
        #: Metrics of nodes, whose own names say so; and counters that restart with the process of their replica.
        self._of_nodes = [name for name, metric in metrics.items() if metric.levels == (Level.NODE,)]
        self._of_processes = [name for name in self._counters if not metrics[name].of_pod]
        #: For shares that become counts, the rate that they are a share of.
        self._wholes = {name: metric.share_of for name, metric in metrics.items() if metric.share_of}
        #: Factors of metrics that are recorded in another unit than they were measured in.
        self._scales = {name: metric.scale for name, metric in metrics.items() if metric.scale != 1.0}
        #: Metrics whose values may have more decimals than measured ones.
        self._precise = [name for name, metric in metrics.items() if metric.is_precise]
        self._interval = context.interval
        self._totals = pl.DataFrame(schema={**dict.fromkeys(_SERIES, pl.String), "total": pl.Float64, "of": pl.Int64})
        #: Starts of processes after the start of the recording, in order of time.
        self._begun = pl.DataFrame(schema={"replica": pl.String, "at": pl.Int64, "began": pl.Int64})

    def take(self, batch: Batch) -> pl.DataFrame:
        """Return the samples of the next batch in order.

        Returns
        -------
        frame
            `at`, microseconds since 1970; `metric`, the name in the record; `family`, the full name of the family;
            `name`, that of the sample; `service`, `replica` and `target`, the labels, null where there is none;
            `value`; and `began`, the time from which a restarted counter counts.
        """
        exact = pl.col("value") / self._of_family("divisor")
        value = exact.round(6)
        if self._precise:
            value = pl.when(pl.col("metric").is_in(self._precise)).then(exact.round_sig_figs(12)).otherwise(value)
        level = pl.when(pl.col("metric").is_in(self._of_nodes)).then(pl.lit("mesh_")).otherwise(_LEVEL)
        if any(family.is_whole for family in self.families.values()):
            level = pl.when(self._of_family("is_whole")).then(pl.lit("")).otherwise(level)
        return (
            self._counted(self._by_process(batch))
            .with_columns(
                family=pl.concat_str(level, self._of_family("name")),
                value=pl.coalesce("total", value),
            )
            .with_columns(name=pl.concat_str("family", self._of_family("suffix")))
            .select("at", "metric", "family", "name", *_LABELS, "value", "began")
        )

    def _by_process(self, batch: Batch) -> pl.DataFrame:
        """The metrics of a batch with the times of their samples, and the starts of their processes."""
        # What happens at the moment of a sample belongs to the next sample.
        began = microseconds().alias("began")
        restarts = batch.events.filter(type="restart").select("replica", began, at=began + 1)
        self._begun = pl.concat([self._begun, restarts.select(self._begun.columns)])
        samples = batch.metrics.with_columns(at=microseconds())
        found = samples.join_asof(self._begun, on="at", by="replica", strategy="backward", check_sortedness=False)
        return found.with_columns(began=pl.when(pl.col("metric").is_in(self._of_processes)).then(pl.col("began")))

    def _counted(self, samples: pl.DataFrame) -> pl.DataFrame:
        """Add the `total` so far to samples of counters."""
        whole = pl.col("metric").replace_strict(self._wholes, default=None, return_dtype=pl.String)
        measured = self._measured()
        kept = self._totals.rename({"of": "before"})
        wholes = samples.filter(pl.col("metric").is_in(self._wholes.values())).select(
            "timestamp", *_LABELS, whole="metric", rate=measured
        )
        shared = pl.col("whole").is_not_null()
        rate = pl.when(shared).then(measured / 100 * pl.col("rate")).otherwise(measured)
        # Rates have three decimals, and counts are integers: rounding recovers them for intervals of up to 1,000 s.
        count = pl.when(pl.col("metric").is_in(self._counters)).then((rate * self._interval).round())
        counted = (
            samples.with_columns(whole=whole)
            .join(wholes, on=["timestamp", *_LABELS, "whole"], how="left", nulls_equal=True, maintain_order="left")
            .join(kept, on=_SERIES, how="left", nulls_equal=True, maintain_order="left")
            .with_columns(
                total=count.cum_sum().over(*_SERIES, "began")
                + pl.when(pl.col("began").eq_missing(pl.col("before"))).then(pl.col("total")).fill_null(0.0)
            )
        )
        totals = (
            counted.drop_nulls("total")
            .group_by(_SERIES, maintain_order=True)
            .agg(pl.col("total").last(), pl.col("began").last().alias("of"))
        )
        self._totals = pl.concat([totals, self._totals]).unique(_SERIES, keep="first", maintain_order=True)
        return counted

    def _measured(self) -> pl.Expr:
        """Convert values to the units in which they were measured."""
        value = pl.col("value")
        if not self._scales:
            return value
        scale = pl.col("metric").replace_strict(self._scales, default=None, return_dtype=pl.Float64)
        return pl.coalesce((value / scale).round(3), value)

    def _of_family(self, attribute: str) -> pl.Expr:
        """Look up an attribute of the family of each row's metric."""
        return pl.col("metric").replace_strict(
            {metric: getattr(each, attribute) for metric, each in self.families.items()}
        )

"""The sources of the page: the records of a fixture, its answer key if there is one, and its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.fixtures import answer_key, layout, manifest, reading, recording
from meshquake.exporters.fixtures.provenance import Provenance, provenance
from meshquake.exporters.page.axis import Axis
from meshquake.sim.records import EVENT, LOG, METRIC, TRACE, RecordKind
from meshquake.topology import outside
from meshquake.topology.spec import Topology
from meshquake.truth.verdict import SCHEMA as VERDICTS

#: Most steps of the slider, and of counts of requests and lines, whose steps are longer to hold enough of them.
MOMENTS, SLOTS = 300, 120
#: Lines read at a time; larger chunks cost less per line.
_AT_ONCE = 50_000
_SPANS = (
    *("timestamp", "trace_id", "span_id", "parent_span_id", "service", "operation", "duration_ms", "status", "kind"),
    *("error_type", "peer", "replica", "attempt"),
)
_SAMPLES = ("timestamp", "service", "metric", "value", "unit", "replica", "target")
_US = 1_000_000


@dataclass(frozen=True)
class Sources:
    """What the page reads. Each kind of record is read on first use.

    Attributes
    ----------
    folder
        The folder of the fixture or the case.
    told
        Its manifest, or the metadata of a case whose truth is withheld.
    topology
        The mesh; for a case whose truth is withheld, only its services.
    interval
        Seconds between samples of a metric.
    moments, slots
        The time axis in steps of the slider, and in longer steps for counts.
    names
        The catalogue's names of metrics, by their names in the recording.
    truth
        The answer key; None if there is none, or if it must not be shown.
    """

    folder: Path
    told: Mapping[str, Any]
    topology: Topology
    interval: float
    moments: Axis
    slots: Axis
    names: Mapping[str, str]
    truth: dict[str, Any] | None

    @cached_property
    def samples(self) -> pl.DataFrame:
        """Samples of whole services and edges, not of replicas, with their `step` of the slider, by catalogue name."""
        found = self._records(METRIC, _SAMPLES, pl.col("replica").is_null())
        step = self.moments.step_of(self.moments.since(), over=True)
        return found.with_columns(pl.col("metric").replace(dict(self.names)), step=step)

    @cached_property
    def spans(self) -> pl.DataFrame:
        """Spans, with their `start` and `end` in microseconds since the recording began."""
        start = self.moments.since()
        found = self._records(TRACE, _SPANS).with_columns(start=start)
        return found.with_columns(end=pl.col("start") + (pl.col("duration_ms") * 1000).round().cast(pl.Int64))

    @cached_property
    def lines(self) -> pl.DataFrame:
        """The log lines."""
        return self._records(LOG)

    @cached_property
    def events(self) -> pl.DataFrame:
        """The events."""
        return self._records(EVENT)

    @cached_property
    def verdicts(self) -> pl.DataFrame | None:
        """The key's verdict on each request, from both runs; None without a key."""
        if self.truth is None:
            return None
        found = [pl.DataFrame(schema=VERDICTS), *answer_key.verdicts(self.folder, _AT_ONCE)]
        return pl.concat(found)

    @cached_property
    def roots(self) -> pl.DataFrame:
        """The spans of users' requests."""
        return self.spans.filter(pl.col("parent_span_id").is_null(), pl.col("kind") == "server")

    @cached_property
    def origin(self) -> Provenance | None:
        """The provenance of the fixture; None if it is withheld."""
        return None if recording.is_withheld(dict(self.told)) else provenance(self.folder)

    @property
    def partly_observed(self) -> bool:
        """Whether some records are missing or late, as far as the key tells."""
        return bool(self.truth and "observability" in self.truth)

    def _records(self, kind: RecordKind, columns: tuple[str, ...] = (), *wanted: pl.Expr) -> pl.DataFrame:
        chunks = reading.records(self.folder, kind, _AT_ONCE, columns)
        schema = {name: kind.frame_schema[name] for name in columns or kind.frame_schema}
        return pl.concat([pl.DataFrame(schema=schema), *(chunk.filter(*wanted) for chunk in chunks)])


def read(folder: Path, truth: bool = True) -> Sources:
    """Open a fixture, or a case of a data set.

    Parameters
    ----------
    folder
        The folder of the fixture or the case.
    truth
        Whether its answer key may be used, if there is one.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError, exporters.fixtures.answer_key.TruthError, topology.problems.DocumentError
        If it is no fixture, or its files are invalid. Bad records raise only when they are read.
    """
    content = manifest.verified(folder)
    context = reading.context(folder)
    start = datetime.fromisoformat(content["start"]).astimezone(UTC)
    keyed = truth and outside.is_file(layout.path(folder, layout.GROUND_TRUTH))
    return Sources(
        folder=folder,
        told=content,
        topology=context.topology,
        interval=context.interval,
        moments=Axis.of(start, context.length, MOMENTS, context.interval),
        slots=Axis.of(start, context.length, SLOTS),
        names={name: metric.origin for name, metric in context.metrics.items()},
        truth=answer_key.read_ground_truth(folder) if keyed else None,
    )

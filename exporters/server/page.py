"""A Prometheus page of the simulated now, as a scrape of the mesh would find it.

It is in the text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), without timestamps: the
time of a sample is that of the scrape. A page has the samples of the last completed interval, under the names that
`exporters.formats.prometheus_names` gives them. Counters count from the start of the recording.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.server.playback import Recording
from meshquake.sim.records import METRIC, RECORD_KINDS, Batch, kinds

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Page:
    """Reads samples up to each requested moment; moments must not go back.

    Attributes
    ----------
    schema
        The JSON Schema of a metric record in this recording.
    """

    def __init__(self, recording: Recording, context: Context) -> None:
        whole = kinds(context.metrics)[METRIC.name].json_schema()
        self.schema = {key: value for key, value in whole.items() if key != "$schema"}
        self._recording = recording
        self._samples = Samples(context)
        self._position = recording.beginning
        self._last = self._take(b"", timedelta())

    def text(self, now: datetime) -> str:
        """Return the page of a moment."""
        after = self._recording.find(now + timedelta.resolution)
        for lines, later in self._recording.blocks(METRIC.name, self._position, after):
            samples = self._take(lines, later)
            self._last = samples.filter(pl.col("at") == pl.col("at").max())
        self._position = after
        families: dict[str, list[str]] = {}
        for family, metric, name, service, replica, target, value in self._last.select(
            "family", "metric", "name", "service", "replica", "target", "value"
        ).iter_rows():
            if family not in families:
                described = self._samples.families[metric]
                families[family] = [f"# HELP {name} {described.help}", f"# TYPE {name} {described.type}"]
            labels = {"service": service, "replica": replica, "target": target}
            text = ",".join(f'{label}="{each}"' for label, each in labels.items() if each is not None)
            families[family].append(f"{name}{{{text}}} {value}")
        return "".join(f"{line}\n" for _, lines in sorted(families.items()) for line in lines)

    def _take(self, lines: bytes, later: timedelta) -> pl.DataFrame:
        """Parse the samples of whole moments, and shift their times by `later`."""
        frames = {kind.name: pl.DataFrame(schema=kind.frame_schema) for kind in RECORD_KINDS.values()}
        if lines:
            frames[METRIC.name] = pl.read_ndjson(lines, schema=METRIC.frame_schema)
        samples = self._samples.take(Batch(**frames, clock=0.0))
        return samples.with_columns(pl.col("at") + later // timedelta(microseconds=1))

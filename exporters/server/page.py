"""A Prometheus page of the simulated now: what a scrape of the mesh would find.

The text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), without timestamps: a scrape has
the time at which it's made. A page has the samples of the last interval that is over, under the names that
`exporters.formats.prometheus_names` gives them; counters have counted since the start of the recording.
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
    """Reads the samples up to each now that it is asked for, each of which is later than the one before.

    Attributes
    ----------
    schema
        What a record of a metric is in this recording.
    """

    def __init__(self, recording: Recording, context: Context) -> None:
        whole = kinds(context.metrics)[METRIC.name].json_schema()
        self.schema = {key: value for key, value in whole.items() if key != "$schema"}
        self._recording = recording
        self._samples = Samples(context)
        self._position = recording.beginning
        self._last = self._take(b"", timedelta())

    def text(self, now: datetime) -> str:
        """The page of a moment."""
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
        """The samples of whole moments, at times that are so much later than theirs."""
        frames = {kind.name: pl.DataFrame(schema=kind.frame_schema) for kind in RECORD_KINDS.values()}
        if lines:
            frames[METRIC.name] = pl.read_ndjson(lines, schema=METRIC.frame_schema)
        samples = self._samples.take(Batch(**frames, clock=0.0))
        return samples.with_columns(pl.col("at") + later // timedelta(microseconds=1))

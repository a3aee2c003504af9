"""A Prometheus page of the simulated now: what a scrape of the mesh would find.

The text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/), without timestamps: a scrape has
the time at which it's made. A page has the samples of the last interval that is over, under the names that
`exporters.formats.prometheus_names` gives them; counters have counted since the start of the recording.
"""

from __future__ import annotations

from itertools import islice, takewhile

import polars as pl

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.prometheus_names import FAMILIES, Samples
from meshquake.exporters.server.playback import Recording
from meshquake.sim.records import METRIC, RECORD_KINDS, Batch

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Samples read at a time.
_CHUNK = 20_000


class Page:
    """Reads the samples up to each now that it is asked for, each of which is later than the one before."""

    def __init__(self, recording: Recording, context: Context) -> None:
        self._recording = recording
        self._samples = Samples(context)
        self._position = recording.beginning
        self._last = self._take([])

    def text(self, now: bytes) -> str:
        """The page of a moment, given as records have it."""
        while lines := self._until(now):
            samples = pl.concat([self._last, self._take(lines)])
            self._last = samples.filter(pl.col("at") == pl.col("at").max())
        families: dict[str, list[str]] = {}
        for family, metric, name, service, replica, target, value in self._last.select(
            "family", "metric", "name", "service", "replica", "target", "value"
        ).iter_rows():
            if family not in families:
                described = FAMILIES[metric]
                families[family] = [f"# HELP {name} {described.help}", f"# TYPE {name} {described.type}"]
            labels = {"service": service, "replica": replica, "target": target}
            text = ",".join(f'{label}="{each}"' for label, each in labels.items() if each is not None)
            families[family].append(f"{name}{{{text}}} {value}")
        return "".join(f"{line}\n" for _, lines in sorted(families.items()) for line in lines)

    def _until(self, now: bytes) -> list[bytes]:
        """The next samples up to a moment; none if that is all."""
        lines = []
        read = self._recording.read((METRIC.name,), self._position)
        for line, self._position in islice(takewhile(lambda each: each[0].moment <= now, read), _CHUNK):
            lines.append(line.text)
        return lines

    def _take(self, lines: list[bytes]) -> pl.DataFrame:
        frames = {kind.name: pl.DataFrame(schema=kind.frame_schema) for kind in RECORD_KINDS.values()}
        if lines:
            frames[METRIC.name] = pl.read_ndjson(b"\n".join(lines), schema=METRIC.frame_schema)
        return self._samples.take(Batch(**frames, clock=0.0))

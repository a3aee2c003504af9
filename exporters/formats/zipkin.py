"""Zipkin: `spans.json`, all spans as one array in version 2 of Zipkin's JSON.

The array is what `POST /api/v2/spans` accepts (https://zipkin.io/zipkin-api/zipkin2-api.yaml), with one span per line.
Zipkin's file upload shows a single trace: an array with the spans of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.otlp_json import text
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds

NAME = "spans.json"


def sink(target: Path, context: Context) -> ZipkinSink:
    """Return a sink that writes `spans.json` into a folder."""
    return ZipkinSink(target, context)


class ZipkinSink:
    """Writes spans to the array as they come."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._conventions = Conventions(context.topology)
        self._said = InternedText((*Conventions.TOLD, "replica", "version"), ["said", "end"], self._describe)
        self._files = Files(folder)
        self._files.write(NAME, b"[")
        self._between = b"\n"

    def write(self, batch: Batch) -> None:
        """Append the spans of a batch."""
        if not len(batch.traces):
            return
        parent = pl.concat_str(pl.lit('","parentId":"'), "parent_span_id").fill_null("")
        frame = self._said.add(self._conventions.told(batch.traces))
        told = told_attributes.items(
            frame["attributes"], '"$k":"$v"', '"$k":"$v"', lambda key, value: text({key: _tag(value)})[1:-1]
        )
        spans = frame.select(
            pl.concat_str(
                pl.lit('{"traceId":"'),
                "trace_id",
                pl.lit('","id":"'),
                "span_id",
                parent,
                pl.lit('","timestamp":'),
                microseconds(),
                pl.lit(',"duration":'),
                length().clip(lower_bound=1),
                pl.lit(","),
                "said",
                told.fill_null(""),
                "end",
            ).str.join(",\n")
        )
        self._files.write(NAME, self._between + spans.item().encode())
        self._between = b",\n"

    def close(self) -> None:
        """End the array, and flush the file to disk."""
        self._files.write(NAME, b"\n]\n")
        self._files.close()

    def discard(self) -> None:
        """Abandon the file."""
        self._files.discard()

    def _describe(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        described = self._conventions.describe(row)
        who = self._conventions.resource(row)
        tags = {key: str(value) for key, value in (who | described.attributes).items() if key != "service.name"}
        if described.failed:
            tags["error"] = row["error_type"]
        said = {
            # Zipkin has no kind for spans that are local to a process.
            **({} if row["kind"] == "internal" else {"kind": row["kind"].upper()}),
            "name": described.name.lower(),
            "localEndpoint": {"serviceName": self._conventions.title(row["service"]).lower()},
            **(
                {}
                if row["peer"] is None
                else {"remoteEndpoint": {"serviceName": self._conventions.title(row["peer"]).lower()}}
            ),
            "tags": {},
        }
        comma = "," if row[told_attributes.KEYS] and tags else ""
        return {"said": text(said)[1:-2], "end": f"{comma}{text(tags)[1:]}}}"}


def _tag(value: Any) -> str:
    return value if isinstance(value, str) else text(value)

"""Zipkin: all spans as one array of version 2 of its JSON, `spans.json`.

What `POST /api/v2/spans` takes (https://zipkin.io/zipkin-api/zipkin2-api.yaml), a span a line. Zipkin's page for files
shows one trace: an array with the spans of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.columns.interned_text import InternedText
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.otlp_json import text
from meshquake.exporters.formats.semconv import Conventions
from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import length, microseconds

NAME = "spans.json"


def sink(target: Path, context: Context) -> ZipkinSink:
    """A sink that writes `spans.json` into a folder."""
    return ZipkinSink(target, context)


class ZipkinSink:
    """Writes the array as spans come."""

    def __init__(self, folder: Path, context: Context) -> None:
        self._conventions = Conventions(context.topology)
        self._said = InternedText(
            (*Conventions.COLUMNS, "replica", "version", Conventions.REQUEST),
            ["said"],
            self._describe,
            fleeting=Conventions.REQUEST,
        )
        self._files = Files(folder)
        self._files.write(NAME, b"[")
        self._between = b"\n"

    def write(self, batch: Batch) -> None:
        """Append the spans of a batch."""
        if not len(batch.traces):
            return
        parent = pl.concat_str(pl.lit('","parentId":"'), "parent_span_id").fill_null("")
        spans = self._said.add(batch.traces).select(
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
            ).str.join(",\n")
        )
        self._files.write(NAME, self._between + spans.item().encode())
        self._between = b",\n"

    def close(self) -> None:
        """End the array, and bring it to the disk."""
        self._files.write(NAME, b"\n]\n")
        self._files.close()

    def discard(self) -> None:
        """Close the file without caring what becomes of it."""
        self._files.discard()

    def _describe(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        described = self._conventions.describe(row)
        who = self._conventions.resource(row)
        tags = {key: str(value) for key, value in (who | described.attributes).items() if key != "service.name"}
        if described.failed:
            tags["error"] = row["error_type"]
        said = {
            # A span that is local to a process has no kind there.
            **({} if row["kind"] == "internal" else {"kind": row["kind"].upper()}),
            "name": described.name.lower(),
            "localEndpoint": {"serviceName": self._conventions.title(row["service"]).lower()},
            **(
                {}
                if row["peer"] is None
                else {"remoteEndpoint": {"serviceName": self._conventions.title(row["peer"]).lower()}}
            ),
            "tags": tags,
        }
        return {"said": text(said)[1:]}

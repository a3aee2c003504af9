"""Parquet: one file per kind of record, with typed columns, written row group by row group as records arrive.

Times are UTC timestamps in microseconds. Names, of which there are few, are dictionary-encoded and read as strings; the
`attributes` of an event are a JSON object in text.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.parquet_file import ParquetFile
from meshquake.sim.records import RECORD_KINDS, Batch, Column, RecordKind
from meshquake.sim.telemetry.timestamps import utc

#: Columns of sentences, nearly all of them distinct.
_SENTENCES = ("message", "details")
_TYPES = {
    "time": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "object": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
}


def sink(target: Path, context: Context) -> ParquetSink:
    """Return a sink that writes `metrics.parquet`, `logs.parquet`, `traces.parquet` and `events.parquet`."""
    return ParquetSink(target)


def schema(kind: RecordKind) -> pa.Schema:
    """Return the Arrow schema of a kind of record, with descriptions of columns in their metadata."""
    return pa.schema([_field(column) for column in kind.table])


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, _TYPES[column.type], column.nullable, {"description": column.doc})


def _names(kind: RecordKind) -> list[str]:
    """Return the columns that have few distinct values: neither ids nor sentences."""
    texts = [column.name for column in kind.columns if column.type == "string"]
    return [name for name in texts if not name.endswith("_id") and name not in _SENTENCES]


class ParquetSink:
    """Writes the records of each kind to its file."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            kind: ParquetFile(folder / f"{name}.parquet", schema(kind), _names(kind))
            for name, kind in RECORD_KINDS.items()
        }

    def write(self, batch: Batch) -> None:
        """Append a batch to the files."""
        for kind, file in self._files.items():
            file.write(told_attributes.compacted(kind, batch.frame(kind.name)).with_columns(utc()))

    def close(self) -> None:
        """Write the remaining rows, and flush the files to disk."""
        for file in self._files.values():
            file.close()

    def discard(self) -> None:
        """Abandon the files."""
        for file in self._files.values():
            file.discard()

"""Parquet: a file a kind of record, with typed columns, written in row groups while records come.

Times are timestamps with microseconds in UTC. Names, of which there are few, are encoded by dictionary, and are strings
to a reader; the `attributes` of an event are the JSON text of an object.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.parquet_file import ParquetFile
from meshquake.sim.records import RECORD_KINDS, Batch, Column, RecordKind
from meshquake.sim.telemetry.timestamps import utc

#: The columns that are sentences, of which nearly each is another.
_SENTENCES = ("message", "details")
_TYPES = {
    "time": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "object": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
}


def sink(target: Path, context: Context) -> ParquetSink:
    """A sink that writes `metrics.parquet`, `logs.parquet`, `traces.parquet` and `events.parquet` into a folder."""
    return ParquetSink(target)


def schema(kind: RecordKind) -> pa.Schema:
    """The Arrow schema of a kind of record; what a column means is in its metadata."""
    return pa.schema([_field(column) for column in kind.table])


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, _TYPES[column.type], column.nullable, {"description": column.doc})


def _names(kind: RecordKind) -> list[str]:
    """The columns that have few different values: no ids, and no sentences."""
    texts = [column.name for column in kind.columns if column.type == "string"]
    return [name for name in texts if not name.endswith("_id") and name not in _SENTENCES]


class ParquetSink:
    """Hands records of each kind to the file of their kind."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            kind: ParquetFile(folder / f"{name}.parquet", schema(kind), _names(kind))
            for name, kind in RECORD_KINDS.items()
        }

    def write(self, batch: Batch) -> None:
        """Take a batch."""
        for kind, file in self._files.items():
            file.write(told_attributes.compacted(kind, batch.frame(kind.name)).with_columns(utc()))

    def close(self) -> None:
        """Write what is left, and bring the files to the disk."""
        for file in self._files.values():
            file.close()

    def discard(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.discard()

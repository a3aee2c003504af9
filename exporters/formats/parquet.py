"""Parquet: a file a kind of record, with typed columns, written in row groups while records come.

Times are timestamps with microseconds in UTC. Names, of which there are few, are encoded by dictionary, and are strings
to a reader; the `attributes` of an event are the JSON text of an object.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.formats.context import Context
from meshquake.sim.records import RECORD_KINDS, Batch, Column, RecordKind
from meshquake.sim.telemetry.timestamps import utc

#: Records in a row group, but for the last: enough for a reader to skip and share out.
_GROUP = 32_000
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


def _is_name(column: Column) -> bool:
    """Whether a column has few different values: no ids, and no sentences."""
    return column.type == "string" and not column.name.endswith("_id") and column.name not in _SENTENCES


class ParquetSink:
    """Collects records of each kind until there are enough for a row group."""

    def __init__(self, folder: Path) -> None:
        self._files = [_File(folder / f"{name}.parquet", kind) for name, kind in RECORD_KINDS.items()]

    def write(self, batch: Batch) -> None:
        """Take a batch."""
        for file in self._files:
            file.write(batch.frame(file.kind.name))

    def close(self) -> None:
        """Write what is left, and bring the files to the disk."""
        for file in self._files:
            file.close()

    def discard(self) -> None:
        """Let go of the files."""
        for file in self._files:
            file.discard()


class _File:
    """One file."""

    def __init__(self, path: Path, kind: RecordKind) -> None:
        self.kind = kind
        self._schema = schema(kind)
        self._file = path.open("wb")
        names = [column.name for column in kind.columns if _is_name(column)]
        self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd", use_dictionary=names)
        #: Records that make no row group yet, as the file will have them: that takes half of what frames do.
        self._waiting = self._schema.empty_table()

    def write(self, frame: pl.DataFrame) -> None:
        frame = told_attributes.compacted(self.kind, frame)
        table = frame.select(self._schema.names).with_columns(utc()).to_arrow().cast(self._schema)
        self._waiting = pa.concat_tables([self._waiting, table])
        while len(self._waiting) >= _GROUP:
            self._group(self._waiting.slice(0, _GROUP))
            self._waiting = self._waiting.slice(_GROUP)

    def close(self) -> None:
        if len(self._waiting):
            self._group(self._waiting)
        self._writer.close()
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        self._file.raw.close()
        with suppress(OSError, ValueError):  # it would bring out what it holds when it's collected
            self._writer.close()

    def _group(self, table: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(table.combine_chunks(), row_group_size=_GROUP)

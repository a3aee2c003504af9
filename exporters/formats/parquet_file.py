"""A Parquet file that is written row group by row group as rows arrive."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

#: Rows in a row group, except the last: a size at which readers can skip groups and read them in parallel.
_GROUP = 32_000


class ParquetFile:
    """Buffers rows until they fill a row group.

    Parameters
    ----------
    path
        The file, which is made even if there are no rows.
    schema
        Its columns.
    names
        The columns to dictionary-encode, which have few distinct values; they still read as strings.
    """

    def __init__(self, path: Path, schema: pa.Schema, names: Collection[str]) -> None:
        self._schema = schema
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd", use_dictionary=sorted(names))
        #: Buffered rows, in the schema of the file, which takes half the memory of frames.
        self._waiting = schema.empty_table()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows, which must have all columns of the schema and may have others."""
        table = frame.select(self._schema.names).to_arrow().cast(self._schema)
        self._waiting = pa.concat_tables([self._waiting, table])
        while len(self._waiting) >= _GROUP:
            self._group(self._waiting.slice(0, _GROUP))
            self._waiting = self._waiting.slice(_GROUP)

    def close(self) -> None:
        """Write the buffered rows, and flush the file to disk; raises OSError."""
        if len(self._waiting):
            self._group(self._waiting)
        self._writer.close()
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        """Abandon the file."""
        self._file.raw.close()
        with suppress(OSError, ValueError):  # otherwise it would try to flush when it is garbage-collected
            self._writer.close()

    def _group(self, table: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(table.combine_chunks(), row_group_size=_GROUP)

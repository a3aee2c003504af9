"""A Parquet file that is written a row group at a time, while what belongs into it comes."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

#: Rows in a row group, but for the last: enough for a reader to skip and share out.
_GROUP = 32_000


class ParquetFile:
    """Collects rows until there are enough for a row group.

    Parameters
    ----------
    path
        The file, which is made even if no row ever comes.
    schema
        Its columns.
    names
        Those of which there are few values, which are encoded by dictionary; to a reader they are texts.
    """

    def __init__(self, path: Path, schema: pa.Schema, names: Collection[str]) -> None:
        self._schema = schema
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd", use_dictionary=sorted(names))
        #: Rows that make no row group yet, as the file will have them: that takes half of what frames do.
        self._waiting = schema.empty_table()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows, which have all columns of the schema and perhaps others."""
        table = frame.select(self._schema.names).to_arrow().cast(self._schema)
        self._waiting = pa.concat_tables([self._waiting, table])
        while len(self._waiting) >= _GROUP:
            self._group(self._waiting.slice(0, _GROUP))
            self._waiting = self._waiting.slice(_GROUP)

    def close(self) -> None:
        """Write what is left, and bring the file to the disk; raises OSError if it can't."""
        if len(self._waiting):
            self._group(self._waiting)
        self._writer.close()
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def discard(self) -> None:
        """Let go of the file without caring what becomes of it."""
        self._file.raw.close()
        with suppress(OSError, ValueError):  # it would bring out what it holds when it's collected
            self._writer.close()

    def _group(self, table: pa.Table) -> None:
        """Write a row group."""
        self._writer.write_table(table.combine_chunks(), row_group_size=_GROUP)

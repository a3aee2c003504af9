"""The sink that writes a case for OpenRCA 2.0 into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import pyarrow as pa

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.exporters.formats.openrca2 import conclusion, windows
from meshquake.exporters.formats.openrca2.causal_graph import causal_graph
from meshquake.exporters.formats.openrca2.conclusion import Conclusion
from meshquake.exporters.formats.openrca2.injection import injection
from meshquake.exporters.formats.openrca2.tables import SCHEMAS, Tables
from meshquake.exporters.formats.openrca2.windows import ABNORMAL, NORMAL, WINDOWS
from meshquake.exporters.formats.parquet_file import ParquetFile
from meshquake.sim.records import Batch

#: Columns of text whose values are nearly all distinct.
_MANY = ("trace_id", "span_id", "parent_span_id", "message")


def sink(target: Path, context: Context) -> PackSink:
    """Return a sink that writes a case into a folder, from a recording whose truth is known.

    Raises
    ------
    exporters.formats.registry.FormatError
        If the recording has no incident, or nothing before it.
    """
    return PackSink(target, context)


class PackSink:
    """Appends each record to a table of its window."""

    def __init__(self, folder: Path, context: Context) -> None:
        truth = context.truth or {}
        faults = windows.roots(truth)
        begun = windows.split(context, faults)
        self._begun = round(begun.timestamp() * 1e6)
        self._tables = Tables(context)
        self._conclusion = Conclusion(faults)
        self._texts = Files(folder)
        name, mesh = truth["fixture"], context.topology
        for file, text in (
            ("env.json", windows.env(context, begun)),
            ("injection.json", injection(faults, name, mesh.name)),
            ("causal_graph.json", causal_graph(faults, name, mesh)),
        ):
            self._texts.write(file, text.encode())
        self._files = {
            (window, table): _file(folder / f"{window}_{table}.parquet", schema)
            for window in WINDOWS
            for table, schema in SCHEMAS.items()
        }
        self._files["", "conclusion"] = _file(folder / "conclusion.parquet", conclusion.SCHEMA)

    def write(self, batch: Batch) -> None:
        """Append a batch."""
        for table, rows in self._tables.take(batch).items():
            # A sample covers the time before it.
            before = pl.col("at") <= self._begun if table.startswith("metrics") else pl.col("at") < self._begun
            for window, own in ((NORMAL, before), (ABNORMAL, ~before)):
                self._files[window, table].write(rows.filter(own))
            if table == "traces":
                which = pl.when(before).then(pl.lit(NORMAL)).otherwise(pl.lit(ABNORMAL))
                self._conclusion.take(batch.traces, rows, which)

    def close(self) -> None:
        """Write the conclusion, and flush the files to disk."""
        self._files["", "conclusion"].write(self._conclusion.frame())
        for file in self._all():
            file.close()

    def discard(self) -> None:
        """Abandon the files."""
        for file in self._all():
            with suppress(AttributeError):  # the file is already closed
                file.discard()

    def _all(self) -> Iterator[ParquetFile | Files]:
        yield from self._files.values()
        yield self._texts


def _file(path: Path, schema: pa.Schema) -> ParquetFile:
    texts = [field.name for field in schema if field.type == pa.string()]
    return ParquetFile(path, schema, [name for name in texts if name not in _MANY])

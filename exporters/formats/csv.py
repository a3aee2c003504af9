"""CSV for spreadsheets: one file per kind of record, with a header.

Spreadsheets guess types from the text. So files begin with a byte order mark, by which Excel recognises UTF-8; times
are written as `2024-01-15 10:31:20.441896`, in UTC; and no text begins a formula (`exporters.formats.cells`). Objects
are JSON text. Nulls are empty cells.
"""

from __future__ import annotations

import codecs
from pathlib import Path

import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.formats import cells
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.sim.records import RECORD_KINDS, Batch, Column, RecordKind


def sink(target: Path, context: Context) -> CsvSink:
    """Return a sink that writes `metrics.csv`, `logs.csv`, `traces.csv` and `events.csv` into a folder."""
    return CsvSink(target)


def encode(kind: RecordKind, frame: pl.DataFrame) -> bytes:
    """Encode records of a kind as CSV lines."""
    return cells.encode(told_attributes.compacted(kind, frame).select(map(_cell, kind.table)))


def _cell(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    return cell.str.head(26).str.replace("T", " ", literal=True) if column.type == "time" else cell


class CsvSink:
    """Writes the four files."""

    def __init__(self, folder: Path) -> None:
        self._files = Files(folder)
        for name, kind in RECORD_KINDS.items():
            self._files.write(
                f"{name}.csv", codecs.BOM_UTF8 + f"{','.join(column.name for column in kind.table)}\n".encode()
            )

    def write(self, batch: Batch) -> None:
        """Append a batch to the files."""
        for name, kind in RECORD_KINDS.items():
            self._files.write(f"{name}.csv", encode(kind, batch.frame(name)))

    def close(self) -> None:
        """Flush the files to disk."""
        self._files.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()

"""NDJSON: one JSON object per line, one file per kind of record."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from meshquake.exporters.columns import told_attributes
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.files import Files
from meshquake.sim.records import RECORD_KINDS, Batch, RecordKind, records

_NEWLINE = ord("\n")
#: Records encoded at a time: a few megabytes of lines, which fit the processor's caches. In one piece, the
#: batch of a large mesh, ten times as many, took 1.6 times as long.
_AT_A_TIME = 16_384


def sink(target: Path, context: Context) -> NdjsonSink:
    """Return a sink that writes the four files into a folder; the context isn't needed."""
    return NdjsonSink(target)


def encode(kind: RecordKind, frame: pl.DataFrame) -> bytes:
    """Encode records of a kind, which may have further columns, as lines."""
    if kind.objects:
        # Few records contain objects; polars would write their JSON text as strings.
        texts = map(_compact, records(kind, frame))
        return "".join(f"{text}\n" for text in texts).encode()
    written = lines(frame.drop([column.name for column in kind.optional]))
    for column in kind.optional:
        written = _with(written, column.name, frame[column.name])
    return written


def _with(written: bytes, name: str, texts: pl.Series) -> bytes:
    """Add a key, whose value is a JSON object in text, to the end of each line; no key where it is null."""
    having = texts.is_not_null().arg_true()
    if not len(having):
        return written
    values = pl.select(pl.concat_str(pl.lit(f',"{name}":'), told_attributes.compact(texts.gather(having))))
    ends = np.flatnonzero(np.frombuffer(written, dtype=np.uint8) == _NEWLINE)[having.to_numpy()] - 1
    pieces: list[bytes | memoryview] = []
    view, begin = memoryview(written), 0  # copied once, when they are joined
    for end, value in zip(ends.tolist(), values.to_series().cast(pl.Binary).to_list(), strict=True):
        pieces += [view[begin:end], value]
        begin = end
    pieces.append(view[begin:])
    return b"".join(pieces)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def lines(frame: pl.DataFrame) -> bytes:
    """Encode a frame as lines, with its columns as keys."""
    buffer = io.BytesIO()
    frame.write_ndjson(buffer)
    return buffer.getvalue()


@dataclass(frozen=True)
class Written:
    """The content of a file: its number of records (None if it isn't one of lines), its bytes, and their SHA-256."""

    records: int | None
    bytes: int
    sha256: str


class NdjsonSink:
    """Writes the four files into a folder."""

    def __init__(self, folder: Path) -> None:
        self._files = Files(folder)
        for kind in RECORD_KINDS:
            self._files.write(f"{kind}.ndjson", b"")  # the file exists even if it stays empty
        self._hashes = {kind: hashlib.sha256() for kind in RECORD_KINDS}
        self._records = dict.fromkeys(RECORD_KINDS, 0)
        self._bytes = dict.fromkeys(RECORD_KINDS, 0)

    def write(self, batch: Batch) -> None:
        """Append a batch to the files."""
        for name, kind in RECORD_KINDS.items():
            for frame in batch.frame(name).iter_slices(_AT_A_TIME):
                lines = encode(kind, frame)
                self._files.write(f"{name}.ndjson", lines)
                self._hashes[name].update(lines)
                self._records[name] += len(frame)
                self._bytes[name] += len(lines)

    @property
    def written(self) -> dict[str, Written]:
        """The content of each file so far, by name."""
        return {
            f"{kind}.ndjson": Written(self._records[kind], self._bytes[kind], self._hashes[kind].hexdigest())
            for kind in RECORD_KINDS
        }

    def close(self) -> None:
        """Flush the files to disk; raises OSError, since a file system may only report now that it is full."""
        self._files.close()

    def discard(self) -> None:
        """Abandon the files."""
        self._files.discard()

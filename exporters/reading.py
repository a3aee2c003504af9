"""Reads a fixture's records again, as the batches they were written in, or nearly.

Its files are checked against the manifest before the first record is read, so whoever takes the batches never meets
a record that this project didn't write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import polars as pl

from exporters import context as contexts
from exporters import key, layout, manifest, replay
from exporters.context import Context
from sim.records import KINDS, Batch, Kind
from sim.truth.verdict import SCHEMA as VERDICT_SCHEMA


def context(folder: Path, truth: bool = False) -> Context:
    """What a format may need besides records, from a fixture's manifest, and from its answer key if `truth` is set.

    Raises
    ------
    exporters.manifest.ManifestError, topology.document.DocumentError
        As `exporters.replay.reload` does.
    exporters.key.TruthError
        If the truth is asked for, and there is none.
    """
    reloaded = replay.reload(folder)
    return contexts.of(reloaded.simulation(reloaded.loaded), key.read_ground_truth(folder) if truth else None)


def batches(folder: Path, records: int = 32_000) -> Iterator[Batch]:
    """The records of a fixture in order of time, in memory that doesn't grow with it.

    As in a batch of a run, all of a moment are together: what follows a batch is later than all that is in it.

    Parameters
    ----------
    folder
        The fixture, which is checked against its manifest first.
    records
        In a batch, about.

    Raises
    ------
    exporters.manifest.ManifestError, OSError
        As `exporters.manifest.verified` does.
    """
    start = datetime.fromisoformat(manifest.verified(folder)["start"])
    with ExitStack() as stack:
        files = [
            _File(kind, stack.enter_context(layout.path(folder, f"{name}.ndjson").open("rb")), max(1, records // 2))
            for name, kind in KINDS.items()
        ]
        while unfinished := [file for file in files if not file.finished]:
            # Up to the last moment that the file that lags behind has been read to; more of that moment may follow.
            behind = min(unfinished, key=lambda file: file.last)
            until = behind.last
            frames = {file.kind.name: file.take(until) for file in files}
            if any(map(len, frames.values())):
                yield Batch(**frames, clock=(datetime.fromisoformat(until) - start).total_seconds())
            behind.read()
        last = max((file.last for file in files), default="") or start.isoformat()
        frames = {file.kind.name: file.take() for file in files}
        yield Batch(**frames, clock=(datetime.fromisoformat(last) - start).total_seconds())


def records(folder: Path, kind: Kind, count: int = 32_000) -> Iterator[pl.DataFrame]:
    """The records of one kind, so many at a time; check them first (`manifest.verified`)."""
    with layout.path(folder, f"{kind.name}.ndjson").open("rb") as file:
        while lines := list(islice(file, count)):
            yield _decode(kind, lines)


def verdicts(folder: Path, records: int = 32_000) -> Iterator[pl.DataFrame]:
    """The verdicts on a fixture's requests, so many at a time; check them first (`exporters.manifest.verified`)."""
    with layout.path(folder, key.VERDICTS).open("rb") as file:
        while lines := list(islice(file, records)):
            yield pl.read_ndjson(b"".join(lines), schema=VERDICT_SCHEMA)


class _File:
    """A file of records, of which some are read and not taken yet: always some, until it's finished.

    Attributes
    ----------
    finished
        Whether all of it has been read.
    last
        The time of the last record that has been read; empty if there is none.
    """

    def __init__(self, kind: Kind, file: BinaryIO, records: int) -> None:
        self.kind = kind
        self.finished = False
        self.last = ""
        self._file = file
        self._records = records
        self._waiting = pl.DataFrame(schema=kind.frame_schema)
        self.read()

    def read(self) -> None:
        """Read some more records."""
        lines = list(islice(self._file, self._records))
        self.finished = len(lines) < self._records
        if lines:
            self._waiting = pl.concat([self._waiting, _decode(self.kind, lines)])
            self.last = self._waiting["timestamp"][-1]

    def take(self, until: str | None = None) -> pl.DataFrame:
        """Take the records before a time, or all."""
        count = len(self._waiting) if until is None else self._waiting["timestamp"].search_sorted(until, side="left")
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def _decode(kind: Kind, lines: list[bytes]) -> pl.DataFrame:
    """The records of some lines of a file, as a frame that `exporters.ndjson.encode` makes the same lines of."""
    if not kind.objects:
        return pl.read_ndjson(b"".join(lines), schema=kind.frame_schema)
    rows = [json.loads(line) for line in lines]
    for row in rows:
        for name in kind.objects:
            row[name] = json.dumps(row[name], ensure_ascii=False)
    return pl.DataFrame(rows, schema=kind.frame_schema)

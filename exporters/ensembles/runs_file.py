"""The file of an ensemble's runs: one line per run, in the order of the study.

The file is append-only. So whatever stops the writer, every line but the last is complete, and a last line without a
newline is dropped before anything is appended.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite, nan
from pathlib import Path
from typing import Any, BinaryIO

from meshquake.ensembles.replication import Run
from meshquake.ensembles.study import Study
from meshquake.exporters.ensembles.manifest import EnsembleError

NAME = "runs.ndjson"


class RunsFile:
    """An open file of runs, to append to.

    Attributes
    ----------
    runs
        The runs that were in the file when it was opened.
    """

    def __init__(self, file: BinaryIO, study: Study, path: Path) -> None:
        self._file = file
        self._labels = study.labels
        self.runs, size = _read(file.read(), study, path)
        file.truncate(size)
        file.seek(size)

    def add(self, run: Run) -> None:
        """Append a run; raises OSError."""
        self._file.write(line(self._labels, run))
        self._file.flush()

    def sync(self) -> None:
        """Wait until everything is on disk; raises OSError."""
        os.fsync(self._file.fileno())


@contextmanager
def opened(folder: Path, study: Study) -> Iterator[RunsFile]:
    """Open the file of an ensemble to append runs, with an exclusive lock; it is made if it doesn't exist.

    Raises
    ------
    OSError
        If the file can't be written, or another process has locked it.
    EnsembleError
        If it holds lines that are not runs of the study.
    """
    path = folder / NAME
    with path.open("r+b" if path.exists() else "w+b") as file:
        _lock(file, folder)
        yield RunsFile(file, study, path)


def read(folder: Path, study: Study) -> list[Run]:
    """Read the complete runs in a folder; raises as `opened` does."""
    path = folder / NAME
    return _read(path.read_bytes(), study, path)[0] if path.exists() else []


def line(labels: tuple[str, ...], run: Run) -> bytes:
    """Format a run as a line."""
    values = dict(zip(labels, map(_known, run.values), strict=True))
    content: dict[str, Any] = {
        "cell": run.cell,
        "replication": run.replication,
        "seed": run.seed,
        "warm_up_s": run.warm_up,
        **({} if run.settled else {"settled": False}),
        "values": values,
    }
    if run.sections:
        content["sections"] = {
            label: [*map(_known, each)] for label, each in zip(labels, run.sections, strict=True) if each
        }
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def _read(content: bytes, study: Study, path: Path) -> tuple[list[Run], int]:
    """Parse the complete runs in the bytes of a file; returns them and their size in bytes."""
    runs = []
    known = set()
    size = 0
    for number, text in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            run = _run(json.loads(text), study)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EnsembleError(f"{path}:{number}: is not a run of this study: the file was changed") from None
        if (run.cell, run.replication) in known:
            raise EnsembleError(f"{path}:{number}: is a run that a line above has, too: the file was changed")
        known.add((run.cell, run.replication))
        runs.append(run)
        size += len(text) + 1
    return runs, size


def _run(content: dict[str, Any], study: Study) -> Run:
    values, sections = content["values"], content.get("sections", {})
    if not 0 <= content["cell"] < len(study.cells) or content["seed"] != study.seed_of(content["replication"]):
        raise ValueError("of another study")
    return Run(
        content["cell"],
        content["replication"],
        content["seed"],
        tuple(_number(values[label]) for label in study.labels),
        tuple(tuple(map(_number, sections.get(label, ()))) for label in study.labels) if study.long else (),
        float(content["warm_up_s"]),
        content.get("settled", True),
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def _number(value: float | None) -> float:
    return nan if value is None else float(value)


def _lock(file: BinaryIO, folder: Path) -> None:
    """Lock a file until it is closed, if the system can."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another command is using it", str(folder)) from None
    except OSError:
        return  # not every file system has locks

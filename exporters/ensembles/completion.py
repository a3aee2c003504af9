"""The file that marks an ensemble as complete: it is written last, with the SHA-256 of the runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from meshquake.exporters.ensembles import runs_file
from meshquake.exporters.ensembles.manifest import EnsembleError
from meshquake.exporters.fixtures import json_file, staging
from meshquake.topology.problems import DocumentError

NAME = "complete.json"


def mark(folder: Path, runs: int) -> None:
    """Mark an ensemble as complete, with a number of runs; raises OSError."""
    content = {"runs": runs, "sha256": _sha256(folder)}
    staging.write_text(folder / NAME, json.dumps(content, indent=2) + "\n")


def is_complete(folder: Path) -> bool:
    """Whether the ensemble in a folder is marked as complete."""
    return (folder / NAME).exists()


def check(folder: Path) -> None:
    """Check that the runs of a complete ensemble are those that it was completed with.

    Raises
    ------
    EnsembleError
        If its runs or its mark were changed. An ensemble without a mark is not checked.
    OSError
        If the runs can't be read.
    """
    if not is_complete(folder):
        return
    try:
        content = json_file.read(folder / NAME)
    except DocumentError:
        content = None
    if not isinstance(content, dict) or content.get("sha256") != _sha256(folder):
        raise EnsembleError(
            f"{folder / runs_file.NAME}: does not match the sha256 in {NAME}: one of them was changed; restore it, or "
            f"run the study again with `ensemble {folder} --output DIR`"
        )


def _sha256(folder: Path) -> str:
    path = folder / runs_file.NAME
    return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()

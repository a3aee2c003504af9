"""A cache of table rows per mesh, so that a table can be made mesh by mesh and resumed."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from meshquake.benchmarks.bands import Band, Row


class KeptRows:
    """Cached rows, keyed by the bytes of the topology file and by how it was played.

    Parameters
    ----------
    folder
        Where rows are cached; created if needed. None to cache nothing.
    how
        What else the rows depend on: seeds, duration, observability.
    """

    def __init__(self, folder: Path | None, how: str) -> None:
        self._folder = folder
        self._how = how

    def __getitem__(self, mesh: Path) -> list[Row] | None:
        """Return the rows of a mesh; None if none are cached for the mesh as it is now."""
        file = self._file(mesh)
        if file is None or not file.exists():
            return None
        return [Row(**{**each, "band": Band(**each["band"])}) for each in json.loads(file.read_text(encoding="utf-8"))]

    def __setitem__(self, mesh: Path, rows: list[Row]) -> None:
        file = self._file(mesh)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")

    def _file(self, mesh: Path) -> Path | None:
        if self._folder is None:
            return None
        digest = sha256(self._how.encode() + b"\0" + mesh.read_bytes()).hexdigest()
        return self._folder / f"{mesh.stem}-{digest[:16]}.json"

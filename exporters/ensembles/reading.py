"""Read back an ensemble, complete or not."""

from __future__ import annotations

from pathlib import Path

from meshquake.ensembles.analysis import Analysis
from meshquake.exporters.ensembles import completion, manifest, runs_file
from meshquake.exporters.ensembles.manifest import EnsembleError


def analysis(folder: Path) -> Analysis:
    """Analyse the runs in a folder.

    Raises
    ------
    EnsembleError
        If the folder is not an ensemble, was changed, or has no run of some cell yet.
    """
    study, _ = manifest.load(folder)
    try:
        runs = runs_file.read(folder, study)
        completion.check(folder)
    except OSError as error:
        raise EnsembleError(f"{error.filename or folder}: cannot be read: {error.strerror}") from None
    found = Analysis(study, runs)
    if any(not found.runs_of(cell) for cell in range(len(study.cells))):
        raise EnsembleError(f"{folder}: some cells have no run yet: continue with --resume")
    return found

"""Where the files of a run are: `RUNS/CASE/REPEAT/`, with `answers.json` and `audit.ndjson`."""

from __future__ import annotations

from pathlib import Path

from meshquake.agents import audit
from meshquake.exporters.fixtures import layout

#: What the judge made of an answer.
SCORE = "score.json"


def case_name(folder: Path) -> str:
    """What a case or a fixture is called."""
    trees = layout.case(folder)
    return (folder if trees is None else trees[0]).resolve().name


def begin(runs: Path, case: str) -> Path:
    """The folder of the next run of a case, made and empty.

    Parameters
    ----------
    runs
        The folder of all runs.
    case
        What the case is called.

    Raises
    ------
    OSError
        If it can't be made.
    """
    repeat = 1
    while True:
        folder = runs / case / str(repeat)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            repeat += 1
            continue
        (folder / audit.NAME).touch()
        return folder

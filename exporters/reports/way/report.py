"""From folders to the marks of agents' runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshquake.exporters.blocks import Block
from meshquake.exporters.fixtures import answer_key
from meshquake.exporters.fixtures.staging import recover
from meshquake.exporters.reports.marking import rounded
from meshquake.exporters.reports.way import tables
from meshquake.exporters.reports.way.marking import Case, mark
from meshquake.exporters.reports.way.runs import Run, runs
from meshquake.exporters.reports.way.summary import Summary, summary
from meshquake.topology import outside
from meshquake.topology.problems import DocumentError, Problem


@dataclass(frozen=True)
class WayReport:
    """The marks of runs, by case and as a summary."""

    cases: Mapping[str, Case]
    summary: Summary

    @property
    def blocks(self) -> list[Block]:
        """Show the marks to people."""
        return tables.blocks(self.cases, self.summary)

    @property
    def content(self) -> dict[str, Any]:
        """Return the marks as a JSON object with figures rounded to six decimals."""
        content: dict[str, Any] = rounded(tables.as_json(self.cases, self.summary))
        return content


def report(folder: Path, given: Path, against: Path | None = None, oracle: Path | None = None) -> WayReport:
    """Mark runs, including how each found its answer.

    Parameters
    ----------
    folder
        A fixture, a case of a data set, or a data set.
    given, against
        The runs of an agent, and those of another to compare it with: RUNS/CASE/REPEAT/answers.json and audit.ndjson.
    oracle
        Runs of an agent that show what can be found at all.

    Raises
    ------
    TruthError
        If the folder isn't what it should be, or an answer key can't be read.
    DocumentError
        If runs can't be used. It lists all problems of all runs.
    """
    recover(folder)
    folders = _cases(folder)
    named = {path: path.name or str(path) for path in (given, against, oracle) if path is not None}
    if len(set(named.values())) < len(named):
        named = {path: str(path) for path in named}
    problems: list[Problem] = []
    found: dict[str, dict[str, list[Run]]] = {}
    for path, agent in named.items():
        try:
            for case, mine in runs(path, list(folders)).items():
                found.setdefault(case, {})[agent] = mine
        except DocumentError as error:
            problems += error.problems
    marked: dict[str, Case] = {}
    for case, place in folders.items():
        try:
            if case in found:
                marked[case] = mark(place, found[case])
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return WayReport(marked, summary(marked, list(named.values()), named.get(oracle) if oracle else None))


def _cases(folder: Path) -> dict[str, Path]:
    """Find the folders of cases, by name, in a data set or a single fixture."""
    if outside.is_file(folder / "truth" / "index.ndjson"):
        names = sorted(path.parent.name for path in (folder / "truth").glob("*/ground_truth.json"))
        return {name: folder / "telemetry" / name for name in names}
    answer_key.locate(folder)
    return {folder.resolve().name: folder}

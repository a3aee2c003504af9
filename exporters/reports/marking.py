"""Mark answers to a fixture, or to the cases of a data set, given as files, and report the marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.blocks import Block
from meshquake.exporters.fixtures import answer_key, answers, json_file, reading
from meshquake.exporters.fixtures.staging import recover
from meshquake.exporters.reports import marks
from meshquake.exporters.reports.markup import markup
from meshquake.sim.records import TRACE
from meshquake.topology import outside
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.truth import floors, score
from meshquake.truth.score import Mark

#: Decimals of the figures in a report: timestamps have microseconds, and no figure is known more exactly than that.
_DECIMALS = 6


@dataclass(frozen=True)
class Report:
    """Marks as text blocks for people, and as a JSON object with figures rounded to six decimals."""

    blocks: list[Block]
    content: dict[str, Any]

    def _repr_html_(self) -> str:
        """The marks as a table, for notebooks."""
        return markup(self.blocks)


def report(folder: Path, given: Path) -> Report:
    """Mark an answer, or the answers to a data set.

    Parameters
    ----------
    folder
        A fixture, a case of a data set, or a data set.
    given
        A file with the answer. For a data set, a folder with one such file, `CASE.json`, for each case.

    Raises
    ------
    TruthError
        If the folder isn't what it should be, or its answer key can't be read.
    DocumentError
        If an answer can't be used. It lists all problems of all answers.
    """
    recover(folder)
    if outside.is_file(folder / "truth" / "index.ndjson"):
        marked = mark_dataset(folder, given)
        return Report(marks.dataset_blocks(marked), rounded(marks.dataset_json(marked)))
    mark = mark_fixture(folder, given)
    return Report(marks.blocks(mark), rounded(mark.as_json()))


def rounded(value: Any) -> Any:
    """Round the figures in a JSON value, which drops the noise of binary arithmetic, as in 0.09999999999999998."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, _DECIMALS) if isinstance(value, float) else value


def mark_fixture(folder: Path, answer: Path) -> Mark:
    """Mark the answer to one fixture, or to one case of a data set. Parameters and errors are those of `report`."""
    truth = answer_key.read_ground_truth(folder)
    given = json_file.read(answer)
    named = answers.texts(given)
    effects = dict(answer_key.read_verdicts(folder, truth, named, "trace_id", "effect").iter_rows())
    content = answers.check(answer, given, truth, effects)
    since = score.since(truth)
    rankings = None if since is None else floors.floors(_traces(folder), since)
    return score.mark(truth, effects, content, rankings)


def mark_dataset(folder: Path, given: Path) -> dict[str, Mark | None]:
    """Mark the answers to a data set, by case; None where there is none. Parameters and errors are as of `report`."""
    cases = sorted(path.parent.name for path in (folder / "truth").glob("*/ground_truth.json"))
    if not outside.is_folder(given):
        raise DocumentError([Problem(str(given), 0, "", "must be a folder with one answer per case, CASE.json")])
    files = {path.stem: path for path in sorted(given.glob("*.json"))}
    problems = [
        Problem(str(path), 0, "", f"the data set has no such case{suggestion(case, cases)}")
        for case, path in files.items()
        if case not in cases
    ]
    if not files:
        problems.append(Problem(str(given), 0, "", "holds no answers: they are called CASE.json"))
    marked: dict[str, Mark | None] = dict.fromkeys(cases)
    for case in cases:
        try:
            if case in files:
                marked[case] = mark_fixture(folder / "telemetry" / case, files[case])
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return marked


# -- reading -------------------------------------------------------------------------------------------------------


def _traces(folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the columns of a fixture's spans that the floors need, batch by batch."""
    return reading.records(
        folder, TRACE, columns=("timestamp", "service", "duration_ms", "status", "status_code", "kind", "peer")
    )

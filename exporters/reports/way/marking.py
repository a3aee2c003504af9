"""Mark the runs of one case; its records are read once, however many runs there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.fixtures import answer_key, answers, audit, json_file, reading
from meshquake.exporters.reports.way.runs import Run
from meshquake.sim.records import RECORD_KINDS, TRACE
from meshquake.topology.problems import DocumentError, Problem
from meshquake.truth import score
from meshquake.truth.floors import Calls, Loudness
from meshquake.truth.way import departed
from meshquake.truth.way.diagnosis import Diagnosis, chance, diagnosis, guess
from meshquake.truth.way.effort import Effort, distances, effort
from meshquake.truth.way.evidence import Claim, Search, claims, evidence, resolved

#: Columns of spans that the floors and a search need.
_HEARD = ("timestamp", "service", "duration_ms", "status", "status_code", "kind", "peer")
#: Kinds of records in the order they are read. Spans precede log lines: a line leaves its service with its span.
_ORDER = ("traces", "logs", "events", "metrics")


@dataclass(frozen=True)
class Marked:
    """A run with its mark; `effort` is None without an audit, and `answered` is whether it gave an answer."""

    name: str
    answered: bool
    diagnosis: Diagnosis
    effort: Effort | None


@dataclass(frozen=True)
class Case:
    """A case, with the marks of each agent's runs.

    Attributes
    ----------
    incident
        Whether the case has an incident.
    chance
        The expected mark of a random answer (`truth.way.diagnosis.chance`).
    floors
        The marks of each floor's first guess, given as an answer; empty if there was no incident.
    runs
        The marked runs of each agent.
    """

    incident: bool
    chance: Mapping[str, float | None]
    floors: Mapping[str, Diagnosis]
    runs: Mapping[str, Sequence[Marked]]


@dataclass(frozen=True)
class _Given:
    """The output of a run: its answer and its audit."""

    name: str
    content: dict[str, Any] | None
    calls: list[dict[str, Any]] | None
    claims: Mapping[Claim, list[str]]

    @property
    def returned(self) -> dict[int, list[str]]:
        """List the records that each call returned."""
        return {call["call"]: call["records"] for call in self.calls or ()}


def mark(folder: Path, runs: Mapping[str, Sequence[Run]]) -> Case:
    """Mark all runs of a case.

    Parameters
    ----------
    folder
        The fixture, or the case.
    runs
        The runs of each agent.

    Raises
    ------
    TruthError
        If the answer key can't be read.
    DocumentError
        If a run can't be used. It lists all problems of all runs.
    """
    truth = answer_key.read_ground_truth(folder)
    given = _read(folder, truth, runs)
    everything = [each for group in given.values() for each in group]
    wanted = [
        (claim, [cited for text in texts for cited in resolved(text, each.returned)])
        for each in everything
        for claim, texts in each.claims.items()
    ]
    search = Search(truth, _harmed(folder), wanted)
    since = score.since(truth)
    calls, loudness = Calls(), Loudness(since or truth["recording"]["end"])
    for kind in _kinds(search):
        columns = tuple(dict.fromkeys([*departed.COLUMNS[kind], *(_HEARD if kind == TRACE.name else ())]))
        for records in reading.records(folder, RECORD_KINDS[kind], columns=columns):
            if kind == TRACE.name:
                calls.take(records)
                loudness.take(records)
            if search.kinds:
                search.take(kind, records.select(departed.COLUMNS[kind]))
    far = distances(truth, calls.edges)
    begin = datetime.fromisoformat(truth["recording"]["start"])
    felt = None if since is None else (datetime.fromisoformat(since) - begin).total_seconds()
    ranked = {"most central": calls.centrality(), "worst symptom first": loudness.ranked()} if since else {}
    return Case(
        incident=truth["incident"],
        chance=chance(truth),
        floors={name: guess(truth, ranking[0][0]) for name, ranking in ranked.items() if ranking},
        runs={
            agent: [
                Marked(
                    each.name,
                    each.content is not None,
                    diagnosis(truth, each.content, evidence(each.claims, each.returned, search)),
                    None if each.calls is None else effort(each.calls, far, felt),
                )
                for each in group
            ]
            for agent, group in given.items()
        },
    )


def _kinds(search: Search) -> Iterator[str]:
    """Yield the kinds of records to read: spans for the floors, and whatever the runs cite."""
    for kind in _ORDER:
        if kind == TRACE.name or kind in search.kinds:
            yield kind


def _harmed(folder: Path) -> pl.DataFrame:
    """Return the harmed requests, and the faults that harmed them."""
    chosen = [
        each.filter(pl.col("effect").is_in(score.HARM)).select("trace_id", "caused_by")
        for each in answer_key.verdicts(folder)
    ]
    return pl.concat([pl.DataFrame(schema={"trace_id": pl.String, "caused_by": pl.List(pl.String)}), *chosen])


def _read(folder: Path, truth: dict[str, Any], runs: Mapping[str, Sequence[Run]]) -> dict[str, list[_Given]]:
    """Read and check the output of the runs, and report all problems at once."""
    problems: list[Problem] = []
    contents: dict[Path, Any] = {}
    audits: dict[Path, list[dict[str, Any]]] = {}
    for run in (each for group in runs.values() for each in group):
        try:
            if run.answers:
                contents[run.answers] = json_file.read(run.answers)
        except DocumentError as error:
            problems += error.problems
        try:
            if run.audit:
                audits[run.audit] = audit.read(run.audit)
        except DocumentError as error:
            problems += error.problems
    named = set().union(*map(answers.texts, contents.values()))
    traces = {*answer_key.read_verdicts(folder, truth, named, "trace_id")["trace_id"]}
    for path, content in contents.items():
        try:
            contents[path] = answers.check(path, content, truth, traces)
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return {
        agent: [
            _Given(
                run.name,
                contents[run.answers] if run.answers else None,
                audits[run.audit] if run.audit else None,
                claims(truth, contents[run.answers]) if run.answers else {},
            )
            for run in group
        ]
        for agent, group in runs.items()
    }

"""Marks of runs as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from meshquake.ensembles.comparisons import Difference
from meshquake.ensembles.intervals import CONFIDENCE, Interval
from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.exporters.reports.way import figures
from meshquake.exporters.reports.way.figures import CALLED, QUALITY
from meshquake.exporters.reports.way.marking import Case, Marked
from meshquake.exporters.reports.way.summary import Summary
from meshquake.topology.units import counted, ratio
from meshquake.truth.way.evidence import OUTCOMES

_SURE = f"{CONFIDENCE:.0%}"
#: Figures shown for each case of a data set.
_SHORT = ("mark", "exact", "any_root", "path", "evidence")
#: Figures from 0 to 1, which are shown with fixed decimals; figures of effort have four significant digits.
_SHARES = {*QUALITY, "approach", "nearness"}


def blocks(cases: Mapping[str, Case], found: Summary) -> list[Block]:
    """Show the marks to people: by case, or by run for a single case; then means with intervals, and differences."""
    shown = _runs(cases) if len(cases) == 1 else _cases(cases, found)
    return [*shown, *_means(found), *_differences(found), "", *_notes(cases, found)]


# -- one case ------------------------------------------------------------------------------------------------------


def _runs(cases: Mapping[str, Case]) -> Iterator[Block]:
    ((_, case),) = cases.items()
    several = len(case.runs) > 1
    rows = []
    for agent, runs in case.runs.items():
        for run in runs:
            mine = figures.of_run(run)
            rows.append(
                [f"{agent} {run.name}" if several else run.name, *(_shown(name, mine[name]) for name in QUALITY)]
            )
    beside = {"chance": case.chance, **{name: figures.of(mark) for name, mark in case.floors.items()}}
    rows += [[name, *(_shown(each, row.get(each)) for each in QUALITY)] for name, row in beside.items()]
    yield Table(("run", *(CALLED.get(name, name) for name in QUALITY)), rows)
    facts = [fact for runs in case.runs.values() for run in runs for fact in _facts(run)]
    if facts:
        yield from ("", Facts(facts))
    yield ""


def _facts(run: Marked) -> Iterator[tuple[str, str]]:
    if not run.answered:
        yield run.name, "gave no answer"
    found = run.diagnosis.evidence
    if found and found.cited:
        told = ", ".join(f"{found.records[outcome]} {outcome}" for outcome in OUTCOMES)
        random = "" if found.share is None else f"; {ratio(found.share, 3)} relevant, {_base(found.base)} at random"
        yield run.name, f"evidence for {found.cited} of {counted(found.claims, 'claim')}: records {told}{random}"
    if run.effort and run.effort.first_at_root:
        yield run.name, f"looked at a root in call {run.effort.first_at_root} of {run.effort.calls}"


def _base(base: float | None) -> str:
    return ratio(base or 0.0, 3)


# -- a set -----------------------------------------------------------------------------------------------------------


def _cases(cases: Mapping[str, Case], found: Summary) -> Iterator[Block]:
    agents = list(found.estimates)
    columns = [
        name if len(agents) == 1 else f"{name}: {agent}" for agent in agents for name in ("runs", *_short(agents))
    ]
    rows = []
    for name, case in cases.items():
        cells = []
        for agent in agents:
            runs = case.runs.get(agent, ())
            means = figures.mean([figures.of_run(run) for run in runs])
            cells += [f"{len(runs)}", *(_shown(each, means.get(each)) for each in _short(agents))]
        rows.append([name, *cells, _shown("mark", case.chance["mark"])])
    yield Table(("case", *(CALLED.get(column, column) for column in columns), "chance"), rows)
    yield ""


def _short(agents: Sequence[str]) -> tuple[str, ...]:
    return _SHORT if len(agents) == 1 else _SHORT[:1]


def _means(found: Summary) -> Iterator[Block]:
    agents = list(found.estimates)
    names = dict.fromkeys(name for each in found.estimates.values() for name in each)
    rows = []
    for name in names:
        means = [_estimate(name, found.estimates[agent][name]) for agent in agents]
        floors = [_shown(name, floor.get(name)) for floor in found.floors.values()]
        rows.append([CALLED.get(name, name), *means, *floors])
    yield Table((f"mean [{_SURE}]", *agents, *found.floors), rows)


def _estimate(name: str, found: Interval) -> str:
    mean = _shown(name, found.estimate)
    if not isfinite(found.low):
        return mean
    return f"{mean} [{_shown(name, found.low)}, {_shown(name, found.high)}]"


def _differences(found: Summary) -> Iterator[Block]:
    known = {name: each for name, each in found.differences.items() if each.pairs}
    if not known:
        return
    first, other = list(found.estimates)[:2]
    yield ""
    yield f"{other} minus {first}, case by case"
    rows = [
        (
            CALLED.get(name, name),
            f"{each.pairs}",
            f"{each.mean:+.2f}",
            f"{each.low:+.2f} .. {each.high:+.2f}" if isfinite(each.low) else "-",
            _verdict(each),
            "-" if not isfinite(each.adjusted) else "< 0.001" if each.adjusted < 0.001 else f"{each.adjusted:.3f}",
        )
        for name, each in known.items()
    ]
    yield Table(("", "cases", "difference", "interval (Holm)", "verdict", "p (Holm)"), rows, "<>>><>")


def _verdict(found: Difference) -> str:
    if found.same:
        return "the same in every case"
    if not isfinite(found.p):
        return "not known"
    return "differs" if found.differs else "not distinguishable"


def _notes(cases: Mapping[str, Case], found: Summary) -> Iterator[Block]:
    """Yield notes on how to read the tables, and on what is missing."""
    for agent in found.estimates:
        silent = found.unanswered[agent]
        none = f"; {silent} of them gave no answer, which scores 0" if silent else ""
        of = f" of {counted(found.cases[agent], 'case')}" if len(cases) > 1 else ""
        yield f"{agent}: {counted(found.runs[agent], 'run')}{of}{none}"
    if found.beyond:
        listed = ", ".join(found.beyond[:10]) + (" and others" if len(found.beyond) > 10 else "")
        yield f"the oracle finds no root in {counted(len(found.beyond), 'case')}: {listed}"


# -- for programs ----------------------------------------------------------------------------------------------------


def as_json(cases: Mapping[str, Case], found: Summary) -> dict[str, Any]:
    """Return the marks as a JSON object."""
    return {
        "cases": {name: _case_json(case) for name, case in cases.items()},
        "means": {
            agent: {name: {"mean": each.estimate, **_ends(each), "method": each.method} for name, each in row.items()}
            for agent, row in found.estimates.items()
        },
        "floors": found.floors,
        "differences": {name: _finite(asdict(each)) for name, each in found.differences.items()},
        "agents": {
            agent: {"cases": found.cases[agent], "runs": found.runs[agent], "unanswered": found.unanswered[agent]}
            for agent in found.estimates
        },
        "beyond_the_oracle": list(found.beyond),
    }


def _case_json(case: Case) -> dict[str, Any]:
    return {
        "incident": case.incident,
        "chance": dict(case.chance),
        "floors": {name: each.as_json() for name, each in case.floors.items()},
        "runs": {
            agent: [
                {
                    "run": run.name,
                    "answered": run.answered,
                    **run.diagnosis.as_json(),
                    "effort": None if run.effort is None else run.effort.as_json(),
                }
                for run in runs
            ]
            for agent, runs in case.runs.items()
        },
    }


def _ends(found: Interval) -> dict[str, float | None]:
    return _finite({"low": found.low, "high": found.high})


def _finite(row: Mapping[str, Any]) -> dict[str, Any]:
    """Replace figures that are not finite by null."""
    return {name: None if isinstance(each, float) and not isfinite(each) else each for name, each in row.items()}


def _shown(name: str, value: float | None) -> str:
    if value is None or not isfinite(value):
        return "-"
    if name in _SHARES:
        return f"{round(value, 2) + 0.0:.2f}"  # no minus sign before zero
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"

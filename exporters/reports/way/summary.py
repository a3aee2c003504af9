"""Conclusions about agents over a set of cases: means with intervals, and the differences between two agents.

The bootstrap resamples cases. A case enters a sample with all its runs, so that its mean carries the chance within them
(A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8). For a single case, its
runs are resampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meshquake.ensembles.comparisons import Difference, Floats, paired, together
from meshquake.ensembles.intervals import Interval, bootstrap
from meshquake.exporters.reports.way import figures
from meshquake.exporters.reports.way.figures import FIGURES, QUALITY, YES_OR_NO
from meshquake.exporters.reports.way.marking import Case
from meshquake.topology.addresses import address

#: Seed of the bootstrap, so that the same marks always have the same intervals.
_SEED = 0


@dataclass(frozen=True)
class Summary:
    """Figures of agents over the cases.

    Attributes
    ----------
    estimates
        By agent and figure, the mean over cases with its interval; figures that no agent has are left out.
    floors
        The means of trivial answers, by name and figure: `chance`, and the floors.
    differences
        By figure, how much higher the second agent is than the first, adjusted together (Holm); empty for one agent.
    cases, runs
        By agent, its number of cases and of runs.
    unanswered
        By agent, its number of runs without an answer.
    beyond
        The cases with an incident in which the oracle, if there is one, names no root in any run.
    """

    estimates: Mapping[str, Mapping[str, Interval]]
    floors: Mapping[str, Mapping[str, float | None]]
    differences: Mapping[str, Difference]
    cases: Mapping[str, int]
    runs: Mapping[str, int]
    unanswered: Mapping[str, int]
    beyond: Sequence[str]


def summary(cases: Mapping[str, Case], agents: Sequence[str], oracle: str | None) -> Summary:
    """Sum up the marks of agents.

    Parameters
    ----------
    cases
        The marks, by case.
    agents
        The names of the agents. The first two are compared.
    oracle
        The agent among them that is the oracle and looks for what can be seen at all; None without one. It is not
        compared.
    """
    values = {agent: _values(cases, agent) for agent in agents}
    compared = [agent for agent in agents if agent != oracle][:2]
    names = [name for name in FIGURES if any(np.isfinite(values[agent][name]).any() for agent in agents)]
    floors = {"chance": figures.mean([each.chance for each in cases.values()])}
    for floor in dict.fromkeys(name for each in cases.values() for name in each.floors):
        floors[floor] = figures.mean([_floor(each, floor) for each in cases.values()])
    told = []
    if len(compared) == 2:
        first, other = (values[agent] for agent in compared)
        told = together([_paired(name, first[name], other[name]) for name in QUALITY])
    return Summary(
        estimates={
            agent: {name: _interval(cases, agent, name, values[agent][name]) for name in names} for agent in agents
        },
        floors=floors,
        differences=dict(zip(QUALITY, told, strict=True)) if told else {},
        cases={agent: sum(agent in each.runs for each in cases.values()) for agent in agents},
        runs={agent: sum(len(each.runs.get(agent, ())) for each in cases.values()) for agent in agents},
        unanswered={
            agent: sum(not run.answered for each in cases.values() for run in each.runs.get(agent, ()))
            for agent in agents
        },
        beyond=[name for name, case in cases.items() if oracle in case.runs and _is_beyond(case, oracle)],
    )


def _paired(figure: str, first: Floats, other: Floats) -> Difference:
    """Compare two agents by a figure of each case.

    One that is yes or no is compared as such if each case has one run; means over several runs lie between the two.
    """
    known = np.concatenate([first, other])
    shares = figure in YES_OR_NO and bool(np.isin(known[np.isfinite(known)], (0.0, 1.0)).all())
    return paired(first, other, shares)


def _floor(case: Case, name: str) -> dict[str, float | None]:
    """Return the figures of a floor for a case; without an incident it still names somebody."""
    return figures.of(case.floors[name]) if name in case.floors else {"mark": 0.0}


def _is_beyond(case: Case, oracle: str | None) -> bool:
    runs = case.runs[oracle] if oracle else ()
    return case.incident and not any(run.diagnosis.any_root for run in runs)


def _values(cases: Mapping[str, Case], agent: str) -> dict[str, Floats]:
    """Return the mean over each case's runs, by figure; nan where a case has none."""
    rows = [figures.mean([figures.of_run(run) for run in case.runs.get(agent, ())]) for case in cases.values()]
    return {name: np.array([_known(row.get(name)) for row in rows]) for name in FIGURES}


def _interval(cases: Mapping[str, Case], agent: str, figure: str, values: Floats) -> Interval:
    if len(cases) == 1:
        (case,) = cases.values()
        values = np.array([_known(figures.of_run(run)[figure]) for run in case.runs.get(agent, ())])
    return bootstrap(values[np.isfinite(values)], address(_SEED, "score", figure))


def _known(value: float | None) -> float:
    return np.nan if value is None else value

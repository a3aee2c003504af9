"""What may be said of agents over a set of cases: means with intervals, and the differences between two of them.

Cases are what is drawn: a case is in a sample of the bootstrap with all of its runs, so that its mean brings the chance
that is in them along (A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
Of a single case its runs are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meshquake.ensembles.comparisons import Difference, Floats, paired, together
from meshquake.ensembles.intervals import Interval, bootstrap
from meshquake.exporters.reports.way import figures
from meshquake.exporters.reports.way.figures import FIGURES, QUALITY
from meshquake.exporters.reports.way.marking import Case
from meshquake.topology.addresses import address

#: The address of all draws; the same marks have the same intervals everywhere.
_SEED = 0


@dataclass(frozen=True)
class Summary:
    """What is said of the agents.

    Attributes
    ----------
    estimates
        By agent and figure, the mean over cases with its interval; without figures that nobody has.
    floors
        The means of what takes no thought, by name and figure: `chance`, and the floors.
    differences
        By figure, what the second agent has more of than the first, all told together; none if there is one agent.
    cases, runs
        By agent, how many cases it has runs of, and how many runs.
    unanswered
        By agent, in how many runs it gave no answer.
    beyond
        The cases with an incident in which an oracle, if there is one, names no root in any run.
    """

    estimates: Mapping[str, Mapping[str, Interval]]
    floors: Mapping[str, Mapping[str, float | None]]
    differences: Mapping[str, Difference]
    cases: Mapping[str, int]
    runs: Mapping[str, int]
    unanswered: Mapping[str, int]
    beyond: Sequence[str]


def summary(cases: Mapping[str, Case], agents: Sequence[str], oracle: str | None) -> Summary:
    """Sum up.

    Parameters
    ----------
    cases
        The marks, by case.
    agents
        Which agents; the first two are compared.
    oracle
        Which of them is the oracle, that looks for what can be seen at all; None if none is. It's compared with none.
    """
    values = {agent: _values(cases, agent) for agent in agents}
    compared = [agent for agent in agents if agent != oracle][:2]
    names = [name for name in FIGURES if any(np.isfinite(values[agent][name]).any() for agent in agents)]
    floors = {"chance": figures.mean([each.chance for each in cases.values()])}
    for floor in dict.fromkeys(name for each in cases.values() for name in each.floors):
        floors[floor] = figures.mean([_floor(each, floor) for each in cases.values()])
    told = []
    if len(compared) == 2:
        told = together([paired(*(values[agent][name] for agent in compared)) for name in QUALITY])
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


def _floor(case: Case, name: str) -> dict[str, float | None]:
    """What a floor has of a case; where there was no incident it still names somebody."""
    return figures.of(case.floors[name]) if name in case.floors else {"mark": 0.0}


def _is_beyond(case: Case, oracle: str | None) -> bool:
    runs = case.runs[oracle] if oracle else ()
    return case.incident and not any(run.diagnosis.any_root for run in runs)


def _values(cases: Mapping[str, Case], agent: str) -> dict[str, Floats]:
    """By figure, the mean over each case's runs; nan where there is none."""
    rows = [figures.mean([figures.of_run(run) for run in case.runs.get(agent, ())]) for case in cases.values()]
    return {name: np.array([_known(row.get(name)) for row in rows]) for name in FIGURES}


def _interval(cases: Mapping[str, Case], agent: str, figure: str, values: Floats) -> Interval:
    if len(cases) == 1:
        (case,) = cases.values()
        values = np.array([_known(figures.of_run(run)[figure]) for run in case.runs.get(agent, ())])
    return bootstrap(values[np.isfinite(values)], address(_SEED, "score", figure))


def _known(value: float | None) -> float:
    return np.nan if value is None else value

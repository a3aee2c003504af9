"""Agents without a model, as solvers of Inspect: a whole run to see, and what a model should beat."""

from __future__ import annotations

from inspect_ai.solver import Generate, Solver, TaskState, solver

from meshquake.agents.inspect.on_call import at_case
from meshquake.agents.solvers.diagnosis import answers
from meshquake.agents.solvers.running import SOLVERS
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion


@solver
def scripted(agent: str = "loudest", now: str | None = None, without: str = "", runs: str | None = None) -> Solver:
    """Have an agent without a model look at a case (`agents.solvers`).

    Parameters
    ----------
    agent
        Which of them.
    now, without, runs
        As of `on_call`.

    Raises
    ------
    MeshquakeError
        If there is no such agent.
    """
    if agent not in SOLVERS:
        raise MeshquakeError(f"there is no agent {agent!r}{suggestion(agent, [*SOLVERS])}: {', '.join(SOLVERS)}")

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        with at_case(state, now=now, without=without, runs=runs) as incident:
            incident.call("submit", **answers(SOLVERS[agent](incident)))
        return state

    return solve

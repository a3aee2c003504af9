"""Agents without a model as solvers of Inspect: to try a whole run, and as a baseline for models."""

from __future__ import annotations

from inspect_ai.solver import Generate, Solver, TaskState, solver

from meshquake.agents.inspect.on_call import at_case
from meshquake.agents.solvers.diagnosis import answers
from meshquake.agents.solvers.running import SOLVERS
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion


@solver
def scripted(agent: str = "loudest", now: str | None = None, without: str = "", runs: str | None = None) -> Solver:
    """Return a solver that has an agent without a model investigate a case (`agents.solvers`).

    Parameters
    ----------
    agent
        The name of the agent.
    now, without, runs
        As in `on_call`.

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

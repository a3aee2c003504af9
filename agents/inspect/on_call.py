"""The solver: a model on call, which gets the tools over a case until it has submitted its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inspect_ai.model import ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver

from meshquake.agents.desk import Desk
from meshquake.agents.incident import Incident
from meshquake.agents.inspect.tools import tools

#: Keys in the sample's store, and so in Inspect's log, for the answer and the audit, which the scorer marks.
ANSWERS, AUDIT = "answers", "audit"
#: The reminder for a model that calls no tool, and how often it is given.
GO_ON, REMINDERS = "Continue: call a tool, and call {} when you are done.", 3


async def at_desk(state: TaskState, generate: Generate, desk: Desk, over: Callable[[], bool], calls: int) -> TaskState:
    """Let a model call the tools of a desk until it is done.

    Parameters
    ----------
    state, generate
        As passed by Inspect.
    desk
        The tools.
    over
        Whether the model has declared itself done, with the last of the tools.
    calls
        Most calls that the model may make.
    """
    state.tools = tools(desk)
    last, reminders = [*desk.tools][-1], 0
    while not over() and desk.calls < calls and not state.completed:
        before = desk.calls
        state = await generate(state, tool_calls="single")
        if desk.calls == before:
            if reminders == REMINDERS:
                break
            reminders += 1
            state.messages.append(ChatMessageUser(content=GO_ON.format(last)))
    return state


@solver
def on_call(
    now: str | None = None, without: str = "", pace: float = 0.0, calls: int = 100, runs: str | None = None
) -> Solver:
    """Return a solver that has a model investigate a case.

    Parameters
    ----------
    now, pace
        As in `agents.Incident`.
    without
        Kinds of record to hide, as in `traces,logs`.
    calls
        Most calls that the model may make; then the run ends without an answer.
    runs
        Folder to write each run to as CASE/EPOCH, for `score --process`; None to write none.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        with at_case(state, now=now, without=without, pace=pace, runs=runs) as incident:
            return await at_desk(state, generate, incident, lambda: incident.answers is not None, calls)

    return solve


@contextmanager
def at_case(
    state: TaskState, *, now: str | None, without: str, pace: float = 0.0, runs: str | None
) -> Iterator[Incident]:
    """Open the incident of a sample; the submitted answer and the audit are kept in the sample at the end."""
    audit: list[dict[str, Any]] = []
    incident = Incident(
        state.metadata["case"],
        now=now,
        without=[kind.strip() for kind in without.split(",") if kind.strip()],
        pace=pace,
        output=None if runs is None else Path(runs) / str(state.sample_id) / str(state.epoch),
        sink=lambda entry: audit.append(asdict(entry)),
    )
    yield incident
    state.store.set(ANSWERS, incident.answers)
    state.store.set(AUDIT, audit)

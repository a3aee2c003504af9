"""The task over running meshes: each seed is a sample, which a model mends, and which is marked by the harm averted."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict
from math import nan
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from meshquake.agents.inspect.on_call import AUDIT, at_desk
from meshquake.agents.mitigation.live_desk import PACE, LiveDesk
from meshquake.agents.mitigation.live_incident import LiveIncident, loaded
from meshquake.agents.mitigation.marks import marks
from meshquake.faults.loader import Options, parse
from meshquake.sim.live.script import Script
from meshquake.topology.exceptions import MeshquakeError
from meshquake.truth.remedies import mitigation

#: What a model is asked.
QUESTION = f"You are on call for a mesh of services, and were paged. Begin with get_brief. {LiveDesk.task}"
#: Where what was played, and how, is kept in Inspect's log, for the scorer.
SCENARIO, ACTIONS = "scenario", "actions"
#: The marks that are figures of a sample; one that it doesn't have is nan, which means leave out.
FIGURES = ("averted_share", "averted_of_best", "harm", "harm_doing_nothing", "remedies", "elsewhere")
_SEEDS = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


@solver
def on_shift(pace: float = PACE, calls: int = 100) -> Solver:
    """Have a model mend a mesh that is played, from the first alert on.

    Parameters
    ----------
    pace
        Simulated seconds that pass with each look.
    calls
        How many calls it may make before nothing more is done.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        incident = await asyncio.to_thread(opened, state.metadata)
        audit: list[dict[str, Any]] = []
        desk = LiveDesk.of(incident, pace=pace, sinks=[lambda entry: audit.append(asdict(entry))])
        state = await at_desk(state, generate, desk, lambda: incident.over, calls)
        state.store.set(AUDIT, audit)
        state.store.set(SCENARIO, incident.scenario())
        state.store.set(ACTIONS, [asdict(done) for done in incident.done])
        return state

    return solve


def opened(metadata: dict[str, Any]) -> LiveIncident:
    """The incident of a sample, played to its first alert."""
    options, seed, scenario = Options(topology=_path(metadata["topology"])), metadata["seed"], metadata["scenario"]
    if scenario is None:
        incident = LiveIncident.hidden(seed=seed, options=options)
    else:
        incident = LiveIncident.of(scenario, seed=seed, options=options)
    incident.until_alert()
    return incident


@scorer(metrics=[{"*": [mean(), stderr()]}])
def relief() -> Scorer:
    """Mark what was made of an incident by the harm averted (docs/mitigation.md)."""

    async def score(state: TaskState, target: Target) -> Score:
        text, actions = state.store.get(SCENARIO), state.store.get(ACTIONS)
        found = await asyncio.to_thread(marked, text, state.metadata["seed"])
        return Score(
            value={name: nan if found[name] is None else found[name] for name in FIGURES},
            answer=json.dumps([action["remedy"] for action in actions]),
            metadata=found,
        )

    return score


def marked(text: str, seed: int) -> dict[str, Any]:
    """The marks of a scenario as it was played."""
    options = Options(seed=seed)
    return marks(mitigation(Script(parse(text, SCENARIO, options), options)))


@task
def mitigate(
    scenario: str | None = None,
    seeds: str | int = "1-10",
    topology: str | None = None,
    pace: float = PACE,
    calls: int = 100,
) -> Task:
    """Incidents to mend while they are under way.

    Parameters
    ----------
    scenario
        A scenario file, or a shipped scenario by its name; none for faults that seeds hide.
    seeds
        A sample each, as in `1-10` or `3,7`.
    topology
        A topology file, or a shipped one by its name; none for the scenario's.
    pace, calls
        As of `on_shift`.

    Raises
    ------
    MeshquakeError
        If there are no such seeds, or no such scenario.
    """
    if scenario is not None:
        loaded(scenario, Options(topology=_path(topology)))
    samples = [
        Sample(
            input=QUESTION,
            target="",
            id=f"incident-{seed}",
            metadata={"scenario": scenario, "seed": seed, "topology": topology},
        )
        for seed in seeds_of(str(seeds))
    ]
    return Task(
        dataset=MemoryDataset(samples, name="incidents"),
        solver=on_shift(pace=pace, calls=calls),
        scorer=relief(),
    )


def seeds_of(text: str) -> list[int]:
    """The seeds that a text tells, as in `1-10` or `3,7`; MeshquakeError if it tells none."""
    found: list[int] = []
    for part in text.split(","):
        match = _SEEDS.fullmatch(part.strip())
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise MeshquakeError(f"seeds={text}: must be seeds such as 1-10 or 3,7")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(found))


def _path(topology: str | None) -> Path | None:
    return None if topology is None else Path(topology)

"""The task over live meshes: each seed is a sample, in which a model mitigates an incident to avert harm."""

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

#: The prompt of the model.
QUESTION = f"You are on call for a mesh of services, and were paged. Begin with get_brief. {LiveDesk.task}"
#: Keys in the sample's store, and so in Inspect's log, for the played scenario and the actions.
SCENARIO, ACTIONS = "scenario", "actions"
#: The marks that become figures of a sample; a missing one is nan, which Inspect leaves out of means.
FIGURES = ("averted_share", "averted_of_best", "harm", "harm_doing_nothing", "remedies", "elsewhere")
_SEEDS = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


@solver
def on_shift(pace: float = PACE, calls: int = 100) -> Solver:
    """Return a solver that has a model mitigate a live incident, from the first alert on.

    Parameters
    ----------
    pace
        Simulated seconds that pass with each look.
    calls
        Most calls that the model may make; then the work ends.
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
    """Open the incident of a sample, played to its first alert."""
    options, seed, scenario = Options(topology=_path(metadata["topology"])), metadata["seed"], metadata["scenario"]
    if scenario is None:
        incident = LiveIncident.hidden(seed=seed, options=options)
    else:
        incident = LiveIncident.of(scenario, seed=seed, options=options)
    incident.until_alert()
    return incident


@scorer(metrics=[{"*": [mean(), stderr()]}])
def relief() -> Scorer:
    """Return a scorer that marks a mitigation by the harm averted (docs/mitigation.md)."""

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
    """Compute the marks of a played scenario."""
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
    """Return a task of incidents to mitigate while they are in progress.

    Parameters
    ----------
    scenario
        A scenario file, or the name of a shipped one; None for hidden faults drawn from the seeds.
    seeds
        The seeds, one sample each, as in `1-10` or `3,7`.
    topology
        A topology file, or the name of a shipped one; None for the scenario's.
    pace, calls
        As in `on_shift`.

    Raises
    ------
    MeshquakeError
        If the seeds or the scenario are invalid.
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
    """Parse seeds, as in `1-10` or `3,7`; MeshquakeError if the text is invalid."""
    found: list[int] = []
    for part in text.split(","):
        match = _SEEDS.fullmatch(part.strip())
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise MeshquakeError(f"seeds={text}: must be seeds such as 1-10 or 3,7")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(found))


def _path(topology: str | None) -> Path | None:
    return None if topology is None else Path(topology)

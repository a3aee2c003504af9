"""A data set: many cases with opaque names, telemetry and answers in trees of their own.

    index.ndjson                  the cases, without answers
    telemetry/CASE/               metrics, logs, traces, events, brief.md
    truth/index.ndjson            the cases, with answers
    truth/CASE/                   ground_truth.json, verdicts.ndjson, manifest.json
    truth/dataset.json            how it was made

A case is drawn again until it is what it shall be: users feel its faults, or nothing of them. Processes share the
cases; which of them makes a case changes nothing of it.
"""

from __future__ import annotations

import errno
import json
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from exporters import key, manifest, writing
from exporters.layout import TELEMETRY, TRUTH
from exporters.staging import staged
from faults import loader
from faults.cases import Case, case
from sim.records import KINDS
from sim.simulation import DEFAULT_START, Simulation
from sim.truth.twins import Twins
from topology.loader import Loaded as Mesh

FORMAT = 1
INDEX = "index.ndjson"
#: Cases begin so long after each other, so that all of them fit into one database.
_APART = timedelta(hours=1)
#: Draws of a case, until it's clear that the mesh has no such case.
_ATTEMPTS = 40


class NoCaseError(Exception):
    """A mesh in which, however often a case was drawn, it wasn't what it should be."""


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes
    ----------
    cases
        How many.
    seed
        Of all draws.
    mesh
        The mesh that all are played on.
    latent
        Whether to keep cases whose faults break no promise to users.
    """

    cases: int
    seed: int
    mesh: Mesh
    latent: bool


@dataclass(frozen=True)
class Made:
    """A case that was made: its lines in both indexes, and how many draws of it were latent, and too loud."""

    public: dict[str, Any]
    answer: dict[str, Any]
    latent: int
    loud: int


def generate(order: Order, output: Path, processes: int, on_case: Callable[[Made], None]) -> dict[str, Any]:
    """Make a data set; returns what `truth/dataset.json` holds.

    Parameters
    ----------
    order
        What is asked for.
    output
        The folder of the data set, which appears whole or not at all.
    processes
        How many to use.
    on_case
        Hears of each case, in order.

    Raises
    ------
    OSError
        If the folder can't be written, or holds what is no part of a data set.
    NoCaseError
        If the mesh has no such cases.
    """
    writing.refuse_foreign(output, {INDEX, TELEMETRY, TRUTH}, "data set")
    with staged(output) as stage:
        for folder in (TELEMETRY, TRUTH):
            (stage / folder).mkdir()
        made = []
        for each in _made(order, stage, processes):
            made.append(each)
            on_case(each)
        _save_lines(stage / INDEX, (each.public for each in made))
        _save_lines(stage / TRUTH / INDEX, (each.answer for each in made))
        content = _content(order, made)
        (stage / TRUTH / "dataset.json").write_text(
            json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n"
        )
    return content


def _made(order: Order, stage: Path, processes: int) -> Iterator[Made]:
    """The cases, in order, made by some processes."""
    tasks = [(order, stage, number) for number in range(order.cases)]
    if processes == 1:
        yield from map(_make, tasks)
        return
    # Spawned, not forked: threads that write or encode don't survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts) as pool:
        try:
            yield from pool.map(_make, tasks)
        except BrokenProcessPool:
            raise OSError(
                errno.ECHILD, "a process that made cases was ended from outside; is there enough memory?"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
                child.join()
            raise


def _ignore_interrupts() -> None:
    """Ctrl-C goes to every process of a terminal; the first one ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make(task: tuple[Order, Path, int]) -> Made:
    """Make a case: draw it, play it, look whether it's what it shall be, and put its files in both trees."""
    order, stage, number = task
    latent = loud = 0
    for attempt in range(_ATTEMPTS):
        drawn = case(order.mesh.topology, order.seed, number, attempt)
        incident = _is_incident(_simulation(order, drawn, number))
        if drawn.quiet and incident:
            loud += 1
        elif not drawn.quiet and not incident and not order.latent:
            latent += 1
        else:
            with TemporaryDirectory(dir=stage) as parent:
                folder = Path(parent) / drawn.name
                written = writing.write(_simulation(order, drawn, number), folder, 1.0, lambda batch: None)
                truth = key.read_ground_truth(folder)
                _put(folder, stage)
            return Made(_public(drawn.name, written, truth), _answer(drawn.name, written, truth), latent, loud)
    raise NoCaseError(f"case {number + 1}: {_ATTEMPTS} draws, and users felt {'each' if loud else 'none'} of them")


def _simulation(order: Order, drawn: Case, number: int) -> Simulation:
    """The run of a case."""
    options = loader.Options(seed=drawn.seed)
    loaded = loader.parse(drawn.text, f"{drawn.name}.yaml", options, mesh=order.mesh)
    start = DEFAULT_START + number * _APART
    return Simulation(loaded.scenario, loaded.topology, seed=drawn.seed, start=start)


def _is_incident(simulation: Simulation) -> bool:
    """Whether users feel a run's faults: most that is drawn isn't felt, so this makes no records."""
    twins = Twins(simulation, lambda verdicts: None)
    for _ in twins.cuts():
        pass
    return twins.incident


def _put(folder: Path, stage: Path) -> None:
    """Move a fixture's files to their places in the two trees."""
    telemetry, truth = stage / TELEMETRY / folder.name, stage / TRUTH / folder.name
    (folder / TRUTH).rename(truth)
    (folder / manifest.NAME).rename(truth / manifest.NAME)
    folder.rename(telemetry)


def _public(name: str, written: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """A case without its answer."""
    return {
        "case": name,
        "fixture": truth["fixture"],
        **truth["recording"],
        "services": truth["services"],
        "requests": truth["requests"]["total"],
        "files": {file: written["files"][file] for file in (*(f"{kind}.ndjson" for kind in KINDS), key.BRIEF)},
    }


def _answer(name: str, written: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    """A case with its answer."""
    return {
        "case": name,
        "seed": written["seed"],
        "incident": truth["incident"],
        "harmed": truth["requests"]["harmed"],
        "faults": [
            {
                "id": fault["id"],
                "kind": fault["kind"],
                "level": fault["level"],
                "root_cause": fault["root_cause"],
                "severity": fault["parameters"]["severity"],
                "latent": fault["latent"],
                "since": fault["user_facing"]["since"],
                "difficulty": fault["difficulty"]["label"],
            }
            for fault in truth["faults"]
        ],
    }


def _content(order: Order, made: list[Made]) -> dict[str, Any]:
    faults = [fault for each in made for fault in each.answer["faults"] if each.answer["incident"]]
    felt = [fault for fault in faults if not fault["latent"]]
    return {
        "format": FORMAT,
        "versions": manifest.versions(),
        "seed": order.seed,
        "cases": order.cases,
        "latent_kept": order.latent,
        "topology": {"name": order.mesh.topology.name, "text": order.mesh.topology.source},
        "services": [service.name for service in order.mesh.topology.services],
        "incidents": sum(each.answer["incident"] for each in made),
        "drawn_again": {"latent": sum(each.latent for each in made), "felt": sum(each.loud for each in made)},
        "kinds": dict(sorted(Counter(fault["kind"] for fault in felt).items())),
        "roots": dict(sorted(Counter(fault["root_cause"]["service"] for fault in felt).items())),
        "difficulty": dict(sorted(Counter(fault["difficulty"] for fault in felt).items())),
    }


def _save_lines(path: Path, objects: Iterator[dict[str, Any]]) -> None:
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
    path.write_text(text, encoding="utf-8", newline="\n")


def lines(content: dict[str, Any], output: Path) -> list[str]:
    """What was made, for people."""
    again, quiet = content["drawn_again"], content["cases"] - content["incidents"]
    return [
        f"cases       {content['incidents']} with an incident, {quiet} without",
        f"kinds       {_counted(content['kinds'])}",
        f"roots       {_counted(content['roots'])}",
        f"to see      {_counted(content['difficulty'])}",
        f"drawn again {again['latent']} that no user felt, {again['felt']} of mere noise that users did feel",
        f"folder      {output}",
    ]


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

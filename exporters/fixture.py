"""A fixture: a folder with the four files of a run and its manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters import manifest
from exporters.ndjson import NdjsonSink
from exporters.staging import recover, staged
from faults.scenario import GROUPS, Scenario
from sim.records import KINDS, Batch
from sim.simulation import Simulation


def place(output: Path, scenario: Scenario) -> Path:
    """The folder of a scenario's fixture below an output folder."""
    group = GROUPS[scenario.group]
    return output / scenario.name if group is None else output / group / scenario.name


def write(simulation: Simulation, folder: Path, severity: float, on_batch: Callable[[Batch], None]) -> dict[str, Any]:
    """Play a simulation and write its fixture; returns the manifest.

    The fixture appears whole or not at all; one that was there before stays until then.

    Parameters
    ----------
    simulation
        The run.
    folder
        The fixture's folder.
    severity
        What the severity of the scenario's faults was multiplied by, for the manifest.
    on_batch
        Hears of each batch, once it is written.

    Raises
    ------
    OSError
        If the folder can't be written.
    """
    with staged(folder) as stage:
        sink = NdjsonSink(stage)
        try:
            for batch in simulation.batches():
                sink.write(batch)
                on_batch(batch)
            sink.close()
        except BaseException:
            sink.discard()
            raise
        content = manifest.manifest(simulation, severity, sink.written)
        manifest.save(stage, content)
    return content


@dataclass(frozen=True)
class Entry:
    """A fixture in a list. `problem` says why it isn't whole; empty if it is, as far as sizes tell."""

    folder: Path
    scenario: str
    seed: int
    start: str
    seconds: float
    records: dict[str, int]
    bytes: int
    problem: str = ""


def find(output: Path) -> list[Entry]:
    """All fixtures below an output folder, by path.

    Raises
    ------
    manifest.ManifestError
        If a manifest can't be read.
    """
    for hidden in sorted(output.glob("**/.*.previous-*")):
        recover(hidden.parent / hidden.name[1:].rpartition(".previous-")[0])
    entries = []
    for path in sorted(output.glob(f"**/{manifest.NAME}")):
        folder = path.parent
        if any(part.startswith(".") for part in folder.relative_to(output).parts):
            continue
        entries.append(_entry(folder, manifest.load(folder)))
    return entries


def _entry(folder: Path, content: dict[str, Any]) -> Entry:
    options, files = content["options"], content["files"]
    problems = []
    for name, each in files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != each["bytes"]:
            problems.append(f"{name} has {path.stat().st_size} bytes, not {each['bytes']}")
    return Entry(
        folder=folder,
        scenario=content["scenario"]["name"],
        seed=content["seed"],
        start=content["start"],
        seconds=options["lead_in_s"] + options["duration_s"] + options["recovery_s"],
        records={kind: files[f"{kind}.ndjson"]["records"] for kind in KINDS},
        bytes=sum(each["bytes"] for each in files.values()),
        problem="; ".join(problems),
    )

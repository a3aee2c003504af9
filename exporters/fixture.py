"""A fixture: a folder with the four files of a run, its manifest, and its answer key."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters import manifest
from exporters.background import Background
from exporters.key import BRIEF, FOLDER, KeySink
from exporters.ndjson import NdjsonSink, Written
from exporters.staging import recover, staged
from faults.scenario import GROUPS, Scenario
from sim.records import KINDS, Batch
from sim.simulation import Simulation
from sim.truth.twins import Twins


def place(output: Path, scenario: Scenario) -> Path:
    """The folder of a scenario's fixture below an output folder."""
    group = GROUPS[scenario.group]
    return output / scenario.name if group is None else output / group / scenario.name


def write(
    simulation: Simulation, folder: Path, severity: float, on_batch: Callable[[Batch], None], truth: bool = True
) -> dict[str, Any]:
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
        Hears of each batch.
    truth
        Whether to write the answer key too, for which the run is played again without its faults.

    Raises
    ------
    OSError
        If the folder can't be written, or holds files of another kind, which would be lost.
    """
    refuse_foreign(folder, {manifest.NAME, BRIEF, FOLDER, *(f"{kind}.ndjson" for kind in KINDS)}, "fixture")
    with staged(folder) as stage:
        written = _with_key(simulation, stage, on_batch) if truth else _telemetry(simulation, stage, on_batch)
        content = manifest.manifest(simulation, severity, written)
        manifest.save(stage, content)
    return content


def _telemetry(source: Simulation | Twins, stage: Path, on_batch: Callable[[Batch], None]) -> dict[str, Written]:
    """Write the four files, and return what they hold."""
    sink = NdjsonSink(stage)
    try:
        with Background(sink) as background:
            for batch in source.batches():
                background.write(batch)
                on_batch(batch)
        sink.close()
    except BaseException:
        sink.discard()
        raise
    return sink.written


def _with_key(simulation: Simulation, stage: Path, on_batch: Callable[[Batch], None]) -> dict[str, Written]:
    """Write the four files and the answer key, and return what they hold."""
    key = KeySink(stage)
    try:
        twins = Twins(simulation, key.write)
        written = _telemetry(twins, stage, on_batch)
        return written | key.finish(twins)
    except BaseException:
        key.discard()
        raise


def refuse_foreign(folder: Path, own: Collection[str], what: str) -> None:
    """OSError if a folder holds anything but its `own` files, which would be lost; `what` it should be."""
    foreign = sorted({path.name for path in folder.iterdir()}.difference(own)) if folder.is_dir() else []
    if foreign:
        raise FileExistsError(errno.EEXIST, f"it holds {foreign[0]}, which is no part of a {what}", str(folder))


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


def find(output: Path) -> tuple[list[Entry], list[manifest.ManifestError]]:
    """All fixtures below an output folder, by path, and why others can't be read."""
    groups = [output, *(output / group for group in GROUPS.values() if group is not None)]
    entries, unreadable = [], []
    for group in groups:
        for hidden in sorted(group.glob(".*.previous-*")):
            recover(group / hidden.name[1:].rpartition(".previous-")[0])
    for folder in sorted(path.parent for group in groups for path in group.glob(f"[!.]*/{manifest.NAME}")):
        try:
            entries.append(_entry(folder, manifest.load(folder)))
        except manifest.ManifestError as error:
            unreadable.append(error)
    return entries, unreadable


def _entry(folder: Path, content: dict[str, Any]) -> Entry:
    try:
        options, files = content["options"], content["files"]
        written = {kind: files[f"{kind}.ndjson"] for kind in KINDS}
        return Entry(
            folder=folder,
            scenario=content["scenario"]["name"],
            seed=content["seed"],
            start=content["start"],
            seconds=options["lead_in_s"] + options["duration_s"] + options["recovery_s"],
            records={kind: each["records"] for kind, each in written.items()},
            bytes=sum(each["bytes"] for each in files.values()),
            problem="; ".join(filter(None, (_damage(folder, name, each["bytes"]) for name, each in files.items()))),
        )
    except (KeyError, TypeError):
        raise manifest.ManifestError(f"{folder / manifest.NAME}: isn't the manifest of a fixture") from None


def _damage(folder: Path, name: str, size: int) -> str:
    """What is wrong with a file, as far as its size tells."""
    path = folder / name
    if not path.is_file():
        return f"{name} is missing"
    found = path.stat().st_size
    return "" if found == size else f"{name} has {found} bytes, not {size}"

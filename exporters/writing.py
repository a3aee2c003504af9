"""Writes a fixture: a folder with the four files of a run, its manifest, and its answer key."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from exporters import manifest
from exporters.background import Background
from exporters.key import BRIEF, FOLDER, KeySink
from exporters.ndjson import NdjsonSink, Written
from exporters.staging import staged
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

"""Writes a fixture: a folder with the four files of a run, its manifest, and its answer key."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from exporters import context, manifest
from exporters.background import Background
from exporters.formats import FORMATS, Format
from exporters.key import BRIEF, KeySink
from exporters.layout import TRUTH
from exporters.ndjson import NdjsonSink, Written
from exporters.sink import Sink, Sinks
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
    simulation: Simulation,
    folder: Path,
    severity: float,
    on_batch: Callable[[Batch], None],
    truth: bool = True,
    formats: Sequence[Format] = (),
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
    formats
        What else to write the records as, each into a folder of its own below the fixture's. NDJSON is the fixture.

    Raises
    ------
    exporters.extras.MissingExtraError
        If a format needs a library that isn't installed.
    OSError
        If the folder can't be written, or holds files of another kind, which would be lost.
    """
    own = {manifest.NAME, BRIEF, TRUTH, *(f"{kind}.ndjson" for kind in KINDS), *FORMATS}
    refuse_foreign(folder, own, "fixture")
    others = {each.name: each for each in formats if each.name != "ndjson"}
    with staged(folder) as stage, ExitStack() as opened:
        lines = NdjsonSink(stage)
        opened.callback(lines.discard)
        sinks: list[Sink] = [lines]
        for name, each in others.items():
            (stage / name).mkdir()
            sinks.append(each.sink(stage / name, context.of(simulation)))
            opened.callback(sinks[-1].discard)
        if truth:
            written = _with_key(simulation, stage, lines, Sinks(sinks), on_batch)
        else:
            _telemetry(simulation, Sinks(sinks), on_batch)
            written = lines.written
        content = manifest.manifest(simulation, severity, written, [*others])
        manifest.save(stage, content)
    return content


def _telemetry(source: Simulation | Twins, sink: Sink, on_batch: Callable[[Batch], None]) -> None:
    """Write the records."""
    with Background(sink) as background:
        for batch in source.batches():
            background.write(batch)
            on_batch(batch)
    sink.close()


def _with_key(
    simulation: Simulation, stage: Path, lines: NdjsonSink, sink: Sink, on_batch: Callable[[Batch], None]
) -> dict[str, Written]:
    """Write the records, into `lines` among others, and the answer key; returns what the files of both hold."""
    key = KeySink(stage)
    try:
        twins = Twins(simulation, key.write)
        _telemetry(twins, sink, on_batch)
        return lines.written | key.finish(twins, lines.written)
    except BaseException:
        key.discard()
        raise


def refuse_foreign(folder: Path, own: Collection[str], what: str) -> None:
    """OSError if a folder holds anything but its `own` files, which would be lost; `what` it should be."""
    foreign = sorted({path.name for path in folder.iterdir()}.difference(own)) if folder.is_dir() else []
    if foreign:
        raise FileExistsError(errno.EEXIST, f"it holds {foreign[0]}, which is no part of a {what}", str(folder))

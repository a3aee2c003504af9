"""Finds fixtures, and lists them for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters import layout, manifest
from exporters.staging import recover
from faults.scenario import GROUPS
from sim.records import KINDS
from topology.units import duration, size


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
            problem="; ".join(
                filter(None, (manifest.damage(folder, name, each["bytes"]) for name, each in files.items()))
            ),
        )
    except (KeyError, TypeError):
        raise manifest.ManifestError(f"{layout.path(folder, manifest.NAME)}: isn't the manifest of a fixture") from None


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as a JSON object."""
    return {
        "folder": str(entry.folder),
        "scenario": entry.scenario,
        "seed": entry.seed,
        "start": entry.start,
        "seconds": entry.seconds,
        "records": entry.records,
        "bytes": entry.bytes,
        "problem": entry.problem or None,
    }


def lines(entries: list[Entry], output: Path) -> list[str]:
    """A table as lines of text; the folders are relative to `output`."""
    if not entries:
        return [f"no fixtures in {output}"]
    kinds = list(entries[0].records)
    rows = [["fixture", "scenario", "seed", "start", "length", *kinds, "size"]]
    rows += [
        [
            str(entry.folder.relative_to(output)),
            entry.scenario,
            str(entry.seed),
            entry.start[:19] + "Z",
            duration(entry.seconds),
            *(str(entry.records[kind]) for kind in kinds),
            size(entry.bytes, digits=3),
        ]
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    text = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return text + [
        f"{entry.folder.relative_to(output)}: not whole: {entry.problem}" for entry in entries if entry.problem
    ]

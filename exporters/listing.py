"""A list of fixtures, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exporters.fixture import Entry
from topology.units import duration


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
    rows = [["fixture", "scenario", "seed", "start", "length", *kinds, "MB"]]
    rows += [
        [
            str(entry.folder.relative_to(output)),
            entry.scenario,
            str(entry.seed),
            entry.start[:19] + "Z",
            duration(entry.seconds),
            *(str(entry.records[kind]) for kind in kinds),
            f"{entry.bytes / 1e6:.1f}",
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

"""Fixtures exported for tests of formats."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from meshquake.exporters.fixtures import export as exports
from meshquake.exporters.fixtures import reading
from meshquake.exporters.formats.registry import FORMATS
from meshquake.sim.records import RECORD_KINDS, Batch

#: The formats that hold records only and need no answer key.
OF_RECORDS = [name for name, each in FORMATS.items() if not each.needs_truth]


def export(fixture: Path, name: str, output: Path, truth: bool = False) -> Path:
    """Write a fixture in a format; returns the folder."""
    exports.export(fixture, FORMATS[name], reading.context(fixture, truth), output, lambda batch: None)
    return output


def write(batches: Iterable[Batch], sink: Any) -> None:
    """Hand batches to a sink and close it."""
    for batch in batches:
        sink.write(batch)
    sink.close()


def records(fixture: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind as plain dicts, read without our own code."""
    return [json.loads(line) for line in (fixture / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]


def columns(kind: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records as table rows: null in the columns that a record lacks."""
    return [{column.name: row.get(column.name) for column in RECORD_KINDS[kind].table} for row in rows]


def own_name(span: dict[str, Any]) -> str:
    """Return the callee's name for the operation of a span."""
    service = span["peer"] if span["kind"] == "client" else span["service"]
    assert span["operation"].startswith(f"{service}.")
    return str(span["operation"][len(service) + 1 :])

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

#: The formats that records are all there is to: no answer key is needed.
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
    """The records of a kind as plain dicts, read by nothing of ours."""
    return [json.loads(line) for line in (fixture / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]


def columns(kind: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as tables have them: null in the column of what a record doesn't have."""
    return [{column.name: row.get(column.name) for column in RECORD_KINDS[kind].table} for row in rows]


def own_name(span: dict[str, Any]) -> str:
    """What the service that is asked calls the operation of a span."""
    service = span["peer"] if span["kind"] == "client" else span["service"]
    assert span["operation"].startswith(f"{service}.")
    return str(span["operation"][len(service) + 1 :])

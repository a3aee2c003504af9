"""Load a fixture into a database, atomically and only once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.databases.connecting import connected
from meshquake.exporters.databases.database import DatabaseError
from meshquake.exporters.databases.tables import FAULTS, FIXTURES, RECORDS, TRUTH, VERDICTS, Table, fault_rows, placed
from meshquake.exporters.fixtures import answer_key, layout, manifest, reading, recording
from meshquake.sim.records import RECORD_KINDS

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class LoadResult:
    """The result of a load: the fixture's id, and the number of rows added by table; empty if it was there already."""

    fixture: str
    rows: dict[str, int]


def load(folder: Path, url: str, fixture: str | None, truth: bool, on_rows: Callable[[int], None]) -> LoadResult:
    """Load a fixture into a database, unless it is there already.

    Parameters
    ----------
    folder
        The fixture, which is checked against its manifest first.
    url
        The database's address, such as `sqlite:///x.db`.
    fixture
        The fixture's id in the database; None for the name of its scenario and a hash of its records.
    truth
        Whether to load its answer key too.
    on_rows
        Called with the number of rows passed to the database so far.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError
        If the folder isn't a complete fixture.
    exporters.fixtures.answer_key.TruthError
        If the answer key is requested, and there is none.
    exporters.extras.MissingExtraError
        If the database's driver isn't installed.
    exporters.databases.database.DatabaseError
        If `url` isn't the address of a database, or the database can't be reached, denies permission, runs out of
        space, or has another fixture with that id.
    OSError
        If a file can't be read.
    """
    row = _row(folder, fixture, truth)
    with connected(url) as database:
        database.prepare((FIXTURES, *RECORDS, *(TRUTH if truth else ())))
        there = database.find(row["fixture"])
        if there is not None and there["sha256"] != row["sha256"]:
            seed = "" if there["seed"] is None else f", seed {there['seed']}"
            whose = f"scenario {there['scenario']}{seed}"
            raise DatabaseError(
                f"it already has another fixture called {row['fixture']} ({whose}): choose an id with --fixture-id"
            )
        has_truth = there is not None and there["truth"]
        new = [*(RECORDS if there is None else ()), *(TRUTH if truth and not has_truth else ())]
        loaded = LoadResult(row["fixture"], {table.name: 0 for table in new})
        if new:
            database.begin(row, new)
            for table in new:
                database.insert(table, _placed(table, folder, loaded, on_rows))
            database.finish()
    return loaded


def size(folder: Path, truth: bool) -> int:
    """Return the number of rows of a fixture; what its manifest lacks counts as 0 (`load` reports the problem)."""
    content = manifest.load(folder)
    names = [*(f"{kind}.ndjson" for kind in RECORD_KINDS), *((answer_key.VERDICTS,) if truth else ())]
    return sum(content["files"][name].get("records", 0) for name in names if name in content["files"])


def _row(folder: Path, fixture: str | None, truth: bool) -> dict[str, Any]:
    """The row of `fixtures`, which gives away nothing of what was wrong, or when."""
    if truth and answer_key.GROUND_TRUTH not in manifest.load(folder)["files"]:
        raise answer_key.TruthError(f"{folder}: has no answer key")
    content = manifest.verified(folder, also=(answer_key.GROUND_TRUTH, answer_key.VERDICTS) if truth else ())
    sha256 = manifest.fingerprint({name: each["sha256"] for name, each in content["files"].items()})
    row = {
        "scenario": content["scenario"]["name"],
        "topology": content["topology"]["name"],
        # The seed would let a reader run a case without its faults, and compare.
        "seed": None if layout.case(folder) else content.get("seed"),
        "start": content["start"],
        "length_s": recording.length(content),
        "interval_s": content["options"]["interval_s"],
        "sha256": sha256,
        "truth": truth,
    }
    name = fixture or f"{row['scenario']}-{sha256[:8]}"
    if not _ID.fullmatch(name):
        raise DatabaseError(f"{name!r} is not a valid id: use up to 100 letters, digits, `-`, `_` and `.`")
    return {"fixture": name} | row


def _placed(table: Table, folder: Path, loaded: LoadResult, on_rows: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table with their keys, and count them."""
    for found in _rows(table, folder):
        rows = found.select([name for name in table.names if name in found.columns])
        yield placed(rows, loaded.fixture, loaded.rows[table.name])
        loaded.rows[table.name] += len(rows)
        on_rows(sum(loaded.rows.values()))


def _rows(table: Table, folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table, without their keys, some at a time."""
    if table is FAULTS:
        yield fault_rows(answer_key.read_ground_truth(folder))
    elif table is VERDICTS:
        for verdicts in answer_key.verdicts(folder):
            causes = pl.Series(map(json.dumps, verdicts["caused_by"].to_list()), dtype=pl.String)
            yield verdicts.with_columns(caused_by=causes)
    else:
        yield from reading.records(folder, RECORD_KINDS[table.name])

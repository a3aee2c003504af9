"""The tables that fixtures are loaded into, derived from the kinds of record and from the answer key's schema.

The key of a row is the id of its fixture, so that a table can hold many fixtures, and its position in the fixture's
file. Other columns that are often searched by are indexed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from meshquake.sim.records import RECORD_KINDS, TIME_PATTERN, Column
from meshquake.truth.schema import verdict


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    name
        Its name.
    columns
        Its columns; their types are "string", "time", "number", "integer", "boolean" or "object" (JSON).
    key
        The columns of the primary key.
    indexes
        The columns of each index.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def of_type(self, type: str) -> tuple[str, ...]:
        """The names of the columns of a type."""
        return tuple(column.name for column in self.columns if column.type == type)


FIXTURES = Table(
    "fixtures",
    (
        Column("fixture", "string", "id of the fixture"),
        Column("scenario", "string", "name of the scenario"),
        Column("topology", "string", "name of the mesh"),
        Column("seed", "integer", "seed of every random draw; null for a case of a data set", nullable=True),
        Column("start", "time", "start of the recording"),
        Column("length_s", "number", "length of the recording in seconds"),
        Column("interval_s", "number", "seconds between samples of metrics"),
        Column("sha256", "string", "hash of its records: the SHA-256 of the SHA-256 hashes of the four files"),
        Column("truth", "boolean", "whether its answer key is loaded too"),
    ),
    key=("fixture",),
)

_PLACE = (
    Column("fixture", "string", "the fixture it belongs to"),
    Column("number", "integer", "its position in the fixture's file, from 1"),
)
_KEY = ("fixture", "number")
#: Indexes besides the key, by table. Indexes of traces end with `number`: without statistics SQLite would rather read a
#: whole fixture by its key than sort a trace.
_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "metrics": (("fixture", "metric", "service", "timestamp"),),
    "logs": (("fixture", "trace_id", "number"), ("fixture", "service", "timestamp")),
    "traces": (("fixture", "trace_id", "number"), ("fixture", "service", "timestamp")),
    "events": (("fixture", "type", "timestamp"),),
}

#: The records of a fixture, in the order of its files.
RECORDS: tuple[Table, ...] = tuple(
    Table(name, (*_PLACE, *kind.table), _KEY, _INDEXES[name]) for name, kind in RECORD_KINDS.items()
)

FAULTS = Table(
    "truth_faults",
    (
        *_PLACE,
        Column("fault", "string", "id of the fault in the scenario"),
        Column("kind", "string", "kind of fault"),
        Column("level", "string", "what kind of thing it acts on"),
        Column("service", "string", "the root cause: the service that a diagnosis should name"),
        Column("indicator", "string", "the root cause: what is wrong with it"),
        Column("starts", "time", "when it starts"),
        Column("ends", "time", "when it ends"),
        Column("latent", "boolean", "true if it broke no promise to users"),
        Column("felt_since", "time", "when users first felt it; null if they never did", nullable=True),
        Column("harmed", "integer", "number of requests it harmed"),
        Column("details", "object", "everything that `ground_truth.json` says about it"),
    ),
    _KEY,
)


def fault_rows(truth: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of `truth_faults`, without their keys, from the content of `ground_truth.json`."""
    rows = [
        {
            "fault": fault["id"],
            "kind": fault["kind"],
            "level": fault["level"],
            "service": fault["root_cause"]["service"],
            "indicator": fault["root_cause"]["indicator"],
            "starts": fault["start"],
            "ends": fault["end"],
            "latent": fault["latent"],
            "felt_since": fault["user_facing"]["since"],
            "harmed": fault["blast_radius"]["requests"],
            "details": json.dumps(fault, ensure_ascii=False),
        }
        for fault in truth["faults"]
    ]
    return pl.DataFrame(rows, schema=frame_schema(FAULTS.columns[len(_PLACE) :]))


def _verdict_column(name: str, schema: Mapping[str, Any]) -> Column:
    """Return a column of verdicts, given its JSON Schema."""
    types = schema.get("type", "string")
    nullable = None in schema.get("enum", ()) or "null" in types
    base = types if isinstance(types, str) else types[0]
    base = "time" if schema.get("pattern") == TIME_PATTERN else "object" if base == "array" else base
    return Column(name, base, schema["description"], nullable)


VERDICTS = Table(
    "truth_verdicts",
    (*_PLACE, *(_verdict_column(*each) for each in verdict()["properties"].items())),
    _KEY,
    (("fixture", "trace_id"),),
)

#: The answer key of a fixture.
TRUTH: tuple[Table, ...] = (FAULTS, VERDICTS)

_POLARS = {
    "string": pl.String,
    "time": pl.String,
    "object": pl.String,
    "number": pl.Float64,
    "integer": pl.Int64,
    "boolean": pl.Boolean,
}


def frame_schema(columns: tuple[Column, ...]) -> pl.Schema:
    """The polars schema of rows with these columns."""
    return pl.Schema({column.name: _POLARS[column.type] for column in columns})


def placed(rows: pl.DataFrame, fixture: str, before: int) -> pl.DataFrame:
    """Add the keys to rows that come after so many others of a fixture."""
    first = before + 1
    numbers = pl.int_range(first, first + pl.len(), dtype=pl.Int64)
    return rows.select(pl.lit(fixture).alias("fixture"), numbers.alias("number"), pl.all())

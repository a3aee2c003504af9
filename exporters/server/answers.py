"""Models of responses for the OpenAPI document. Those of records come from `sim.records`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, create_model

from meshquake.sim.records import RECORD_KINDS, RecordKind


def _model(kind: RecordKind) -> type[Any]:
    """Create a model that documents a kind of record; no record is ever parsed by it."""
    schema = {key: value for key, value in kind.json_schema().items() if key != "$schema"}
    return create_model(kind.name, __config__=ConfigDict(json_schema_extra=schema))


# Generated from the catalogue of records, which a type checker can't follow; it sees plain types instead.
if TYPE_CHECKING:
    Signal = str
    Record = dict[str, Any]
else:
    Signal = Literal[tuple(RECORD_KINDS)]
    Record = reduce(or_, map(_model, RECORD_KINDS.values()))


@dataclass(frozen=True)
class Health:
    """How far the recording has played."""

    status: Literal["ok"]
    start: Annotated[str, Field(description="The first moment of the recording.")]
    now: Annotated[str, Field(description="The simulated now.")]
    readers: Annotated[int, Field(description="How many streams are open.")]


@dataclass(frozen=True)
class SignalRecord:
    """A record with its signal."""

    signal: Signal
    record: Record


@dataclass(frozen=True)
class RecordPage:
    """Records in order of time."""

    records: list[SignalRecord]
    next: Annotated[str | None, Field(description="Cursor of the next page; null after the last one.")]


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer."""

    error: str

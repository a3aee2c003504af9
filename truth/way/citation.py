"""How a record is cited as evidence: one spelling for each kind of record, and one for all that a call returned.

span:TRACE_ID/SPAN_ID
log:N  event:N                                 the N-th of the recording, from 1
metric:SERVICE/METRIC[>TARGET][#REPLICA]@TIME
call:N                                         what the N-th call of the audit returned
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from meshquake.sim.records import EVENT, LOG, METRIC, TRACE
from meshquake.topology.units import shown

#: The word for what a call returned; records are called by the names of their kinds.
CALL = "call"
_SHOWN = "span:TRACE_ID/SPAN_ID, log:N, event:N, metric:SERVICE/METRIC@TIME or call:N"
_SPAN = re.compile(r"[0-9a-f]{32}/[0-9a-f]{16}")
_NUMBER = re.compile(r"[1-9][0-9]{0,11}")
_SERIES = re.compile(r"([^/>#@]+)/([^/>#@]+)(?:>([^>#@]+))?(?:#([^>#@]+))?@(.+)")


class Citation(NamedTuple):
    """A record that is cited: its kind (`sim.records`, or `CALL`), and what it is called among those of its kind."""

    kind: str
    key: str


def span_id(trace: str, span: str) -> str:
    """How a span is cited."""
    return f"span:{trace}/{span}"


def log_id(number: int) -> str:
    """How a log line is cited: by its number in the recording, from 1."""
    return f"log:{number}"


def event_id(number: int) -> str:
    """How an event is cited: by its number in the recording, from 1."""
    return f"event:{number}"


def metric_id(service: str, metric: str, target: str | None, replica: str | None, timestamp: str) -> str:
    """How a sample is cited."""
    return f"metric:{series_key(service, metric, target, replica, timestamp)}"


def series_key(service: str, metric: str, target: str | None, replica: str | None, timestamp: str) -> str:
    """What a sample is called among the others."""
    edge, of_replica = f">{target}" if target else "", f"#{replica}" if replica else ""
    return f"{service}/{metric}{edge}{of_replica}@{timestamp}"


def parse(text: str) -> Citation:
    """Read how a record is cited.

    Raises
    ------
    ValueError
        If it is cited in no such way; with what would be right.
    """
    word, colon, rest = text.partition(":")
    if not colon or word not in _READERS:
        raise ValueError(f"{shown(text)} cites no record: write {_SHOWN}")
    kind, read = _READERS[word]
    return Citation(kind, read(text, rest))


def problem(text: str) -> str:
    """What is wrong with a text that should cite a record; empty if nothing is."""
    try:
        parse(text)
    except ValueError as error:
        return str(error)
    return ""


def _span(text: str, rest: str) -> str:
    if _SPAN.fullmatch(rest):
        return rest
    raise ValueError(f"{shown(text)} cites no span: write span:TRACE_ID/SPAN_ID, with 32 and 16 hexadecimal digits")


def _number(text: str, rest: str) -> str:
    if _NUMBER.fullmatch(rest):
        return rest
    raise ValueError(f"{shown(text)} has no number: write a whole number from 1 on, as in {text.partition(':')[0]}:17")


def _sample(text: str, rest: str) -> str:
    found = _SERIES.fullmatch(rest)
    if found is None:
        raise ValueError(f"{shown(text)} cites no sample: write metric:SERVICE/METRIC[>TARGET][#REPLICA]@TIME")
    service, metric, target, replica, time = found.groups()
    try:
        at = datetime.fromisoformat(time)
        if at.tzinfo is None:
            raise ValueError("it needs an offset from UTC")
        written = at.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{shown(text)} does not end with a timestamp: {error}") from None
    return series_key(service, metric, target, replica, written)


_READERS: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "span": (TRACE.name, _span),
    "log": (LOG.name, _number),
    "event": (EVENT.name, _number),
    "metric": (METRIC.name, _sample),
    CALL: (CALL, _number),
}

"""Reads responses from lines of text.

entry.error_rate              what users met during the incident; @before, @after, @whole, or @10s..30s of it
entry.latency_p99 of web.home one of the entry operations
key.harmed                    what the answer key says
max(queue_depth / 8) of database@after    a metric second by second, or an expression over several
select count(*) from logs where level = 'ERROR'    any SQL over the records
entry.answered@after < 1      1 if true and 0 if not: the mean is the share of runs
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from meshquake.ensembles.phase import DURING, PHASES, Phase
from meshquake.ensembles.place import Place
from meshquake.ensembles.responses import (
    OF_KEY,
    OF_USERS,
    SUMMARIES,
    Bounded,
    OfKey,
    OfMetric,
    OfRecords,
    OfUsers,
    Response,
)
from meshquake.topology.problems import suggestion
from meshquake.topology.telemetry import expression
from meshquake.topology.units import parse_duration, parse_number, shown

#: The most characters of a response.
LONGEST = 2000

_PHASE = re.compile(r"(.*?)@\s*([^@()'\"]+)", re.DOTALL)
_FIGURE = re.compile(r"(entry|key)\.([\w]+)(?:\s+of\s+(\S+))?")
_METRIC = re.compile(r"(\w+)\s*\((.+)\)\s+of\s+(.+)", re.DOTALL)
_PLACE = re.compile(r"([A-Za-z0-9][\w-]*)(?:\[(\d{1,6})\])?(?:\s*->\s*([A-Za-z0-9][\w-]*))?")
_BOUND = re.compile(r"(.+?)\s*([<>])\s*([-+.\w]+)", re.DOTALL)
#: A comparison at the end, which no place or phase has: an edge has an arrow.
_COMPARED = re.compile(r"(<|(?<!-)>|[=!]=)[^()]*$")
_NO_CONDITION = (
    "not a condition: it must be RESPONSE < NUMBER or RESPONSE > NUMBER, with a plain number (latencies are in ms, "
    "shares from 0 to 1)"
)
_SQL = re.compile(r"\s*(select|with)\s", re.IGNORECASE)


def split(text: str) -> tuple[str, str]:
    """Split `LABEL=TEXT` into label and text; without a label, the text is its own."""
    text = text.strip()
    named = re.match(r"([A-Za-z_][\w.-]{0,59})\s*=(?!=)", text)
    return (named[1], text[named.end() :].strip()) if named else (text, text)


def response(text: str, label: str = "") -> Response:
    """Read a response, `TEXT` or `LABEL=TEXT`; ValueError if it is not valid."""
    text = text.strip()
    if not label:
        label, text = split(text)
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"must be a line of text of at most {LONGEST} characters")
    if _SQL.match(text):
        return OfRecords(label, text)
    if (bounded := _BOUND.fullmatch(text)) and (bound := _bound(bounded[3])) is not None:
        if _COMPARED.search(bounded[1]):
            raise ValueError(f"{shown(text)} is {_NO_CONDITION}")
        return Bounded(label, text, response(bounded[1], label), bounded[2] == ">", bound)
    if _COMPARED.search(text):
        raise ValueError(f"{shown(text)} is {_NO_CONDITION}")
    timed = _PHASE.fullmatch(text)
    body, phase = (timed[1].strip(), _phase(timed[2].strip())) if timed else (text, DURING)
    if figure := _FIGURE.fullmatch(body):
        return _figure(label, text, figure, phase, timed is not None)
    if metric := _METRIC.fullmatch(body):
        return _metric(label, text, metric, phase)
    raise ValueError(
        f"{shown(text)} is not a response: it must be entry.FIGURE, key.FIGURE, SUMMARY(METRICS) of SERVICE, or SQL"
        f"{suggestion(text, [*(f'entry.{each}' for each in OF_USERS), *(f'key.{each}' for each in OF_KEY)])}"
    )


def _figure(label: str, text: str, found: re.Match[str], phase: Phase, timed: bool) -> Response:
    of, name, entry = found[1], found[2], found[3] or ""
    known: Mapping[str, Any] = OF_USERS if of == "entry" else OF_KEY
    if name not in known:
        raise ValueError(f"there is no figure {shown(f'{of}.{name}')}{suggestion(name, known)}")
    if of == "entry":
        return OfUsers(label, text, name, phase, entry)
    if entry or timed:
        raise ValueError(f"{shown(text)}: figures of the key cover the whole run, without an entry or a phase")
    return OfKey(label, text, name)


def _metric(label: str, text: str, found: re.Match[str], phase: Phase) -> Response:
    summary = found[1]
    if summary not in SUMMARIES:
        raise ValueError(f"there is no summary {shown(summary)}{suggestion(summary, SUMMARIES)}")
    place = _PLACE.fullmatch(found[3].strip())
    if place is None or (place[2] and place[3]):
        raise ValueError(f"{shown(found[3])} is not a place: it must be a service, service[0], or caller -> callee")
    made = expression.parse(found[2].strip())
    return OfMetric(label, text, summary, made, Place(place[1], int(place[2]) if place[2] else None, place[3]), phase)


def _bound(text: str) -> float | None:
    """The bound as a number; None if the text is not a bound but the service that an edge leads to."""
    try:
        return parse_number(text)
    except ValueError:
        return None


def _phase(text: str) -> Phase:
    if text in PHASES:
        return Phase(text)
    low, dots, high = (part.strip() for part in text.partition(".."))
    try:
        if not dots:
            raise ValueError
        start, end = (parse_duration(each, plain_seconds=True) for each in (low, high))
    except ValueError:
        raise ValueError(
            f"{shown(text)} is not a phase: it must be {', '.join(PHASES)}, or a time range such as 10s..30s"
        ) from None
    if not start < end:
        raise ValueError(f"{shown(text)} is not a time range: its start must be before its end")
    return Phase("", start, end)


def usual(faults: bool) -> tuple[Response, ...]:
    """The default responses: about users' requests, and about the key if anything goes wrong."""
    of_users = ("entry.error_rate", "entry.latency_p50", "entry.latency_p95", "entry.goodput")
    of_key = ("key.harmed", "key.breach", "key.detect", "key.recovery")
    return tuple(response(each) for each in (*of_users, *(of_key if faults else ())))

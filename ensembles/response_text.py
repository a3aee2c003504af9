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

from meshquake.ensembles.responses import (
    OF_KEY,
    OF_USERS,
    PHASES,
    SUMMARIES,
    Bounded,
    OfKey,
    OfMetric,
    OfRecords,
    OfUsers,
    Phase,
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
_SQL = re.compile(r"\s*(select|with)\s", re.IGNORECASE)


def response(text: str, label: str = "") -> Response:
    """Read a response, `TEXT` or `LABEL=TEXT`; ValueError if it is not valid."""
    text = text.strip()
    named = re.match(r"([A-Za-z_][\w.-]{0,59})\s*=(?!=)", text)
    if named and not label:
        return response(text[named.end() :], named[1])
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"must be a line of text of at most {LONGEST} characters")
    label = label or text
    if _SQL.match(text):
        return OfRecords(label, text)
    if (bounded := _BOUND.fullmatch(text)) and (bound := _bound(bounded[3])) is not None:
        return Bounded(label, text, response(bounded[1], label), bounded[2] == ">", bound)
    split = _PHASE.fullmatch(text)
    body, phase = (split[1].strip(), _phase(split[2].strip())) if split else (text, Phase("during"))
    if figure := _FIGURE.fullmatch(body):
        return _figure(label, text, figure, phase, split is not None)
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
    replica = None if place[2] is None else place[2]
    return OfMetric(label, text, summary, made, place[1], replica, place[3], phase)


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

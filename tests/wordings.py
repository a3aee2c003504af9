"""Parses log lines back: which catalogue text a line came from, and the values it contains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import polars as pl

from meshquake.sim.telemetry.logs.catalogue import DRAWN, FIELD, Voice, catalogue
from meshquake.topology.spec import Topology

#: The parts of the catalogue with texts for spans.
PARTS = ("handled", "slow", "failed", "retried", "hedged", "gave_up", "missed", "called", "steps", "remarks")
#: The parts with texts that processes write by themselves.
ALONE = ("chatter", "startup")


def wordings(part):
    """Return the wordings anywhere below a part of a catalogue."""
    if isinstance(part, list):
        return [wording for each in part for wording in wordings(each)]
    if not isinstance(part, dict):
        return []
    if "text" in part:
        return [part]
    return [wording for each in part.values() for wording in wordings(each)]


@cache
def of(voice: Voice, *parts: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return part, level, logger and text of the distinct wordings in some parts of a service's catalogue."""
    book = catalogue(voice)
    return tuple(
        dict.fromkeys(
            (part, each["level"], each["logger"], each["text"])
            for part in parts
            for each in wordings(book.get(part, {}))
        )
    )


@cache
def loose(text: str) -> re.Pattern[str]:
    """Return a pattern that matches a text, whatever its values."""
    return re.compile(
        "".join(".+" if place % 2 else re.escape(piece) for place, piece in enumerate(FIELD.split(text))), re.DOTALL
    )


_NUMBER = r"-?\d+(?:\.\d+)?"
#: How the values look that are not words without spaces.
_FORMS = {
    **dict.fromkeys(("duration_ms", "timeout_ms", "status_code", "attempt", "limit", "workers", "amount"), _NUMBER),
    **dict.fromkeys(("user_id", "order_id", "quantity", "rows", "matches", "bytes", "worker"), r"\d+"),
    **dict.fromkeys(("user_agent", "statement"), ".*?"),
    **dict.fromkeys(("path", "route"), r"/\S*?"),
}


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Return a pattern that matches a text, with a group per value; values of one name must be equal throughout."""
    made, seen = [], set()
    for place, piece in enumerate(FIELD.split(text)):
        if place % 2 == 0:
            made.append(re.escape(piece))
        elif piece in seen:
            made.append(f"(?P={_group(piece)})")
        else:
            seen.add(piece)
            made.append(f"(?P<{_group(piece)}>{_form(piece)})")
    return re.compile("".join(made), re.DOTALL)


def _group(value: str) -> str:
    return re.sub(r"\W", "_", value)


def _form(value: str) -> str:
    """Return the pattern of a value; for a drawn one, exactly its words, or a number with its digits."""
    found = DRAWN.fullmatch(value)
    if found is None:
        return _FORMS.get(value, r"\S+?")
    if found["words"]:
        return "|".join(map(re.escape, found["words"].split("|")))
    return rf"-?\d+\.\d{{{len(found['digits'])}}}" if found["digits"] else r"-?\d+"


def read(logs: pl.DataFrame, traces: pl.DataFrame, topology: Topology) -> Iterator[tuple[dict, list[dict]]]:
    """Yield each line of a span, with the span's own columns, and the values named by each text it may come from."""
    voices = {service.name: Voice.of(service) for service in topology.services}
    names = ["duration_ms", "status_code", "attempt", "peer", "operation", "kind", "error_type"]
    beside = logs.join(traces.select("span_id", "trace_id", *names), on=["span_id", "trace_id"])
    for row in beside.iter_rows(named=True):
        ways = []
        for part, level, logger, text in of(voices[row["service"]], *PARTS):
            if (level, logger) == (row["level"], row["logger"]):
                found = pattern(text).fullmatch(row["message"])
                if found is not None:
                    ways.append({"part": part, "text": text} | found.groupdict())
        yield row, ways

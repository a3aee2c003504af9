"""Lay the log texts of a `telemetry:` block over a catalogue.

A rule names moments (a call was answered, a call failed with some error, a process restarted) and says what is written
then, or at which level. Rules apply in order, so the later of two about the same line wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from meshquake.sim.telemetry.logs.callees import CALLEES
from meshquake.topology.errors import ERRORS
from meshquake.topology.telemetry.logs import FAILURES, FIELD, REMARKS, Chatter, LineChange, Words
from meshquake.topology.units import duration

#: The parts of a catalogue about calls.
CALLS = ("handled", "slow", "failed", "retried", "hedged", "gave_up", "missed", "called", REMARKS)
#: Those that differ by kind of service.
_OF_KINDS = ("handled", "slow")
#: Level and logger of a line where there was none.
_NEW = {"level": "INFO", "logger": "main"}

Book = Mapping[str, Any]


def spoken(book: Book, words: Words) -> Book:
    """Lay the words that files have for services of a kind over a catalogue."""
    said, kind = dict(book), words.kind
    for rule in words.rules:
        for moment in rule.moments:
            if moment in _OF_KINDS:
                said[moment] = {**said[moment], kind: _over(rule, said[moment][kind])}
            elif moment in FAILURES:
                said[moment] = {**said[moment], **_failures(rule, said[moment], kind, moment == "failed")}
            elif moment == "called":
                below = said.get(moment, {})
                said[moment] = {callee: _over(rule, below.get(callee, [])) for callee in CALLEES}
            elif moment == REMARKS:
                said |= _remarks(rule, said)
            elif moment in CALLS:
                said[moment] = _over(rule, said[moment])
            else:
                noted = said["notices"][moment]
                lines = _over(rule, noted.get("log", []), _escaped)
                said["notices"] = {**said["notices"], moment: {**noted, "log": lines}}
    if words.chatter:
        own = {f"own-{number}": _said(each) for number, each in enumerate(words.chatter)}
        said["chatter"] = {**said.get("chatter", {}), **own}
    return said


def _said(chatter: Chatter) -> dict[str, Any]:
    """Return the entry in a catalogue for lines that a process writes outside requests."""
    lines = [{"level": chatter.level, "logger": chatter.logger, "text": text} for text in chatter.text]
    return {"every": duration(chatter.every), "lines": lines}


def _remarks(rule: LineChange, said: Book) -> dict[str, Any]:
    """Apply a rule to the lines about requests other than the one at the end; it may remove them."""
    steps = {topic: _over(rule, each) for topic, each in said.get("steps", {}).items()}
    asides = {name: _over(rule, each) for name, each in said.get("remarks", {}).items()}
    return {"steps": steps, "remarks": {name: each[0] for name, each in asides.items() if each}}


def _failures(rule: LineChange, part: Book, kind: str, by_kind: bool) -> dict[str, Any]:
    """Apply a rule to the wordings of each error that it is about.

    With `by_kind` (of requests that were answered), only to those of a kind of service; otherwise to those of all
    callees.
    """
    found: dict[str, Any] = {}
    for error in ERRORS if rule.cause is None else rule.cause:
        below = part.get(error, part["any"])
        if by_kind:
            found[error] = {**below, kind: _over(rule, below.get(kind, below["any"]))}
        else:
            found[error] = {callee: _over(rule, each) for callee, each in below.items()}
    return found


def _over(rule: LineChange, wordings: Any, written: Callable[[str], str] = str) -> list[dict[str, Any]]:
    """Apply a rule to wordings; `written` converts its texts."""
    there = [*wordings] if isinstance(wordings, list) else [wordings]
    own = {word: value for word in ("level", "logger") if (value := getattr(rule, word)) is not None}
    if rule.text is None:
        return [{**each, **own} for each in there]
    like = {word: there[0][word] for word in _NEW} if there else _NEW
    new = [{**like, **own, "text": written(text)} for text in rule.text]
    return [*there, *new] if rule.add else new


def _escaped(text: str) -> str:
    """Escape the braces of a text for `str.format`, except for those around the name of a value."""
    pieces = re.split(FIELD, text)
    return "".join(f"{{{piece}}}" if place % 2 else _doubled(piece) for place, piece in enumerate(pieces))


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")

"""Reads the log lines of a `telemetry:` block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import TypeVar

from meshquake.topology.binder import ByHand, bind
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.telemetry.checks import check_like, items
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.telemetry.logs import (
    COLUMNS,
    DRAWN,
    FAILURES,
    FIELD,
    REMARKS,
    Chatter,
    LineChange,
    LogChanges,
    misdrawn,
)
from meshquake.topology.telemetry.vocabulary import vocabulary

_Said = TypeVar("_Said", LineChange, Chatter)
#: Keys that say what lines are about.
_KINDS_OF_LINE = {"when", "cause"}
#: Characters that a text may have besides printable ones: it may have several lines.
_BREAKS = str.maketrans("", "", "\n\t")


def read_logs(document: Document, services: Collection[str], node: Node) -> LogChanges | None:
    """Read what a block changes in log lines."""
    by_hand: ByHand = {"lines": partial(_lines, document, services), "chatter": partial(_chatter, document, services)}
    changes = bind(document, LogChanges, node, by_hand)
    if changes is None:
        return None
    for each, place in zip(changes.format, items(node, "format"), strict=False):
        line = place.entries.get("line", place)
        for name in FIELD.findall(each.line):
            if name not in COLUMNS:
                document.error(line, f"there is no value {{{name}}}{suggestion(name, COLUMNS)}")
        check_like(document, place.entries.get("service", place), each.service, services, "service")
    return changes


def _each(
    document: Document,
    services: Collection[str],
    node: Node,
    spec: type[_Said],
    texts: Callable[[Document, Node], tuple[str, ...] | None],
) -> Iterator[tuple[Node, _Said]]:
    """Yield the entries of one block, or of a list of blocks, each with its place; refused ones are left out."""
    for item in node.items if node.kind == "list" else [node]:
        said = bind(document, spec, item, {"text": partial(texts, document)})
        place = item.entries.get("service")
        if place is not None and place.kind == "scalar" and not place.is_empty:
            check_like(document, place, place.text, services, "service")
        if said is not None:
            yield item, said


def _lines(document: Document, services: Collection[str], node: Node) -> tuple[LineChange, ...]:
    """Read the changes of lines."""
    found = []
    for item, change in _each(document, services, node, LineChange, _texts):
        found.append(change)
        if not {"text", "level", "logger"} & item.entries.keys():
            document.error(item, "changes nothing: give a text, a level or a logger")
        if change.text and not _KINDS_OF_LINE & item.entries.keys():
            document.error(item, "missing key 'when': a text is for one kind of line")
        if change.add and not change.text:
            document.error(item.entries["add"], "needs a text to add")
        if change.text and REMARKS in (change.when or ()):
            document.error(item.entries["text"], "can only be none: remarks have many texts")
        if not change.moments:
            document.error(item.entries["cause"], f"applies only to calls that fail: {listed(FAILURES)}")
        _check_values(document, change, item)
    return tuple(found)


def _chatter(document: Document, services: Collection[str], node: Node) -> tuple[Chatter, ...]:
    """Read the lines that processes write by themselves."""
    return tuple(chatter for _, chatter in _each(document, services, node, Chatter, _spoken))


def _spoken(document: Document, node: Node) -> tuple[str, ...] | None:
    """Read the texts of such lines, and report each value that a process doesn't have."""
    texts = _texts(document, node)
    if texts == ():
        document.error(node, "must be a text, not none")
    for place, text in zip(node.items or [node], texts or (), strict=False):
        for value in dict.fromkeys(FIELD.findall(text)):
            if problem := misdrawn(value):
                document.error(place, problem)
            elif value not in vocabulary().vitals and not DRAWN.fullmatch(value):
                there = ", ".join(vocabulary().vitals)
                document.error(place, f"a process has no value {{{value}}} (valid: {there})")
    return texts


def _texts(document: Document, node: Node) -> tuple[str, ...] | None:
    """Read one text or several; an empty tuple stands for no line."""
    if node.is_none:
        return ()
    items = node.items if node.kind == "list" else [node]
    for item in items:
        if item.kind != "scalar" or not item.text or not item.text.translate(_BREAKS).isprintable():
            document.error(item, f"must be a text, not {item}")
            return None
    if not items:
        document.error(node, "must have at least one value: write none for no line")
        return None
    return tuple(item.text for item in items)


def _check_values(document: Document, change: LineChange, item: Node) -> None:
    """Report each value that a text names but that is not available when the line is written."""
    node = item.entries.get("text", item)
    for place, text in zip(node.items or [node], change.text or (), strict=False):
        for value in dict.fromkeys(FIELD.findall(text)):
            if problem := misdrawn(value) or _missing(value, _moments(change, item)):
                document.error(place, problem)


def _moments(change: LineChange, item: Node) -> tuple[str, ...]:
    """Return the events that a text is for; none if the file doesn't say, or not in valid words."""
    said = change.when is not None or ("when" not in item.entries and change.cause is not None)
    return change.moments if said else ()


def _missing(value: str, moments: Collection[str]) -> str:
    """Return the message for a value that isn't available at one of some moments, or, without any, at no moment."""
    known = vocabulary()
    if not moments and not DRAWN.fullmatch(value):
        everything = list(dict.fromkeys((*known.values, *(each for there in known.notices.values() for each in there))))
        return "" if value in everything else f"there is no value {{{value}}}{suggestion(value, everything)}"
    for moment in moments:
        there = known.notices.get(moment, known.values)
        drawn = DRAWN.fullmatch(value) and moment not in known.notices
        if value not in there and not drawn:
            where = f" of {moment}" if moment in known.notices else ""
            return f"there is no value {{{value}}}{where} (valid: {', '.join(there)})"
    return ""

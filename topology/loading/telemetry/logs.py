"""Reads the log lines of a `telemetry:` block."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import TypeVar

from meshquake.topology.binder import ByHand, bind
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.telemetry.checks import check_like, items
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.telemetry.logs import COLUMNS, DRAWN, FAILURES, FIELD, REMARKS, Chatter, LineChange, LogChanges
from meshquake.topology.telemetry.vocabulary import vocabulary

_Said = TypeVar("_Said", LineChange, Chatter)
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


def _each(document: Document, services: Collection[str], node: Node, spec: type[_Said]) -> Iterator[tuple[Node, _Said]]:
    """Yield the entries of one block, or of a list of blocks, each with its place; refused ones are left out."""
    for item in node.items if node.kind == "list" else [node]:
        said = bind(document, spec, item, {"text": partial(_texts, document)})
        if said is not None:
            check_like(document, item.entries.get("service", item), said.service, services, "service")
            yield item, said


def _lines(document: Document, services: Collection[str], node: Node) -> tuple[LineChange, ...]:
    """Read the changes of lines."""
    found = []
    for item, change in _each(document, services, node, LineChange):
        found.append(change)
        if not {"text", "level", "logger"} & item.entries.keys():
            document.error(item, "changes nothing: give a text, a level or a logger")
        if change.text and not {"when", "cause"} & item.entries.keys():
            document.error(item, "missing key 'when': a text is for one kind of line")
        if change.add and not change.text:
            document.error(item.entries["add"], "needs a text to add")
        if change.text and REMARKS in (change.when or ()):
            document.error(item.entries["text"], "can only be none: remarks have many texts")
        if not change.moments:
            document.error(item.entries["cause"], f"applies only to calls that fail: {listed(FAILURES)}")
        _check_values(document, change, item.entries.get("text", item))
    return tuple(found)


def _chatter(document: Document, services: Collection[str], node: Node) -> tuple[Chatter, ...]:
    """Read the lines that processes write by themselves."""
    found = []
    for item, chatter in _each(document, services, node, Chatter):
        found.append(chatter)
        text = item.entries["text"]
        if not chatter.text:
            document.error(text, "must be a text, not none")
        for place, each in zip(text.items or [text], chatter.text, strict=False):
            for value in dict.fromkeys(FIELD.findall(each)):
                if value not in vocabulary().vitals and not DRAWN.fullmatch(value):
                    there = ", ".join(vocabulary().vitals)
                    document.error(place, f"a process has no value {{{value}}} (valid: {there})")
    return tuple(found)


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


def _check_values(document: Document, change: LineChange, node: Node) -> None:
    """Report each value that a text names but that is not available when the line is written."""
    known = vocabulary()
    for place, text in zip(node.items or [node], change.text or (), strict=False):
        for value in dict.fromkeys(FIELD.findall(text)):
            for moment in change.moments:
                there = known.notices.get(moment, known.values)
                drawn = DRAWN.fullmatch(value) and moment not in known.notices
                if value not in there and not drawn:
                    where = f" of {moment}" if moment in known.notices else ""
                    document.error(place, f"there is no value {{{value}}}{where} (valid: {', '.join(there)})")
                    break

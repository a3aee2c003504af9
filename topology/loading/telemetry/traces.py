"""Reads the traces of a `telemetry:` block."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from functools import partial

from meshquake.topology.binder import bind, block
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.telemetry.checks import NAMES
from meshquake.topology.problems import listed, suggestion
from meshquake.topology.telemetry.metrics import NAME, is_pattern
from meshquake.topology.telemetry.traces import TraceChanges
from meshquake.topology.telemetry.vocabulary import vocabulary
from meshquake.topology.units import shown


def read_traces(document: Document, node: Node) -> TraceChanges | None:
    """Read what a block changes in traces."""
    return bind(document, TraceChanges, node, {"attributes": partial(_attributes, document)})


def _attributes(document: Document, node: Node) -> tuple[tuple[str, str | None], ...]:
    """Read the names of attributes."""
    known, found = vocabulary().attributes, []
    for word, entry in block(document, node).items():
        if not any(fnmatchcase(name, word) for name in known):
            message = f"no span attribute {'matches' if is_pattern(word) else 'is called'} {shown(word)}"
            document.error(entry, f"{message}{suggestion(word, known)}", line=entry.key_line)
        elif not entry.is_none and is_pattern(word):
            document.error(entry, f"must be none, not {entry}: it matches several attributes")
        elif not entry.is_none and not NAME.fullmatch(entry.text):
            document.error(entry, f"must be a name: {NAMES}, or none")
        else:
            found.append((word, None if entry.is_none else entry.text))
    return tuple(found)


def check_called(document: Document, changes: TraceChanges, node: Node) -> None:
    """Report each name that two attributes would share; `node` is the whole block."""
    called: dict[str, list[str]] = defaultdict(list)
    for name in vocabulary().attributes:
        if (other := changes.called(name)) is not None:
            called[other].append(name)
    for other, attributes in called.items():
        if len(attributes) > 1:
            place = node.entries.get("traces", node)
            document.error(place, f"{listed(attributes)} would all be called {shown(other)}")

"""A YAML document in which every value knows its place, and the problems found in it.

YAML only decides what is a list, a block of keys, or a text; a text is a number or a time when the key it belongs to
says so (`topology.units`), never because YAML 1.1 thinks it looks like one. So `on` is a word, `1.10` is a version and
`1:30` is nothing in particular.

A document comes from outside, so everything about it is bounded: its size, its depth, and how much its aliases expand
to. It's read event by event, since composing it in one call would recurse as deep as the document nests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, NoReturn

import yaml
from yaml.reader import ReaderError

from meshquake.topology import outside
from meshquake.topology.problems import DocumentError, Problem
from meshquake.topology.units import shown

#: Largest file, in bytes.
LARGEST = 8 * 2**20
#: Most values in a document, counting those that aliases repeat.
MOST_VALUES = 200_000
#: Deepest nesting of lists and blocks.
DEEPEST = 50
#: Number of errors after which reading stops: nobody fixes more at a time.
MOST_ERRORS = 100

#: libyaml's parser if PyYAML was built with it: about ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A value and its place.

    `kind` is "scalar" (`text` holds the value, `quoted` says whether it was in quotes), "list" (`items`) or "map"
    (`entries`). `line` is where the value begins, `key_line` where its key or list item begins. `path` leads to it from
    the top, as in `services.database.workers` or `calls[2]`. Values that aliases repeat share an `origin`, all others
    have their own; a node that is not a value of the file has -1.
    """

    kind: str
    path: str
    line: int
    key_line: int
    text: str = ""
    quoted: bool = False
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    origin: int = -1

    @property
    def is_none(self) -> bool:
        """Whether it's the plain word `none`."""
        return self.text == "none" and not self.quoted

    @property
    def is_empty(self) -> bool:
        """Whether nothing is written after its key."""
        return self.kind == "scalar" and not self.text and not self.quoted

    def __str__(self) -> str:
        """Return what a message calls it."""
        if self.kind == "scalar":
            return shown(self.text)
        return "a list" if self.kind == "list" else "a block of keys"

    @property
    def place(self) -> int:
        """The line to blame: a scalar's own, or the key's for anything longer."""
        return self.line if self.kind == "scalar" else self.key_line

    def walk(self) -> Iterator[Node]:
        """Yield the node and all nodes below it, in file order."""
        yield self
        for child in self.items or self.entries.values():
            yield from child.walk()


class Document:
    """A document, and the problems found in it so far.

    Create one with `read` or `parse`. Readers report each problem with `error` or `warn`, go on, and call `check` at
    the end, so that all problems are reported together.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Problem] = []
        self._told: dict[tuple[int, int, str], str] = {}
        self.root = _Composer(self).root()
        self._by_path: dict[str, Node] = {}

    @classmethod
    def read(cls, path: str | Path) -> Document:
        """Read a document from a file.

        Raises
        ------
        DocumentError
            If the file is missing, a folder, unreadable, too large, not UTF-8 or not YAML.
        """

        def refuse(reason: str) -> NoReturn:
            raise DocumentError([Problem(str(path), 0, "", reason)])

        try:
            content = outside.content(path, LARGEST)
        except OSError as error:
            refuse(outside.reason(error))
        try:
            return cls.parse(content.decode("utf-8-sig"), str(path))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise DocumentError([Problem(str(path), line, "", "is not UTF-8 text")]) from None

    @classmethod
    def parse(cls, text: str, file: str) -> Document:
        """Read a document from a text; `file` is its name in messages.

        Raises
        ------
        DocumentError
            If it isn't YAML, or is larger or deeper than a document may be.
        """
        return cls(text, file)

    def error(self, node: Node, message: str, line: int | None = None) -> None:
        """Record an error at a node, on the node's own line unless another is given."""
        if not self.repeats(node, line or node.place, message):
            self.report(node.path, line or node.place, message)

    def warn(self, node: Node, message: str) -> None:
        """Record something odd but usable."""
        if not self.repeats(node, node.place, message):
            self.problems.append(Problem(self.file, node.place, node.path, message, warning=True))

    def repeats(self, node: Node, line: int, message: str) -> bool:
        """Whether the message was given already for this value, elsewhere: what aliases repeat is reported once."""
        first = self._told.setdefault((node.origin, line, message), node.path)
        return node.origin >= 0 and first != node.path

    def report(self, path: str, line: int, message: str) -> None:
        """Record an error where there is no node; raise DocumentError when there are too many to go on."""
        self.problems.append(Problem(self.file, line, path, message))
        if sum(not problem.warning for problem in self.problems) >= MOST_ERRORS:
            self.stop(line, f"{MOST_ERRORS} errors: reading stopped here")

    def stop(self, line: int, message: str) -> NoReturn:
        """Give up on the document at once."""
        raise DocumentError([*self.problems, Problem(self.file, line, "", message)])

    def find(self, path: str) -> Node:
        """Return the node at a path, or the nearest one above it that exists."""
        if not self._by_path:
            self._by_path = {node.path: node for node in self.root.walk()}
        while path not in self._by_path:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._by_path[path]

    def check(self) -> None:
        """Raise DocumentError, with the warnings too, if there was an error."""
        if not all(problem.warning for problem in self.problems):
            raise DocumentError(self.problems)


class _Event(NamedTuple):
    """The parts used of a YAML event: a "scalar", the start of a "list" or "map", an "alias", or an "end"."""

    kind: str
    line: int
    anchor: str | None = None
    tag: str | None = None
    text: str = ""
    quoted: bool = False


class _Composer:
    """Builds nodes from YAML events, within the limits."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._events: list[_Event] = []
        #: Position of the first event of each anchored value.
        self._anchors: dict[str, int] = {}
        self._values = 0

    def root(self) -> Node:
        """Return the document's one value."""
        document = self._document
        try:
            self._listen()
        except ReaderError as error:
            line = document.text.count("\n", 0, document.text.find(chr(error.character))) + 1
            document.stop(line, f"is not YAML: character {chr(error.character)!r} is not allowed")
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            # What is missing at the end is missing on the last line, not on one after it.
            lines = document.text.splitlines()
            line = min(line, len(lines))
            reason = ", ".join(filter(None, (error.context, error.problem)))
            if re.match(r" *\t", "".join(lines[line - 1 : line])):
                reason = "indent with spaces, not tabs"  # the parser's reason doesn't mention the invisible tab
            document.stop(line, f"is not YAML: {reason}")
        except (ValueError, OverflowError) as error:
            # Unencodable characters and invalid escapes, which the parser does not check for.
            document.stop(1, f"is not YAML: {error}")
        if not self._events:
            document.stop(1, "is empty")
        return self._node(0, "", 1, 0)[0]

    def _listen(self) -> None:
        """Keep the events of the values, without those that frame the document."""
        document = self._document
        unfinished: list[str | None] = []
        documents = values = 0
        for event in yaml.parse(document.text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                document.stop(line, "starts a second document: a file may hold only one")
            if isinstance(event, yaml.CollectionEndEvent):
                unfinished.pop()
                self._events.append(_Event("end", line))
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor in unfinished:
                    document.stop(line, f"alias *{event.anchor} contains itself")
                if event.anchor not in self._anchors:
                    document.stop(line, f"alias *{event.anchor} has no anchor above it")
                self._events.append(_Event("alias", line, event.anchor))
            elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
                if event.anchor in self._anchors:
                    document.stop(line, f"anchor &{event.anchor} is used twice")
                if event.anchor:
                    self._anchors[event.anchor] = len(self._events)
                if isinstance(event, yaml.ScalarEvent):
                    quoted = bool(event.style)
                    self._events.append(_Event("scalar", line, event.anchor, event.tag, event.value, quoted))
                else:
                    kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
                    self._events.append(_Event(kind, line, event.anchor, event.tag))
                    unfinished.append(event.anchor)
                values += 1
                self._fits(line, values, len(unfinished))

    def _fits(self, line: int, values: int, depth: int) -> None:
        if values > MOST_VALUES:
            self._document.stop(line, f"has more than {MOST_VALUES} values, counting those that aliases repeat")
        if depth > DEEPEST:
            self._document.stop(line, f"nests deeper than {DEEPEST} levels")

    def _node(self, at: int, path: str, key_line: int, depth: int) -> tuple[Node, int]:
        """Return the node that begins at an event, and the position of the event after it."""
        kind, line, anchor, tag, text, quoted = self._events[at]
        if kind == "alias":
            return self._node(self._anchors[anchor or ""], path, key_line, depth)[0], at + 1
        self._values += 1
        self._fits(line, self._values, depth)
        node = Node(kind, path, line, key_line, text, quoted, origin=at)
        if tag:
            self._document.error(node, f"tag {shown(tag)} is not allowed", line)
        if kind == "list":
            return node, self._items(at + 1, node, depth + 1)
        if kind == "map":
            return node, self._entries(at + 1, node, depth + 1)
        return node, at + 1

    def _items(self, at: int, node: Node, depth: int) -> int:
        while self._events[at].kind != "end":
            path = f"{node.path}[{len(node.items)}]"
            item, at = self._node(at, path, self._events[at].line, depth)
            node.items.append(item)
        return at + 1

    def _entries(self, at: int, node: Node, depth: int) -> int:
        while self._events[at].kind != "end":
            line = self._events[at].line
            name, at = self._node(at, node.path, line, depth)
            value, at = self._node(at, f"{node.path}.{name.text}" if node.path else name.text, line, depth)
            if name.kind != "scalar":
                self._document.error(node, f"a key must be a word, not {name}", line)
            elif name.text == "<<" and not name.quoted:
                self._document.error(node, "merge keys (<<) are not supported: write the keys out", line)
            elif name.text in node.entries:
                first = node.entries[name.text].key_line
                self._document.error(node, f"key {shown(name.text)} appears twice (first on line {first})", line)
            else:
                node.entries[name.text] = value
        return at + 1

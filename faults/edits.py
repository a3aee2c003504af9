"""Changes that a user makes to a run: values at paths (`--set PATH=VALUE`).

A path is written as in the messages of the loaders: `services.database.replicas`, `faults[0].slow.factor`; a fault can
also be named by its id, as in `faults.slow-1.factor`. A value becomes part of the text, and the text goes through the
ordinary loader, so the grammar is the same, and so is what is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any

import yaml

from meshquake.faults import writing
from meshquake.faults.actions import action_kinds
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.naming import LISTS
from meshquake.faults.observability import Observability
from meshquake.faults.role_reader import RoleReader
from meshquake.faults.scenario import Scenario
from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import DISTRIBUTIONS
from meshquake.topology.document import DEEPEST, Document, Node
from meshquake.topology.environment import Environment
from meshquake.topology.loader import MeshFile
from meshquake.topology.policies import Retry
from meshquake.topology.problems import DocumentError, suggestion
from meshquake.topology.spec import Edge, Service, Topology, Workload
from meshquake.topology.telemetry.block import Telemetry
from meshquake.topology.units import counted, shown

_CAUSES = tuple(LISTS)
#: What a path may begin with, and the text it leads into.
_SIDES = dict.fromkeys(
    ("services", "defaults", "edges", "workload", "cluster", "environment"), "topology"
) | dict.fromkeys(
    ("duration", "lead_in", "recovery", "rate", "severity", "observability", "telemetry", *_CAUSES), "scenario"
)
#: The types of nested blocks, by their keys.
_BLOCKS = {
    word: key.grammar.spec
    for cls in (
        *(MeshFile, Service, Edge, Retry, Workload, Observability, Telemetry),
        *fault_kinds().own.values(),
        *action_kinds().own.values(),
    )
    for word, key in keys_of(cls).items()
} | {"observability": Observability}
#: The same for an environment, where a word may mean something else.
_CONCERNS: dict[str, type] = dict(Environment.by_service)
_ENVIRONMENT = {
    word: key.grammar.spec
    for keys in (keys_of(Environment), *map(keys_of, _CONCERNS.values()))
    for word, key in keys.items()
} | _CONCERNS
#: What an environment says of a service or of a kind of service.
_OF_SERVICE = re.compile(r"environment\.(\w+)\..+", re.ASCII)
_NAME = re.compile(r"[^.\[]+")
_INDEX = re.compile(r"\[?(\d{1,6})\]?(?=[.\[]|$)", re.ASCII)
_ARROW = re.compile(r"\s*->\s*")


def split(assignment: str) -> tuple[str, str]:
    """Split `PATH=VALUE` into path and value; ValueError if it has another form."""
    path, _, value = (part.strip() for part in assignment.partition("="))
    if not path or not value:
        raise ValueError("must be PATH=VALUE, as in services.database.replicas=3")
    return path, value


def side(path: str) -> str:
    """Return whether a path leads into the `topology` or the `scenario`; ValueError if it leads nowhere."""
    word = re.split(r"[.\[]", path)[0]
    if word not in _SIDES:
        raise ValueError(f"a path cannot begin with {shown(word)}{suggestion(word, _SIDES)}")
    return _SIDES[word]


def apply(text: str, path: str, value: str) -> str:
    """Return a document with the value at a path set.

    Missing blocks on the way are created, and a plain value that stands for a block becomes one: with `base` set,
    `retry: 3` is `retry: {max_attempts: 3, base: ...}`. Comments are lost; everything else stays as it was.

    Parameters
    ----------
    text
        A scenario or a topology.
    path
        Where to set the value. Names may have dots and spaces in them; the longest one that fits is taken.
    value
        The value, in YAML. The loader decides whether its key accepts it.

    Raises
    ------
    ValueError
        If the path leads nowhere, or the value is not YAML.
    topology.problems.DocumentError
        If the text is not YAML.
    """
    root = Document.parse(text, "text").root
    node, new = _find(root, path), _value(value)
    node.kind, node.text, node.quoted, node.items, node.entries = new.kind, new.text, new.quoted, new.items, new.entries
    return _dump(root)


def add(text: str, section: str, kind: str, keys: Mapping[str, Any]) -> str:
    """Return a scenario's text with one more item at the end of a list of causes; the loader decides whether it fits.

    `keys` has blocks and lists of plain values. Raises DocumentError if the text is not YAML.
    """
    root = Document.parse(text, "text").root
    root.entries.setdefault(section, Node("list", section, 0, 0)).items.append(_node({kind: keys}))
    return _dump(root)


def cleared(text: str, section: str) -> str:
    """Return a scenario's text with one of its lists of causes empty. Raises DocumentError if the text is not YAML."""
    root = Document.parse(text, "text").root
    root.entries.pop(section, None)
    return _dump(root)


def place(text: str, path: str) -> str:
    """Return a path as in the loader's messages, with faults by their position in the list. Raises as `apply`."""
    return _find(Document.parse(text, "text").root, path).path


def write_out(text: str, scenario: Scenario, mesh: Topology) -> str:
    """Return a scenario's text with draws and roles written out, so that a change elsewhere does not change them.

    Parameters
    ----------
    text
        The text; its lists keep their order.
    scenario
        What was loaded from it, at its own severity.
    mesh
        The mesh that it was loaded for.
    """
    document = Document.parse(text, "text")
    root, roles = document.root, RoleReader(document, mesh)
    for word in _CAUSES:
        listed = root.entries.setdefault(word, Node("list", word, 0, 0))
        listed.items = [named.item for item in listed.items for named in roles.named(item, LISTS[word])]
        for number, cause in enumerate(getattr(scenario, word)):
            if cause.id in scenario.drawn:
                keys = writing.block(cause)
                listed.items[number : number + 1] = [_node({keys.pop("kind"): keys})]
    return _dump(root)


def ids(text: str) -> list[str]:
    """Return the ids of the faults, background events and actions in a scenario's text."""
    return [id for id, _ in _by_id(Document.parse(text, "text").root)]


def _node(value: Any) -> Node:
    """Return the node of a value made of plain values, lists and blocks."""
    if isinstance(value, Mapping):
        return Node("map", "", 0, 0, entries={str(word): _node(each) for word, each in value.items()})
    if isinstance(value, list):
        return Node("list", "", 0, 0, items=[_node(each) for each in value])
    return Node("scalar", "", 0, 0, text=str(value).lower() if isinstance(value, bool) else str(value))


def below(path: str, other: str) -> bool:
    """Whether a path equals another, or continues it."""
    return not other or path == other or path.startswith((f"{other}.", f"{other}["))


def _value(text: str) -> Node:
    """Return the node of a value in YAML."""
    try:
        document = Document.parse(text, "value")
        document.check()
    except DocumentError as error:
        raise ValueError("; ".join(problem.message for problem in error.problems)) from None
    return document.root


# -- along a path --------------------------------------------------------------------------------------------------


def _find(root: Node, path: str) -> Node:
    """Return the node at a path; missing parts of the path are created."""
    node, rest = root, _ARROW.sub(" -> ", path)
    for _ in range(DEEPEST):
        if not rest:
            return node
        node, rest = _fault(root, node, rest) if node.path in _CAUSES else _step(node, rest)
    raise ValueError(f"nests deeper than {DEEPEST} levels")


def _step(node: Node, rest: str) -> tuple[Node, str]:
    """Return the next node on a path, and the rest of the path."""
    shorthand = node.kind == "list" and _shorthand(node) and not _INDEX.match(rest)
    if node.kind == "list" and not shorthand:
        return _item(node, rest)
    if node.kind != "map":
        _become_block(node, rest)
    spelt = {_ARROW.sub(" -> ", key): key for key in node.entries}
    name = max((name for name in spelt if below(rest, name) and name), key=len, default="")
    if name:
        return node.entries[spelt[name]], _after(rest, name)
    name = rest if node.path == "workload.mix" else _name(node, rest)
    more = _after(rest, name)
    if more:
        _refuse_unknown(node, name)
    node.entries[name] = made = Node("map", f"{node.path}.{name}" if node.path else name, 0, 0)
    return made, more


def _name(node: Node, rest: str) -> str:
    """Return the name of something new: everything up to the next dot or bracket."""
    match = _NAME.match(rest)
    if match is None:
        raise ValueError(f"{_called(node)} has no items" if rest.startswith("[") else "a name in the path is empty")
    return match[0]


def _after(rest: str, name: str) -> str:
    """Return what follows a name in a path."""
    more = rest[len(name) :]
    if more == ".":
        raise ValueError("a name in the path is empty")
    return more.removeprefix(".")


def _item(node: Node, rest: str) -> tuple[Node, str]:
    match = _INDEX.match(rest)
    if match is None:
        raise ValueError(f"{_called(node)} is a list: its items are {node.path}[0] and so on")
    if int(match[1]) >= len(node.items):
        raise ValueError(
            f"there is no {node.path}[{match[1]}]: it has {counted(len(node.items), 'item')}, counted from 0"
        )
    return node.items[int(match[1])], _after(rest, match[0])


def _fault(root: Node, node: Node, rest: str) -> tuple[Node, str]:
    """Return the block of the fault that a path names by its id, or by its position in the list."""
    known = {id: item for id, item in _by_id(root) if below(item.path, node.path)}
    name = max((id for id in known if below(rest, id)), key=len, default="")
    if name:
        item, rest = known[name], _after(rest, name)
    elif node.kind == "list" and _INDEX.match(rest):
        item, rest = _item(node, rest)
    else:
        word = rest.partition(".")[0]
        raise ValueError(f"there is no {node.path.removesuffix('s')} {shown(word)}{suggestion(word, known)}")
    # Paths in the loader's messages contain the kind.
    for kind, block in item.entries.items():
        return block, _after(rest, kind) if below(rest, kind) else rest
    raise ValueError(f"{item.path} is not a fault")


def _by_id(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield the items of the lists of causes, each with the id that the loader gives it."""
    count: Counter[str] = Counter()
    for word in _CAUSES:
        for item in root.entries[word].items if word in root.entries else ():
            for kind, block in item.entries.items():
                now = LISTS[word].renamed().get(kind, kind)
                count[now] += 1
                yield (block.entries["id"].text if "id" in block.entries else f"{kind}-{count[now]}"), item


def _become_block(node: Node, rest: str) -> None:
    """Turn a value that stands for a block, or for none, into a block."""
    value = replace(node)
    if node.is_none or node.is_empty:
        entries = {}
    elif shorthand := _shorthand(node):
        entries = {shorthand: value}
    elif below(rest, node.text):  # a call without keys of its own
        entries = {node.text: Node("map", f"{node.path}.{node.text}", 0, 0)}
    else:
        raise ValueError(f"{_called(node)} is {node}, not a block of keys")
    node.kind, node.entries = "map", entries


def _shorthand(node: Node) -> str | None:
    """Return the key that a plain value in place of a block stands for, by its position; None if there is none."""
    word = re.split(r"[.\[]", re.sub(r"\[\d+\]$", "", node.path))[-1]  # for a list item, the word of the list
    blocks = _ENVIRONMENT if node.path.startswith("environment.") else _BLOCKS
    kind = blocks.get(word) or DISTRIBUTIONS.get(word)
    if kind is None and (match := _OF_SERVICE.fullmatch(node.path)):
        kind = Environment.by_service.get(match[1])
    return None if kind is None else getattr(kind, "shorthand", None)


def _refuse_unknown(node: Node, name: str) -> None:
    """Raise ValueError if a path passes through a service or an operation that does not exist; nobody would call it."""
    for what, parent in (("service", r"services"), ("operation", r"services\.(?:(?!\.versions\.).)+\.operations")):
        if re.fullmatch(parent, node.path):
            raise ValueError(f"there is no {what} {shown(name)}{suggestion(name, node.entries)}")


def _called(node: Node) -> str:
    return node.path or "the document"


# -- writing -------------------------------------------------------------------------------------------------------


def _dump(root: Node) -> str:
    """Return the text of a document; every plain value is written plain, whatever YAML might take it for."""
    frame: tuple[Any, ...] = (yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False))
    ends: tuple[Any, ...] = (yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent())
    return str(yaml.emit([*frame, *_events(root), *ends], width=inf, allow_unicode=True))


def _events(node: Node) -> Iterator[Any]:
    if node.kind == "scalar":
        yield _scalar(node.text, node.quoted)
    elif node.kind == "list":
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
        for item in node.items:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for name, entry in node.entries.items():
            yield _scalar(name, quoted=name == "<<")  # unquoted, it is a merge key
            yield from _events(entry)
        yield yaml.MappingEndEvent()


def _scalar(text: str, quoted: bool) -> Any:
    return yaml.ScalarEvent(None, None, implicit=(True, True), value=text, style="'" if quoted else None)

"""Reads the lists of faults and of actions in a scenario file, checked against the mesh they play on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import MISSING, replace
from functools import partial
from typing import Any

from meshquake.faults.action import Action
from meshquake.faults.actions.mend import Mend
from meshquake.faults.draws import ANY, Draws
from meshquake.faults.fault import Cause, Extent, Fault, Target
from meshquake.faults.naming import FAULTS, LISTS, Words, named_of
from meshquake.faults.role_reader import Named, RoleReader
from meshquake.faults.scenario import Scenario
from meshquake.faults.targets import missing, read_target, unfit
from meshquake.topology.binder import ByHand, bind, keys_of, read
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.distributions import Distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key
from meshquake.topology.problems import suggestion
from meshquake.topology.shapes import shape
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration, shown


class CauseReader:
    """Reads the faults and the actions of a scenario whose other keys are known.

    Without a mesh, only the form of targets is checked. Those whose ids are in `without` are left out.

    Attributes
    ----------
    drawn
        Ids of those with something left to the seed.
    roles
        The roles given in place of targets, as written in the document, by the ids of the faults and actions.
    """

    def __init__(
        self, document: Document, scenario: Scenario, mesh: Topology | None, without: Collection[str] = ()
    ) -> None:
        self.drawn: list[str] = []
        self.roles: dict[str, str] = {}
        self._document = document
        self._scenario = scenario
        self._mesh = mesh
        self._without = without
        self._draws = Draws(document, scenario.seed, mesh)
        self._role_reader = RoleReader(document, mesh)
        #: The number of causes of each kind so far, and what each cause is and its line, by its id.
        self._count: Counter[str] = Counter()
        self._lines: dict[str, tuple[str, int]] = {}

    def faults(self, section: str) -> tuple[Fault, ...]:
        """Return the faults of one of the document's lists, without those that were refused."""
        return tuple(each for each in self._read(section) if isinstance(each, Fault))

    def actions(self) -> tuple[Action, ...]:
        """Return the actions of the document likewise, once its faults are read."""
        return tuple(each for each in self._read("actions") if isinstance(each, Action))

    def _read(self, section: str) -> list[Cause]:
        words = LISTS[section]
        node = self._document.root.entries.get(section)
        if node is None:
            return []
        if node.kind != "list":
            as_in = "`- slow: {target: ..., factor: 4}`" if words is FAULTS else "`- rollback: {target: ..., at: 60s}`"
            message = f"must be a list of {words.what}s, as in {as_in}, not {node}"
            self._document.error(node, message)
        found = [each for item in node.items for each in self._role_reader.named(item, words)]
        if node.items and not found:
            self._document.error(node, f"none of these {words.what}s finds anything in this mesh to act on")
        node.items = [each.item for each in found]
        return [cause for each in found if (cause := self._cause(each, words)) is not None]

    def _cause(self, read: Named, words: Words) -> Cause | None:
        item, refused = read.item, ("target",) if read.refused else ()
        if item.kind != "map" or len(item.entries) != 1:
            as_in = "slow" if words is FAULTS else "rollback"
            message = f"must be one kind of {words.what} and its keys, as in `{as_in}: {{...}}`, not {_found(item)}"
            self._document.error(item, message)
            return None
        ((word, block),) = item.entries.items()
        block = self._grouped(block)
        left_open = word == ANY and words is FAULTS
        kind: type[Cause] | None
        called = word
        if left_open:
            found = None if refused else self._draws.kind(block, item.path)
            if found is None:
                return None
            kind, block = found
            called = found[0].drawn_as()
        else:
            kind = named_of(words, self._document, block, word, (ANY,) if words is FAULTS else ())
            if kind is None:
                return None
        self._count[kind.kind] += 1
        called = f"{called}-{self._count[kind.kind]}"
        if (block.entries["id"].text if "id" in block.entries else called) in self._without:
            return None
        by_hand: ByHand = {
            "target": partial(self._target, kind),
            "at": partial(self._extent, negative=True),
            "for": self._extent,
            "ramp": self._extent,
            "shape": partial(shape, self._document),
            "targets": partial(self._targets, kind),
            **{word: partial(self._varying, key.grammar) for word, key in keys_of(kind).items() if key.grammar.varies},
        }
        drawn = self._draws.values(kind, block, item.path, by_hand, refused)
        block = drawn.block
        # What could not be found or drawn is known to be wrong, and is not checked again.
        own = {**kind.readers(self._document, block.entries), **dict.fromkeys(drawn.refused, _refused)}
        cause = bind(self._document, kind, block, {**by_hand, **own})
        if cause is None:
            return None
        cause = replace(cause, id=cause.id or called)
        if self._mesh is not None and not refused and not drawn.refused and not missing(cause.target, self._mesh):
            self._check(block, cause.problem(self._mesh))
        self._check_id(cause, block)
        self._check_window(cause, block)
        if isinstance(cause, Fault) and not left_open:
            # Authors who leave the kind to the seed cannot know which keys it uses.
            if cause.shape is not None and (problem := cause.misshapen(cause.shape)):
                self._document.error(block.entries["shape"], f"a {cause.kind} fault {problem}")
            self._check_use(cause, block)
        if isinstance(cause, Mend):
            self._check_mended(cause, block)
        if left_open or drawn.changed:
            self.drawn.append(cause.id)
        if read.role:
            self.roles[cause.id] = read.role
        return cause

    def _grouped(self, block: Node) -> Node:
        """Return a block whose first of `targets`, if it has any, is also its `target`."""
        targets = block.entries.get("targets")
        if targets is None:
            return block
        if "target" in block.entries:
            self._document.error(targets, "replaces target: give only one of the two")
        elif targets.kind != "list" or not targets.items:
            found = "an empty list" if targets.kind == "list" else str(targets)
            self._document.error(targets, f"must be a list of targets, not {found}")
            if targets.kind == "list":  # any target will do to check the rest
                targets = replace(targets, kind="scalar", text=ANY)
        else:
            return replace(block, entries={"target": targets.items[0], **block.entries})
        return replace(block, entries={"target": targets, **block.entries})

    def _targets(self, kind: type[Cause], node: Node) -> tuple[Target, ...] | None:
        if node.kind != "list":
            return None  # already reported
        if not kind.groups:
            self._document.error(node, f"a {kind.kind} {kind.what} acts on one target: write target")
            return None
        found = [self._target(kind, item) for item in node.items]
        targets = tuple(target for target in found if target is not None)
        if len(set(targets)) < len(targets):
            self._document.error(node, "must name each target only once")
        return targets if len(targets) == len(found) else None

    def _varying(self, grammar: Key, node: Node) -> float | Distribution | None:
        """Return a value, or a distribution of values."""
        if node.kind == "map":
            return distribution(self._document, node, grammar.unit)
        value: Any = read(self._document, grammar, node)
        return None if value is MISSING else float(value)

    def _target(self, kind: type[Cause], node: Node) -> Target | None:
        try:
            if node.kind != "scalar":
                raise ValueError(f"must be a target, a role or a list of these to choose from, not {node}")
            target = read_target(node.text, self._mesh)
        except ValueError as error:
            self._document.error(node, str(error))
            return None
        self._check(node, unfit(kind, target, self._mesh))
        return target

    def _extent(self, node: Node, negative: bool = False) -> Extent | None:
        try:
            if node.kind != "scalar":
                raise ValueError(f"must be a time, as in 30s, or a share of the incident, as in 50%, not {node}")
            return Extent.parse(node.text, negative)
        except ValueError as error:
            self._document.error(node, str(error))
            return None

    # -- what belongs together ---------------------------------------------------------------------------------------

    def _check(self, node: Node, problem: str) -> None:
        if problem:
            self._document.error(node, problem)

    def _check_id(self, cause: Cause, block: Node) -> None:
        """Report an id that another fault or action has."""
        if cause.id in self._lines:
            what, line = self._lines[cause.id]
            message = f"the {what} on line {line} is also called {shown(cause.id)}"
            self._document.error(block.entries.get("id", block), message)
        self._lines.setdefault(cause.id, (cause.what, block.key_line))

    def _check_mended(self, action: Mend, block: Node) -> None:
        """Report an action that mends a fault which neither exists nor is left out of the file."""
        ids = [id for id, (what, _) in self._lines.items() if what == Fault.what]
        if action.fault is not None and action.fault not in (*ids, *self._without):
            self._document.error(
                block.entries["fault"], f"there is no fault {shown(action.fault)}{suggestion(action.fault, ids)}"
            )

    def _check_window(self, cause: Cause, block: Node) -> None:
        """Report a fault or an action that acts outside the recording."""
        scenario, window = self._scenario, self._scenario.window(cause)
        if not scenario.holds(cause) or window.start >= scenario.length:
            begin, end = (_time(moment - scenario.lead_in) for moment in (window.start, window.end))
            acts = f"acts from {begin} to {end}" if cause.lasts else f"begins at {begin}"
            lengths = ", ".join(
                f"{word} {_time(getattr(scenario, word))}" for word in ("lead_in", "duration", "recovery")
            )
            message = f"{acts} of the incident, which is outside the recording ({lengths})"
            self._document.error(block, message)
        elif cause.lasts and window.end <= window.start:
            self._check(block.entries.get("for", block), "must be longer than 0")
        elif isinstance(cause, Fault) and cause.ramps and window.full > window.end + 1e-9:
            ramp, whole = _time(window.full - window.start), _time(window.end - window.start)
            self._check(
                block.entries.get("ramp", block), f"must be at most the {whole} for which the fault acts, not {ramp}"
            )

    def _check_use(self, fault: Fault, block: Node) -> None:
        """Warn about times that have no effect."""
        if not fault.ramps and fault.ramp != Fault.ramp:
            self._document.warn(
                block.entries["ramp"], f"a {fault.kind} fault has no ramp: it acts in full from its start"
            )
        if not fault.lasts and fault.for_ != Fault.for_:
            message = f"a {fault.kind} fault has no length: it acts until done, or permanently"
            self._document.warn(block.entries["for"], message)


def _refused(node: Node) -> None:
    """Skip a value that was already reported."""


def _found(node: Node) -> str:
    """Return what was found in place of a fault, for a message."""
    return f"{len(node.entries)} keys" if node.kind == "map" else str(node)


def _time(seconds: float) -> str:
    return duration(round(seconds, 3))

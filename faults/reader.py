"""Reads the lists of faults in a scenario file, checked against the mesh they play on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import MISSING, replace
from functools import partial
from typing import Any

from meshquake.faults.draws import ANY, Draws
from meshquake.faults.fault import Extent, Fault, Target
from meshquake.faults.naming import named
from meshquake.faults.role_reader import Named, RoleReader
from meshquake.faults.scenario import Scenario
from meshquake.faults.targets import missing, read_target, unfit
from meshquake.topology.binder import ByHand, bind, keys_of, read
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.distributions import Distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key
from meshquake.topology.shapes import shape
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration, shown


class FaultReader:
    """Reads the faults of a scenario whose other keys are known; without a mesh, targets are looked at by form only.

    Those whose ids are in `without` are left out.

    Attributes
    ----------
    drawn
        Ids of the faults of which something was left to the seed.
    roles
        The roles that stood in place of targets, as the document has them, by the ids of the faults.
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
        #: Faults of each kind so far, and the line in which each fault stands, by its id.
        self._count: Counter[str] = Counter()
        self._lines: dict[str, int] = {}

    def read(self, section: str) -> tuple[Fault, ...]:
        """The faults of one of the document's lists, without those that were refused."""
        node = self._document.root.entries.get(section)
        if node is None:
            return ()
        if node.kind != "list":
            message = f"must be a list of faults, as in `- slow: {{target: ..., factor: 4}}`, not {node}"
            self._document.error(node, message)
        found = [each for item in node.items for each in self._role_reader.named(item)]
        if node.items and not found:
            self._document.error(node, "none of these faults finds anything in this mesh to act on")
        node.items = [each.item for each in found]
        return tuple(fault for each in found if (fault := self._fault(each)) is not None)

    def _fault(self, read: Named) -> Fault | None:
        item, refused = read.item, ("target",) if read.refused else ()
        if item.kind != "map" or len(item.entries) != 1:
            self._document.error(
                item, f"must be one kind of fault and its keys, as in `slow: {{...}}`, not {_found(item)}"
            )
            return None
        ((word, block),) = item.entries.items()
        block = self._grouped(block)
        if word == ANY:
            found = None if refused else self._draws.kind(block, item.path)
        else:
            kind = named(self._document, block, word, (ANY,))
            found = None if kind is None else (kind, block)
        if found is None:
            return None
        kind, block = found
        self._count[kind.kind] += 1
        called = f"{kind.drawn_as() if word == ANY else word}-{self._count[kind.kind]}"
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
        # What could not be found or drawn is known to be wrong: it isn't looked at again.
        own = {**kind.readers(self._document, block.entries), **dict.fromkeys(drawn.refused, _refused)}
        fault = bind(self._document, kind, block, {**by_hand, **own})
        if fault is None:
            return None
        fault = replace(fault, id=fault.id or called)
        if self._mesh is not None and not refused and not drawn.refused and not missing(fault.target, self._mesh):
            self._check(block, fault.problem(self._mesh))
        self._check_id(fault, block)
        self._check_window(fault, block)
        if word != ANY and fault.shape is not None and (problem := fault.misshapen(fault.shape)):
            self._document.error(block.entries["shape"], f"a {fault.kind} fault {problem}")
        if word != ANY:  # who leaves the kind to the seed can't know what means something to it
            self._check_use(fault, block)
        if word == ANY or drawn.changed:
            self.drawn.append(fault.id)
        if read.role:
            self.roles[fault.id] = read.role
        return fault

    def _grouped(self, block: Node) -> Node:
        """A block whose `targets`, if it has any, have their first one for its `target`."""
        targets = block.entries.get("targets")
        if targets is None:
            return block
        if "target" in block.entries:
            self._document.error(targets, "stands in place of target: a fault has one of the two")
        elif targets.kind != "list" or not targets.items:
            found = "an empty list" if targets.kind == "list" else str(targets)
            self._document.error(targets, f"must be a list of targets, not {found}")
            if targets.kind == "list":  # any will do to look at the rest
                targets = replace(targets, kind="scalar", text=ANY)
        else:
            return replace(block, entries={"target": targets.items[0], **block.entries})
        return replace(block, entries={"target": targets, **block.entries})

    def _targets(self, kind: type[Fault], node: Node) -> tuple[Target, ...] | None:
        if node.kind != "list":
            return None  # which was reported
        if not kind.groups:
            self._document.error(node, f"a {kind.kind} fault acts on one target: write target")
            return None
        found = [self._target(kind, item) for item in node.items]
        targets = tuple(target for target in found if target is not None)
        if len(set(targets)) < len(targets):
            self._document.error(node, "must have each target once")
        return targets if len(targets) == len(found) else None

    def _varying(self, grammar: Key, node: Node) -> float | Distribution | None:
        """A value, or a distribution of values."""
        if node.kind == "map":
            return distribution(self._document, node, grammar.unit)
        value: Any = read(self._document, grammar, node)
        return None if value is MISSING else float(value)

    def _target(self, kind: type[Fault], node: Node) -> Target | None:
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

    def _check_id(self, fault: Fault, block: Node) -> None:
        """Each fault has an id of its own."""
        if fault.id in self._lines:
            message = f"the fault in line {self._lines[fault.id]} is also called {shown(fault.id)}"
            self._document.error(block.entries.get("id", block), message)
        self._lines.setdefault(fault.id, block.key_line)

    def _check_window(self, fault: Fault, block: Node) -> None:
        """Each fault acts inside the recording."""
        scenario, window = self._scenario, self._scenario.window(fault)
        if not scenario.holds(fault):
            begin, end = (_time(moment - scenario.lead_in) for moment in (window.start, window.end))
            acts = f"acts from {begin} to {end}" if fault.lasts else f"begins at {begin}"
            lengths = ", ".join(
                f"{word} {_time(getattr(scenario, word))}" for word in ("lead_in", "duration", "recovery")
            )
            message = f"{acts} of the incident, which is outside the recording ({lengths})"
            self._document.error(block, message)
        elif fault.lasts and window.end <= window.start:
            self._check(block.entries.get("for", block), "must be longer than 0")
        elif fault.ramps and window.full > window.end + 1e-9:
            ramp, whole = _time(window.full - window.start), _time(window.end - window.start)
            self._check(
                block.entries.get("ramp", block), f"its {ramp} are longer than the {whole} for which the fault acts"
            )

    def _check_use(self, fault: Fault, block: Node) -> None:
        """Each of its times means something."""
        if not fault.ramps and fault.ramp != Fault.ramp:
            self._document.warn(
                block.entries["ramp"], f"a {fault.kind} fault has no ramp: it acts in full from its start"
            )
        if not fault.lasts and fault.for_ != Fault.for_:
            message = f"a {fault.kind} fault has no length: it acts until done, or permanently"
            self._document.warn(block.entries["for"], message)


def _refused(node: Node) -> None:
    """Reads what was reported already."""


def _found(node: Node) -> str:
    """What stands in place of a fault."""
    return f"{len(node.entries)} keys" if node.kind == "map" else str(node)


def _time(seconds: float) -> str:
    return duration(round(seconds, 3))

"""Reads scenario files: YAML to a frozen `Scenario`, checked against the mesh it plays on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import topology.loader
from faults.fault import Extent, Fault, Target
from faults.kinds import fault_kinds
from faults.scenario import Scenario
from topology.binder import bind
from topology.document import Document, DocumentError, Node, Problem, suggestion
from topology.spec import Topology
from topology.units import duration, parse_duration, parse_ratio

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_EDGE = re.compile(r"\s*(\S+)\s*->\s*(\S+)\s*")
_REPLICA = re.compile(r"(.+)\[(\d{1,6})\]")


@dataclass(frozen=True)
class Options:
    """What a user may set from outside in place of what the scenario file says; None leaves it as it is.

    Times are in seconds, `rate` in requests a second; `severity` in (0, 1] multiplies that of every fault. `topology` is
    a file.
    """

    duration: float | None = None
    lead_in: float | None = None
    recovery: float | None = None
    rate: float | None = None
    severity: float = 1.0
    topology: str | Path | None = None


@dataclass(frozen=True)
class Loaded:
    """A scenario and the mesh it plays on, with the documents they were read from."""

    scenario: Scenario
    topology: Topology
    scenario_document: Document
    topology_document: Document

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in either file."""
        return (*self.topology_document.problems, *self.scenario_document.problems)


def shipped() -> dict[str, Path]:
    """The scenario files that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))}


def load(path: str | Path, options: Options = Options()) -> Loaded:
    """Read a scenario file, and the topology it plays on.

    Raises
    ------
    topology.document.DocumentError
        With everything that is wrong with either file, and with the options for them.
    """
    return _load(Document.read(path), Path(path).parent, options)


def parse(text: str, file: str, options: Options = Options(), folder: Path = Path()) -> Loaded:
    """Read a scenario from a text; `file` is its name in messages, and a topology's file is relative to `folder`."""
    return _load(Document.parse(text, file), folder, options)


def _load(document: Document, folder: Path, options: Options) -> Loaded:
    reader = _Reader(document)
    scenario = reader.scenario()
    problems: list[Problem] = []
    mesh: topology.loader.Loaded | None = None
    try:
        mesh = topology.loader.load(options.topology or reader.topology_file(scenario, folder))
    except DocumentError as error:
        problems += error.problems
    set_outside = {
        name: value
        for name in ("duration", "lead_in", "recovery", "rate")
        if (value := getattr(options, name)) is not None
    }
    scenario = replace(scenario, **set_outside)
    reader.check_windows(scenario)
    if mesh is not None:
        reader.check_targets(scenario, mesh.topology)
    if problems or any(not problem.warning for problem in document.problems):
        raise DocumentError([*document.problems, *problems])
    assert mesh is not None
    return Loaded(scenario.at_severity(options.severity), mesh.topology, document, mesh.document)


class _Reader:
    """Reads one document, remembering where each fault stood."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._nodes: dict[str, Node] = {}

    def scenario(self) -> Scenario:
        """The scenario, with what was refused left out."""
        read = bind(self.document, Scenario, self.document.root, {"faults": self._faults}, source=self.document.text)
        if read is None:
            return Scenario(name="", source=self.document.text)
        if not _NAME.fullmatch(read.name):
            self._refuse("name", f"must be letters, digits, `-` and `_`, as in my-outage, not {read.name!r}")
        return read

    def topology_file(self, scenario: Scenario, folder: Path) -> Path:
        """The file that the scenario's `topology` means."""
        meshes = topology.loader.shipped()
        if scenario.topology in meshes:
            return meshes[scenario.topology]
        path = folder / scenario.topology
        if not path.is_file():
            hint = suggestion(scenario.topology, list(meshes))
            self._refuse("topology", f"{scenario.topology!r} is neither a shipped mesh nor a file in {folder}{hint}")
            return meshes[topology.loader.DEFAULT]
        return path

    # -- faults ---------------------------------------------------------------------------------------------------

    def _faults(self, node: Node) -> tuple[Fault, ...]:
        if node.kind != "list":
            self.document.error(
                node, f"must be a list of faults, as in `- slow: {{target: ..., factor: 4}}`, not {node}"
            )
            return ()
        return tuple(fault for item in node.items if (fault := self._fault(item)) is not None)

    def _fault(self, node: Node) -> Fault | None:
        kinds = fault_kinds()
        if node.kind != "map" or len(node.entries) != 1:
            self.document.error(node, "must be one fault: its kind, and in a block its keys")
            return None
        ((word, block),) = node.entries.items()
        if word not in kinds:
            nearest = suggestion(word, list(kinds)) or f" (valid: {', '.join(kinds)})"
            self.document.error(block, f"unknown kind of fault {word!r}{nearest}", line=block.key_line)
            return None
        by_hand = {"target": self._target, "at": self._extent, "for": self._extent, "ramp": self._extent}
        fault = bind(self.document, kinds[word], block, by_hand)
        if fault is None:
            return None
        number = sum(other.startswith(word) for other in self._nodes) + 1
        fault = replace(fault, id=fault.id or f"{word}-{number}")
        if fault.id in self._nodes:
            self.document.error(block, f"a fault called {fault.id!r} stands at line {self._nodes[fault.id].key_line}")
        self._nodes[fault.id] = block
        return fault

    def _target(self, node: Node) -> Target | None:
        """A target by its form; whether the mesh has it is looked at later."""
        text = node.text.strip()
        if node.kind != "scalar" or not text:
            self.document.error(
                node, f"must be service, service[replica], service.operation, caller -> callee or users, not {node}"
            )
            return None
        if text == "users":
            return Target("users")
        if edge := _EDGE.fullmatch(text):
            return Target("edge", edge[1], callee=edge[2])
        if replica := _REPLICA.fullmatch(text):
            return Target("replica", replica[1], replica=int(replica[2]))
        service, dot, operation = text.partition(".")
        return Target("operation", service, operation=operation) if dot else Target("service", service)

    def _extent(self, node: Node) -> Extent | None:
        try:
            if node.kind != "scalar":
                raise ValueError(f"must be a time, as in 30s, or a share of the incident, as in 50%, not {node}")
            if node.text.endswith("%"):
                return Extent(share=parse_ratio(node.text))
            return Extent(seconds=parse_duration(node.text))
        except ValueError as error:
            self.document.error(node, f"{error}")
            return None

    # -- what belongs together ---------------------------------------------------------------------------------------

    def check_windows(self, scenario: Scenario) -> None:
        """Each fault acts inside the recording."""
        for fault in scenario.faults:
            window = scenario.window(fault)
            node = self._nodes[fault.id]
            if window.start < 0 or window.end > scenario.length + 1e-9:
                self.document.error(
                    node,
                    f"acts from {_time(window.start - scenario.lead_in)} to {_time(window.end - scenario.lead_in)} of the "
                    f"incident, but the recording ends at {_time(scenario.length - scenario.lead_in)} "
                    f"(duration {_time(scenario.duration)} + recovery {_time(scenario.recovery)})",
                )
            elif window.end <= window.start:
                self.document.error(self._at(node, "for"), "must be longer than 0")
            elif window.full > window.end:
                self.document.error(
                    self._at(node, "ramp"),
                    f"its ramp of {_time(window.full - window.start)} is longer than the {_time(window.end - window.start)} for "
                    "which it acts",
                )

    def check_targets(self, scenario: Scenario, mesh: Topology) -> None:
        """Each target exists, and is of a level on which such a fault can act."""
        for fault in scenario.faults:
            problem = _missing(fault.target, mesh) or fault.misfit(mesh)
            if not problem and fault.target.level not in fault.levels:
                problem = f"a {fault.kind} fault acts on {_one_of(fault.levels)}, and {fault.target} is {_LEVELS[fault.target.level]}"
            if problem:
                self.document.error(self._at(self._nodes[fault.id], "target"), problem)

    def _at(self, node: Node, word: str) -> Node:
        return node.entries.get(word, node)

    def _refuse(self, path: str, message: str) -> None:
        self.document.error(self.document.find(path), message)


#: What a target of each level is called.
_LEVELS = {
    "service": "a service",
    "replica": "a replica (service[0])",
    "operation": "an operation (service.operation)",
    "edge": "an edge (caller -> callee)",
    "users": "users",
}


def _one_of(levels: tuple[str, ...]) -> str:
    return " or ".join(_LEVELS[level] for level in levels)


def _time(seconds: float) -> str:
    return duration(round(seconds, 3))


def _missing(target: Target, mesh: Topology) -> str:
    """Why the mesh has no such target; empty if it has."""
    if target.level == "users":
        return ""
    names = [service.name for service in mesh.services]
    for name in (target.service, target.callee):
        if name is not None and name not in names:
            return f"unknown service {name!r}{suggestion(name, names)}"
    service = mesh.service(target.service)
    if target.replica is not None and target.replica >= service.replicas:
        return f"{service.name} has {service.replicas} replicas: the last is {service.name}[{service.replicas - 1}]"
    operations: list[Any] = [operation.name for operation in service.operations]
    if target.operation is not None and target.operation not in operations:
        return f"{service.name} has no operation {target.operation!r}{suggestion(target.operation, operations)}"
    callees = [edge.callee for edge in mesh.edges if edge.caller == service.name]
    if target.callee is not None and target.callee not in callees:
        return f"{service.name} doesn't call {target.callee}; it calls {', '.join(callees) or 'nobody'}"
    return ""

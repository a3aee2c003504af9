"""Reads scenario files: YAML to a frozen `Scenario`, checked against the mesh it plays on."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import partial
from math import inf
from pathlib import Path

import topology.loader
import topology.review
from faults.fault import Extent, Fault, Target
from faults.kinds import fault_kinds
from faults.scenario import Scenario
from topology.binder import ByHand, bind, keys_of, settings
from topology.document import Document, DocumentError, Node, Problem, suggestion
from topology.keys import Key
from topology.spec import Topology
from topology.units import duration, parse_duration, parse_ratio, ratio, shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REPLICA = re.compile(r"(.+)\[(\d{1,6})\]")
#: No time of a fault is longer than this: a year in seconds, and a hundred times the incident.
_LONGEST, _LARGEST = 366 * 86400.0, 100.0


@dataclass(frozen=True)
class Options:
    """What a user may set from outside in place of what the scenario file says; None leaves it as it is.

    Times are in seconds, `rate` in requests a second; `severity` in (0, 1] multiplies that of every fault. `topology`
    is a file, or the name of a shipped mesh. ValueError for a number out of its bounds.
    """

    duration: float | None = None
    lead_in: float | None = None
    recovery: float | None = None
    rate: float | None = None
    severity: float = 1.0
    topology: str | Path | None = None

    def __post_init__(self) -> None:
        bounds = keys_of(Scenario) | {"severity": keys_of(Fault)["severity"]}
        for name in ("duration", "lead_in", "recovery", "rate", "severity"):
            value = getattr(self, name)
            if value is not None:
                _refuse_outside(name, bounds[name].grammar, value)

    def over(self, scenario: Scenario) -> Scenario:
        """A scenario with what is set here in place of its own; severity apart."""
        own = {field.name for field in fields(scenario)} - {"topology"}
        return replace(
            scenario, **{name: value for name, value in vars(self).items() if name in own and value is not None}
        )


def _refuse_outside(name: str, grammar: Key, value: float) -> None:
    low, high = grammar.low or 0.0, inf if grammar.high is None else grammar.high
    if not (low < value if grammar.above else low <= value) or not value <= high:
        least = f"more than {low:g}" if grammar.above else f"at least {low:g}"
        raise ValueError(f"{name} must be {least} and at most {high:g}, not {value}")


@dataclass(frozen=True)
class Loaded:
    """A scenario and the mesh it plays on, with the documents they were read from."""

    scenario: Scenario
    topology: Topology
    scenario_document: Document
    topology_document: Document

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in either file, except in a mesh that comes with the package: it's odd on purpose."""
        odd: list[Problem] = []
        if Path(self.topology_document.file).resolve() not in topology.loader.shipped().values():
            odd += topology.review.remarks(topology.loader.Loaded(self.topology, self.topology_document))
        return (*odd, *self.scenario_document.problems)


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
    scenario = options.over(_header(document))
    mesh: topology.loader.Loaded | None = None
    elsewhere: tuple[Problem, ...] = ()
    try:
        path = _chosen(options.topology) or _named(document, scenario.topology, folder)
        mesh = None if path is None else topology.loader.load(path)
    except DocumentError as error:
        elsewhere = error.problems
    faults = _Faults(document, scenario, None if mesh is None else mesh.topology).read()
    if mesh is None or any(not problem.warning for problem in document.problems):
        raise DocumentError([*document.problems, *elsewhere])
    scenario = replace(scenario, faults=faults).at_severity(options.severity)
    return Loaded(scenario, mesh.topology, document, mesh.document)


def _header(document: Document) -> Scenario:
    """The scenario without its faults, and with defaults in place of what was refused."""
    values = settings(document, Scenario, document.root, also=("faults",))
    if not _NAME.fullmatch(values.setdefault("name", "unnamed")):
        message = f"must be letters, digits, `-` and `_`, as in my-outage, not {shown(values['name'])}"
        document.error(document.find("name"), message)
    return Scenario(**values, source=document.text)


def _chosen(named: str | Path | None) -> Path | None:
    """The file that the option `topology` means."""
    return None if named is None else topology.loader.shipped().get(str(named), Path(named))


def _named(document: Document, named: str, folder: Path) -> Path | None:
    """The file that the key `topology` means; None, and an error, if there is none."""
    meshes = topology.loader.shipped()
    if named in meshes:
        return meshes[named]
    path = folder / named
    try:
        found = path.is_file()
    except OSError:  # the name is too long to be one
        found = False
    if not found:
        message = f"{shown(named)} is neither a shipped mesh nor a file in {folder}{suggestion(named, list(meshes))}"
        document.error(document.find("topology"), message)
    return path if found else None


class _Faults:
    """Reads the faults of a scenario whose other keys are known; without a mesh, targets are looked at by form only."""

    def __init__(self, document: Document, scenario: Scenario, mesh: Topology | None) -> None:
        self._document = document
        self._scenario = scenario
        self._mesh = mesh
        #: Faults of each kind so far, and the line in which each fault stands, by its id.
        self._count: Counter[str] = Counter()
        self._lines: dict[str, int] = {}

    def read(self) -> tuple[Fault, ...]:
        """The faults, without those that were refused."""
        node = self._document.root.entries.get("faults")
        if node is None:
            return ()
        if node.kind != "list":
            message = f"must be a list of faults, as in `- slow: {{target: ..., factor: 4}}`, not {node}"
            self._document.error(node, message)
        return tuple(fault for item in node.items if (fault := self._fault(item)) is not None)

    def _fault(self, node: Node) -> Fault | None:
        if node.kind != "map" or len(node.entries) != 1:
            self._document.error(
                node, f"must be one kind of fault and its keys, as in `slow: {{...}}`, not {_found(node)}"
            )
            return None
        ((word, block),) = node.entries.items()
        kind = fault_kinds().get(word)
        if kind is None:
            message = f"unknown kind of fault {shown(word)}{suggestion(word, list(fault_kinds()))}"
            self._document.error(block, message, line=block.key_line)
            return None
        self._count[word] += 1
        by_hand: ByHand = {
            "target": partial(self._target, kind),
            "at": partial(self._extent, negative=True),
            "for": self._extent,
            "ramp": self._extent,
        }
        fault = bind(self._document, kind, block, by_hand)
        if fault is None:
            return None
        fault = replace(fault, id=fault.id or f"{word}-{self._count[word]}")
        self._check_id(fault, block)
        self._check_window(fault, block)
        if self._mesh is not None and not self._unfit(kind, fault.target):
            self._check(block.entries["target"], fault.misfit(self._mesh))
        return fault

    def _target(self, kind: type[Fault], node: Node) -> Target | None:
        target = _target(node.text.strip()) if node.kind == "scalar" else None
        if target is None:
            message = f"must be service, service[0], service.operation, caller -> callee or users, not {node}"
            self._document.error(node, message)
            return None
        self._check(node, self._unfit(kind, target))
        return target

    def _extent(self, node: Node, negative: bool = False) -> Extent | None:
        try:
            if node.kind != "scalar":
                raise ValueError(f"must be a time, as in 30s, or a share of the incident, as in 50%, not {node}")
            share = parse_ratio(node.text) if node.text.endswith("%") else 0.0
            seconds = 0.0 if node.text.endswith("%") else parse_duration(node.text)
            if min(share, seconds) < 0 and not negative:
                raise ValueError(f"must be at least 0, not {node.text}")
            if abs(share) > _LARGEST or abs(seconds) > _LONGEST:
                raise ValueError(f"must be at most {ratio(_LARGEST)} or {duration(_LONGEST)}, not {node.text}")
            return Extent(seconds, share)
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
            message = f"the fault in line {self._lines[fault.id]} is called {shown(fault.id)} too"
            self._document.error(block.entries.get("id", block), message)
        self._lines.setdefault(fault.id, block.key_line)

    def _check_window(self, fault: Fault, block: Node) -> None:
        """Each fault acts inside the recording."""
        scenario, window = self._scenario, self._scenario.window(fault)
        if window.start < -1e-9 or window.end > scenario.length + 1e-9:
            acts = f"acts from {_time(window.start - scenario.lead_in)} to {_time(window.end - scenario.lead_in)}"
            lengths = ", ".join(
                f"{word} {_time(getattr(scenario, word))}" for word in ("lead_in", "duration", "recovery")
            )
            message = f"{acts} of the incident, which is outside the recording ({lengths})"
            self._document.error(block, message)
        elif window.end <= window.start:
            self._check(block.entries.get("for", block), "must be longer than 0")
        elif window.full > window.end + 1e-9:
            ramp, whole = _time(window.full - window.start), _time(window.end - window.start)
            self._check(
                block.entries.get("ramp", block), f"its {ramp} are longer than the {whole} for which the fault acts"
            )

    def _unfit(self, kind: type[Fault], target: Target) -> str:
        """Why faults of a kind can't act on a target; empty if they can, as far as one can tell without the rest."""
        problem = _missing(target, self._mesh) if self._mesh is not None else ""
        if not problem and target.level not in kind.levels:
            problem = f"a {kind.kind} fault acts on {_one_of(kind.levels)}; {target} is {_LEVELS[target.level]}"
        return problem


#: What a target of each level is called.
_LEVELS = {
    "service": "a service",
    "replica": "a replica (service[0])",
    "operation": "an operation (service.operation)",
    "edge": "an edge (caller -> callee)",
    "users": "all users (users)",
}


def _one_of(levels: tuple[str, ...]) -> str:
    return " or ".join(_LEVELS[level] for level in levels)


def _found(node: Node) -> str:
    """What stands in place of a fault."""
    return f"{len(node.entries)} keys" if node.kind == "map" else str(node)


def _time(seconds: float) -> str:
    return duration(round(seconds, 3))


def _target(text: str) -> Target | None:
    """A target by its form; None if it has none."""
    caller, arrow, callee = (part.strip() for part in text.partition("->"))
    if arrow:
        return Target("edge", caller, callee=callee) if caller and callee else None
    if text == "users":
        return Target("users")
    if replica := _REPLICA.fullmatch(text):
        return Target("replica", replica[1], replica=int(replica[2]))
    service, dot, operation = text.partition(".")
    if dot:
        return Target("operation", service, operation=operation)
    return Target("service", service) if service else None


def _missing(target: Target, mesh: Topology) -> str:
    """Why the mesh has no such target; empty if it has."""
    if target.level == "users":
        return ""
    names = [service.name for service in mesh.services]
    for name in (target.service, target.callee):
        if name is not None and name not in names:
            return f"unknown service {shown(name)}{suggestion(name, names)}"
    service = mesh.service(target.service)
    if target.replica is not None and target.replica >= service.replicas:
        return f"the last replica of {service.name} is {service.name}[{service.replicas - 1}]"
    operations = [operation.name for operation in service.operations]
    if target.operation is not None and target.operation not in operations:
        return f"{service.name} has no operation {shown(target.operation)}{suggestion(target.operation, operations)}"
    callees = [edge.callee for edge in mesh.edges if edge.caller == service.name]
    if target.callee is not None and target.callee not in callees:
        return f"{service.name} doesn't call {target.callee}; it calls {', '.join(callees) or 'nobody'}"
    return ""

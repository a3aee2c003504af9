"""Reads a topology file: services, the calls between their operations, the policies of each edge, the users.

The grammar of a block is declared by its type, here and in `topology.spec`, `topology.policies` and
`topology.distributions`. What this file adds is what spans blocks: names that must exist, defaults that lie under the
edges, calls that must come to an end. `docs/topology.md` tells it to those who write such files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from functools import partial, reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

from meshquake.topology.binder import ByHand, Settings, bind, block, build, overlay, read, settings
from meshquake.topology.counts import count
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.graph import MOST_UNROLLED, cycles, depths, name_of, operation_graph, sites_per_entry
from meshquake.topology.keys import Key, key
from meshquake.topology.naming import goes_on, parts
from meshquake.topology.plugins import offered
from meshquake.topology.policies import ADDED
from meshquake.topology.population_loader import PopulationLoader
from meshquake.topology.problems import suggestion
from meshquake.topology.replay import Replay
from meshquake.topology.rollout import ROLLING
from meshquake.topology.spec import (
    LOGS,
    SERVICE_KINDS,
    Branch,
    Call,
    Edge,
    Entry,
    Group,
    Operation,
    Room,
    Sequence,
    Service,
    Topology,
    Version,
    Work,
    Workload,
)
from meshquake.topology.units import number, shown
from meshquake.topology.users import USUAL, Population

#: The mesh that is used when none is named.
DEFAULT = "ten-services"

#: Call sites in the tree that grows from one entry; a run keeps every one of them in memory.
MOST_SITES = 200_000
#: Replicas of all services, and edges that each of them has to the services it calls: each of these is kept in memory.
MOST_PARTS = 200_000
#: Calls in a row, each made by the one before it: their attempts are digits of one 64-bit number (`sim.engine`).
DEEPEST_CALLS = 15

#: As real systems call them. With up to seven dots, neither side by side nor at the end.
SERVICE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,62}){0,7}", re.ASCII)
#: The longest: what Kubernetes lets a label have.
LONGEST_NAME = 63
#: Whatever real systems call them, but for what targets, edges and paths are written with: `[0]`, `->`, `=`.
_SIGNS = "A-Za-z0-9_./{}:*?&$@(),+~'!%#-"
OPERATION_NAME = re.compile(rf"[{_SIGNS}](?:[ {_SIGNS}]{{0,98}}[{_SIGNS}])?", re.ASCII)
#: The methods of HTTP (RFC 9110, RFC 5789), and a path that may have parameters.
ROUTE = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /\S{0,200}", re.ASCII)
RPC = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_]{1,100}", re.ASCII)
SYSTEM = re.compile(r"[a-z][a-z0-9_.]{0,62}", re.ASCII)
#: What an operation may say of how it's asked, and kinds of services of which it may.
PROTOCOLS = {
    "route": ("gateway", "service", "external"),
    "rpc": ("gateway", "service", "external"),
    "statement": ("database",),
    "command": ("database", "cache"),
}
_EDGE_NAME = re.compile(r"(\S+)\s*->\s*(\S+)")
#: What faults call the workload, so no service can be called that.
USERS = "users"
#: Keys that a call has not if it's made when another misses or fails.
NOT_ON_MISS = ("probability", "times", "at_once", "on_miss", "on_failure", "depth")
#: In place of a call: own work.
WORK = "work"

#: A section that a file leaves out.
_ABSENT = Node("map", "", 0, 0)
#: Weight of an entry operation.
WEIGHT = Key("ratio", "share of the whole, beside the other weights", low=0, high=1e9)


@dataclass(frozen=True)
class MeshFile:
    """The keys at the top of a topology file."""

    name: str = key("text", "name of the mesh")
    services: Any = key("other", "the services, by name")
    workload: Any = key("other", "the users, and what they request")
    defaults: Any = key("other", "defaults for services and edges", None)
    edges: Any = key("other", "policies of individual edges, by `caller -> callee`", None)
    cluster: Room | None = key("spec", "what the cluster has for all replicas (default: enough)", None, spec=Room)


@dataclass(frozen=True)
class Defaults:
    """What lies under the services and edges of a file."""

    service: Any = key("other", "keys for every service", None)
    edge: Any = key("other", "keys for every edge", None)
    edges_from: Any = key(
        "other", "keys for the edges from a kind of service or from one service, by kind or name", None
    )
    edges_to: Any = key("other", "keys for the edges to a kind of service or to one service, by kind or name", None)


@dataclass(frozen=True)
class LoadedTopology:
    """A topology, and the document it was read from, to which further remarks can be added by path."""

    topology: Topology
    document: Document


def load(path: str | Path) -> LoadedTopology:
    """Read a topology file.

    Raises
    ------
    topology.problems.DocumentError
        With everything that is wrong with the file.
    """
    return _load(Document.read(path), Path(path).parent, {})


def parse(
    text: str, file: str, folder: Path = Path(), replayed: Mapping[str, Replay] = MappingProxyType({})
) -> LoadedTopology:
    """Read a topology from a text; raises as `load`.

    Parameters
    ----------
    text, file
        The text, and its name in messages.
    folder
        Files of requests are relative to it.
    replayed
        Those that were looked through before, by what the text calls them: they are not read.
    """
    return _load(Document.parse(text, file), folder, replayed)


def shipped() -> dict[str, Path]:
    """The topology files that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "meshes").glob("*.yaml"))}


def named(mesh: str | Path) -> Path:
    """The file of a shipped mesh that is called so; else it's a file itself."""
    return shipped().get(str(mesh), Path(mesh))


def _load(document: Document, folder: Path, replayed: Mapping[str, Replay]) -> LoadedTopology:
    reader = _Reader(document, folder, replayed)
    topology = reader.topology()
    reader.refuse_cycles(topology)
    document.check()
    reader.refuse_giants(topology)
    document.check()
    return LoadedTopology(topology, document)


def _folded(name: str) -> str:
    """A service's name in formats that know neither case nor underscores."""
    return name.lower().replace("_", "-")


@dataclass(frozen=True)
class _WrittenCall:
    """A call and its place in the file."""

    service: str
    operation: str
    call: Call
    node: Node

    @property
    def caller(self) -> str:
        return f"{self.service}.{self.operation}"


class _Reader:
    """Reads a document from top to bottom, keeping what later parts refer to."""

    def __init__(self, document: Document, folder: Path, replayed: Mapping[str, Replay]) -> None:
        self.document = document
        self.folder = folder
        self.replayed = replayed
        #: The calls of all operations, in file order.
        self.calls: list[_WrittenCall] = []
        #: Operations by service.
        self.known: dict[str, dict[str, None]] = {}
        #: The names of all services, those too that have not been read yet.
        self.names: dict[str, None] = {}
        #: The kind of each service, of those too that are refused for another reason.
        self.kinds: dict[str, str] = {}

    def topology(self) -> Topology:
        """The topology, as far as it could be read: it's whole if the document has no errors."""
        sections: dict[str, Any] = settings(
            self.document,
            MeshFile,
            self.document.root,
            dict.fromkeys(("services", "workload", "defaults", "edges"), lambda node: node),
        )
        services_node = sections.get("services", _ABSENT)
        if not services_node.entries:
            # All the rest names services: without any, each name would be one more error.
            self._services(services_node, {})
            self.document.check()
        # The order is ours, not the file's: defaults lie under services, and the rest speaks of services by name.
        defaults = self._defaults(sections.get("defaults", _ABSENT), list(services_node.entries))
        services = self._services(services_node, defaults.get("service", {}))
        self.calls = [one for one in self.calls if self._exists(one.node, one.call.service, one.call.operation)]
        edges = self._edges(sections.get("edges", _ABSENT), defaults)
        workload = self._workload(sections["workload"], services) if "workload" in sections else Workload()
        room = build(Room, sections["cluster"]) if "cluster" in sections else None
        if room is not None:
            self._check_room(room, services)
        return Topology(sections.get("name", ""), services, edges, workload, room, source=self.document.text)

    # -- services ------------------------------------------------------------------------------------------------

    def _defaults(self, node: Node, service_names: list[str]) -> Settings:
        ends = dict.fromkeys((*SERVICE_KINDS, *service_names))

        def by_end(node: Node) -> dict[str, Settings]:
            layers: dict[str, Settings] = {}
            for name, entry in block(self.document, node).items():
                if name not in ends:
                    message = f"{shown(name)} is neither a kind of service nor a service{suggestion(name, ends)}"
                    self.document.error(entry, message)
                layers[name] = self._edge(entry)
            return layers

        by_hand: ByHand = {
            "service": partial(settings, self.document, Service, by_hand={"logs": self._logs}),
            "edge": self._edge,
            "edges_from": by_end,
            "edges_to": by_end,
        }
        return settings(self.document, Defaults, node, by_hand)

    def _services(self, node: Node, defaults: Settings) -> tuple[Service, ...]:
        services = []
        entries = block(self.document, node)
        self.names = dict.fromkeys(entries)
        if node.kind == "map" and not entries and node is not _ABSENT:
            self.document.error(node, "needs at least one service")
        for name, entry in entries.items():
            self._check_name(name, entry)
            self.known[name] = {}
            by_hand: ByHand = {
                "operations": partial(self._operations, name),
                "versions": lambda node: node,
                "logs": self._logs,
                "system": partial(self._matching, SYSTEM, "lower-case letters, digits, dots and underscores"),
            }
            found = settings(self.document, Service, entry, by_hand)
            versions = found.pop("versions", None)
            whole = overlay(Service, defaults, found)
            self.kinds[name] = whole.get("kind", Service.kind)
            service = build(Service, whole, name=name)
            if service is not None:
                self._check_protocols(service, entry)
                self._check_cores(service, entry)
                self._check_scaling(service, entry, versions)
                self._check_rollout(service, entry)
                services.append(service if versions is None else self._versioned(service, versions))
        return tuple(services)

    def _check_name(self, name: str, node: Node) -> None:
        """An error for a service that cannot be called so, at all or beside those above it."""
        refused = f"a service cannot be called {shown(name)}"
        if name == USERS or goes_on(name, USERS):
            self.document.error(node, f"{refused}: that is what faults call the workload")
        elif not SERVICE_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            rule = f"up to {LONGEST_NAME} letters, digits, hyphens, underscores and single dots, a letter first"
            self.document.error(node, f"{refused}: use {rule} (any other name can be its display_name)")
        for other in self.known:
            if _folded(other) == _folded(name):
                rule = "names must differ in more than case and underscores, which some formats do not tell apart"
            elif goes_on(name, other) or goes_on(other, name):
                rule = "one of them could as well be an operation of the other (give it a hyphen, and a display_name)"
            else:
                continue
            self.document.error(node, f"{refused} beside {shown(other)}: {rule}")
            return

    def _matching(self, pattern: re.Pattern[str], rule: str, node: Node) -> str | None:
        """A text of a pattern; None, and an error, if it's no such text."""
        if node.kind == "scalar" and pattern.fullmatch(node.text):
            return node.text
        self.document.error(node, f"must be {rule}, not {node}")
        return None

    def _check_protocols(self, service: Service, node: Node) -> None:
        """An error for each operation that is asked in two ways, or in one that its kind of service is not."""
        for operation in service.operations:
            given = [word for word in PROTOCOLS if getattr(operation, word)]
            place = self.document.find(f"{node.path}.operations.{operation.name}")
            if len(given) > 1:
                self.document.error(place, f"may have one of {' and '.join(given)}, not both")
            for word in given:
                if service.kind not in PROTOCOLS[word]:
                    message = f"is not for a service of kind {service.kind} (for: {', '.join(PROTOCOLS[word])})"
                    self.document.error(place.entries.get(word, place), message)
        if service.system and service.kind not in ("database", "cache"):
            self.document.error(node.entries.get("system", node), "is for a database or a cache")

    def _check_cores(self, service: Service, node: Node) -> None:
        """Work can run to its end on whole cores only."""
        if service.cpu.scheduling == "fifo" and service.cores % 1:
            where = node.entries.get("cpu", node)
            cores = number(service.cores)
            self.document.error(where, f"fifo needs whole cores, not {cores}: say quota (the default there) or fair")

    def _check_scaling(self, service: Service, node: Node, versions: Node | None) -> None:
        """An error for an autoscaler that cannot do its work."""
        if service.autoscale is None:
            return
        node = node.entries.get("autoscale", node)
        if service.autoscale.minimum > service.autoscale.maximum:
            least, most = service.autoscale.minimum, service.autoscale.maximum
            self.document.error(node, f"has a minimum of {least} and a maximum of {most}: the maximum cannot be less")
        if service.autoscale.cpu is None and service.autoscale.requests is None:
            self.document.error(node, "needs a target: cpu or requests")
        if versions is not None:
            self.document.error(node, "scales a service that has one version; this one has several side by side")

    def _check_rollout(self, service: Service, node: Node) -> None:
        """An error for a rollout that could replace nothing (Kubernetes' `ValidateRollingUpdateDeployment`)."""
        rollout = service.rollout
        if rollout.strategy == ROLLING and not any(
            portion.count or portion.share for portion in (rollout.max_surge, rollout.max_unavailable)
        ):
            message = "has a max_surge and a max_unavailable of 0, so nothing can be replaced: give one of them more"
            self.document.error(node.entries.get("rollout", node), message)

    def _check_room(self, room: Room, services: tuple[Service, ...]) -> None:
        """An error if the replicas that there are at first don't fit."""
        taken = sum(service.replicas * service.cores for service in services)
        if taken > room.cores + 1e-9:
            message = f"has room for {number(room.cores)} of the {number(taken)} cores that its replicas have at first"
            self.document.error(self.document.find("cluster"), message)

    def _versioned(self, service: Service, node: Node) -> Service:
        """A service with versions: its replicas are all of theirs."""
        versions = []
        for name, entry in block(self.document, node).items():
            by_hand: ByHand = {"operations": partial(self._overridden, service)}
            found = {"replicas": service.replicas} | settings(self.document, Version, entry, by_hand)
            version = build(Version, found, name=name)
            if version is not None:
                versions.append(version)
        weights = [version.weight for version in versions if version.weight is not None]
        if node.kind == "map" and not node.entries:
            self.document.error(node, "needs at least one version")
        if weights and len(weights) < len(versions):
            self.document.error(node, "gives a weight to some versions only: give one to each, or to none")
        elif weights and not any(weights):
            self.document.error(node, "needs a version with a weight of more than 0")
        total = sum(version.replicas for version in versions)
        return replace(service, versions=tuple(versions), replicas=total or service.replicas)

    def _overridden(self, service: Service, node: Node) -> tuple[Operation, ...]:
        """The operations of a version, each of which the service has."""
        known = self.known[service.name]
        for name, entry in block(self.document, node).items():
            if name not in known:
                hint = suggestion(name, known)
                self.document.error(
                    entry, f"{service.name} has no operation {shown(name)}{hint}: its versions have all it has"
                )
        had = dict(known)
        operations = self._operations(service.name, node)
        self.known[service.name] = had
        return operations

    def _logs(self, node: Node) -> str | None:
        """The catalogue that a text names; None, and an error, if no installed package has it."""
        known = offered(LOGS)
        if node.text in known:
            return node.text
        self.document.error(node, f"no installed package has a catalogue of logs {node}{suggestion(node.text, known)}")
        return None

    def _operations(self, service: str, node: Node) -> tuple[Operation, ...]:
        operations = []
        for name, entry in block(self.document, node).items():
            if not OPERATION_NAME.fullmatch(name):
                rule = (
                    "use up to 100 letters, digits, spaces and signs, but none of = [ ] < >, bars and quotation marks"
                )
                self.document.error(entry, f"an operation cannot be called {shown(name)}: {rule}")
            self.known[service][name] = None
            by_hand: ByHand = {
                "work": partial(distribution, self.document),
                "calls": partial(self._steps, service, name),
                "route": partial(self._matching, ROUTE, "a method and a path, as in GET /api/products/{id}"),
                "rpc": partial(self._matching, RPC, "a service and a method, as in shop.CartService/GetCart"),
            }
            operation = bind(self.document, Operation, entry, by_hand, name=name)
            if operation is not None:
                operations.append(operation)
        return tuple(operations)

    # -- calls ----------------------------------------------------------------------------------------------------

    def _steps(self, service: str, operation: str, node: Node) -> tuple[Group, ...]:
        """Steps one after another: in a list of them, a list holds what is begun at once, and a list in that, steps."""
        steps = []
        for step in node.items if node.kind == "list" else [node]:
            together = step.items if step.kind == "list" else [step]
            if not together:
                self.document.error(step, "must have at least one call")
            branches = [self._branch(service, operation, item) for item in together]
            steps.append(tuple(branch for branch in branches if branch is not None))
        return tuple(steps)

    def _branch(self, service: str, operation: str, node: Node) -> Branch | None:
        """What stands at one place of a group."""
        if node.kind == "list":
            if not node.items:
                self.document.error(node, "must have at least one call")
            return Sequence(self._steps(service, operation, node))
        if node.entries.keys() == {WORK}:
            time = distribution(self.document, node.entries[WORK])
            return None if time is None else Work(time)
        return self._call(service, operation, node)

    def _call(self, service: str, operation: str, node: Node, on_miss: bool = False) -> Call | None:
        """A call: `service.operation`, alone or with keys of its own. `on_miss` says that it's made on a miss."""
        document = self.document
        if node.kind == "list":
            document.error(node, "must be a call, not a list")
            return None
        if node.kind == "scalar":
            target, keys = node.text, None
        elif len(node.entries) == 1:
            ((target, keys),) = node.entries.items()
        else:
            document.error(node, "must be one call: each is an item of its own")
            return None
        names = self._target(target, keys or node)
        if names is None:
            return None
        position = len(self.calls)
        call = Call(*names) if keys is None else self._call_with_keys(service, operation, names, keys, on_miss)
        if call is not None:
            # Before those on its miss, which were read with it: file order decides the order of edges.
            self.calls.insert(position, _WrittenCall(service, operation, call, keys or node))
        return call

    def _call_with_keys(
        self, service: str, operation: str, names: tuple[str, str], keys: Node, on_miss: bool
    ) -> Call | None:
        by_hand: ByHand = {
            "on_miss": partial(self._chain, service, operation),
            "on_failure": partial(self._chain, service, operation),
            "times": partial(count, self.document),
        }
        call = bind(self.document, Call, keys, by_hand, service=names[0], operation=names[1])
        if "on_miss" in keys.entries and "hit_rate" not in keys.entries:
            self.document.error(keys.entries["on_miss"], "needs a hit_rate beside it")
        if "on_failure" in keys.entries and "hit_rate" in keys.entries:
            self.document.error(keys.entries["on_failure"], "a lookup that fails is a miss: say it with on_miss")
        if "at_once" in keys.entries and "times" not in keys.entries:
            self.document.error(keys.entries["at_once"], "needs times beside it")
        for word in NOT_ON_MISS:
            if on_miss and word in keys.entries:
                self.document.error(keys.entries[word], "is not for a call that is made on a miss or a failure")
        return call

    def _chain(self, service: str, operation: str, node: Node) -> tuple[Call, ...]:
        """The calls that follow a lookup that misses."""
        items = node.items if node.kind == "list" else [node]
        calls = [self._call(service, operation, item, on_miss=True) for item in items]
        return tuple(call for call in calls if call is not None)

    def _target(self, text: str, node: Node) -> tuple[str, str] | None:
        """The service and the operation that a text names; whether they exist is `_exists`."""
        service, operation = parts(text, self.names)
        if not service or not operation:
            self.document.error(node, f"must be service.operation, not {shown(text)}")
            return None
        return service, operation

    def _exists(self, node: Node, service: str, operation: str) -> bool:
        """Whether there is such an operation; an error if not."""
        if service not in self.known:
            hint = suggestion(service, self.known)
            whole = [f"{name}.{each}" for name, operations in self.known.items() for each in operations]
            if "did you mean" not in hint and "did you mean" in (other := suggestion(f"{service}.{operation}", whole)):
                hint = other  # half of a service's name that has dots, or of an operation's
            self.document.error(node, f"there is no service {shown(service)}{hint}")
        elif operation not in self.known[service]:
            hint = suggestion(operation, self.known[service])
            self.document.error(node, f"{service} has no operation {shown(operation)}{hint}")
        else:
            return True
        return False

    def refuse_cycles(self, topology: Topology) -> None:
        """An error for each cycle of operations without a bound: a request might never end."""
        nodes = {(written.caller, name_of(written.call)): written.node for written in reversed(self.calls)}
        for cycle in cycles(topology):
            way = " -> ".join((*cycle, cycle[0]))
            self.document.error(
                nodes[cycle[-1], cycle[0]],
                f"closes a cycle of calls: {way}; give a call of it a depth, as in {cycle[0]}: {{depth: 3}}",
            )

    def refuse_giants(self, topology: Topology) -> None:
        """An error for what is too large to run: replicas, and calls of an entry; there must be no cycles."""
        replicas = {service.name: service.replicas for service in topology.services}
        parts = sum(replicas.values()) + sum(replicas[edge.caller] for edge in topology.edges)
        if parts > MOST_PARTS:
            message = f"its replicas, and the edges that each of them has, are {parts}; at most {MOST_PARTS} can be run"
            self.document.error(self.document.find("services"), message)
        if len(operation_graph(topology)) > MOST_UNROLLED:
            message = "its bounded calls lie within each other in too many ways to run: give some a smaller depth"
            self.document.error(self.document.find("services"), message)
            return
        service, depth = max(depths(topology).items(), key=lambda item: item[1])
        if depth > DEEPEST_CALLS:
            message = f"is {depth} calls deep; at most {DEEPEST_CALLS} calls may be made in a row"
            self.document.error(self.document.find(f"services.{service}"), message)
        for entry, sites in sites_per_entry(topology).items():
            if sites > MOST_SITES:
                message = f"one request may make more than {MOST_SITES} calls, which is too many to run"
                self.document.error(self.document.find(f"workload.mix.{entry}"), message)

    # -- edges -----------------------------------------------------------------------------------------------------

    def _edge(self, node: Node) -> Settings:
        """What a block sets for an edge, or for many."""
        return settings(
            self.document,
            Edge,
            node,
            {"latency": partial(distribution, self.document), "policies": self._added_policies},
        )

    def _added_policies(self, node: Node) -> dict[str, Any]:
        """The policies of packages that a block switches on, with their settings, or off (None)."""
        found: dict[str, Any] = {}
        for word, entry in block(self.document, node).items():
            if word not in ADDED:
                self.document.error(entry, f"no installed package has a policy {shown(word)}{suggestion(word, ADDED)}")
            else:
                found[word] = None if entry.is_none else settings(self.document, ADDED[word].settings, entry)
        return found

    def _edges(self, node: Node, defaults: Settings) -> tuple[Edge, ...]:
        """An edge for each pair of services that call, in order of first appearance, defaults applied."""
        pairs = dict.fromkeys((written.service, written.call.service) for written in self.calls)
        single: dict[tuple[str, str], Settings] = {}
        for name, entry in block(self.document, node).items():
            layer = self._edge(entry)
            pair = self._pair(name, entry, pairs)
            if pair in single:
                self.document.error(entry, "is the same edge as one above")
            elif pair is not None:
                single[pair] = layer
        nothing: Settings = {}
        everywhere, above, below = (defaults.get(word, nothing) for word in ("edge", "edges_from", "edges_to"))
        edges = []
        for caller, callee in pairs:
            # A name says more than a kind, and what a callee needs more than what a caller does everywhere.
            layers = (
                everywhere,
                above.get(self.kinds[caller], nothing),
                below.get(self.kinds[callee], nothing),
                above.get(caller, nothing),
                below.get(callee, nothing),
                single.get((caller, callee), nothing),
            )
            found = reduce(partial(overlay, Edge), layers)
            found["policies"] = tuple(
                (word, build(ADDED[word].settings, each))
                for word, each in sorted(found.get("policies", {}).items())
                if each is not None
            )
            edge = build(Edge, found, caller=caller, callee=callee)
            if edge is not None and edge.retry is not None and edge.hedge is not None:
                place = node.entries.get(f"{caller} -> {callee}", node)
                self.document.error(place, f"{caller} -> {callee} has a retry and a hedge: set one to none")
            edges.append(edge)
        return tuple(edge for edge in edges if edge is not None)

    def _pair(self, name: str, node: Node, pairs: dict[tuple[str, str], None]) -> tuple[str, str] | None:
        """The caller and the callee that the name of an edge gives; None, and an error, if they don't call."""
        match = _EDGE_NAME.fullmatch(name)
        if match is None:
            self.document.error(node, f"must be called 'caller -> callee', not {shown(name)}")
            return None
        caller, callee = match.groups()
        for service in (caller, callee):
            if service not in self.known:
                self.document.error(node, f"there is no service {shown(service)}{suggestion(service, self.known)}")
                return None
        if (caller, callee) not in pairs:
            others = ", ".join(other for one, other in pairs if one == caller)
            self.document.error(node, f"{caller} does not call {callee}; it calls {others or 'nothing'}")
            return None
        return caller, callee

    # -- users -----------------------------------------------------------------------------------------------------

    def _workload(self, node: Node, services: tuple[Service, ...]) -> Workload:
        reader = PopulationLoader(self.document, self._mix, self._operation, self.known, self.folder, self.replayed)
        found = settings(self.document, Workload, node, {"mix": self._mix, "populations": reader.read})
        if node.kind == "map" and not {"mix", "populations"} & node.entries.keys():
            self.document.error(node, "missing key 'mix'")
        if "populations" in node.entries and "rate" in node.entries and "mix" not in node.entries:
            self.document.error(node.entries["rate"], "needs a mix beside it: of populations, each has its own")
        workload = build(Workload, found) or Workload()
        if workload.populations:
            workload = _of_populations(workload, services)
        if workload.objective.window % 1:
            # Requests are counted by the second (`truth.objective`).
            window = self.document.find("workload.objective.window")
            self.document.error(window, f"must be a whole number of seconds, as in 10s, not {window.text}")
        return workload

    def _operation(self, text: str, node: Node) -> tuple[str, str] | None:
        """The service and the operation that a text names; None, and an error, if there is none."""
        names = self._target(text, node)
        return names if names is not None and self._exists(node, *names) else None

    def _mix(self, node: Node) -> tuple[Entry, ...]:
        entries = []
        for name, entry in block(self.document, node).items():
            weight = read(self.document, WEIGHT, entry)
            names = self._target(name, entry)
            if names is not None and self._exists(entry, *names) and weight is not MISSING:
                entries.append(Entry(*names, weight))
        if node.kind == "map" and len(entries) == len(node.entries) and not any(entry.weight for entry in entries):
            self.document.error(node, "needs an entry operation with a weight of more than 0")
        return tuple(entries)


def _of_populations(workload: Workload, services: tuple[Service, ...]) -> Workload:
    """A workload with populations, with what is expected of all of them, and its own users among them."""
    populations = workload.populations
    if workload.mix:
        populations = (Population(USUAL, rate=workload.rate, mix=workload.mix), *populations)
    work = {f"{each.name}.{own.name}": own.work.expectation() for each in services for own in each.operations}
    rates: dict[str, float] = {}
    for population in populations:
        for name, expected in population.expected(work).items():
            rates[name] = rates.get(name, 0.0) + expected
    names = [each.name for each in services]
    mix = tuple(Entry(*parts(name, names), rate) for name, rate in rates.items())
    return replace(workload, rate=sum(rates.values()), mix=mix, populations=populations)

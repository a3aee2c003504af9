"""Call sites: the places in the call tree of an entry operation.

The operations of a topology form a graph; what a request does is a tree, grown from its entry by following every call.
A site is a place in that tree, so it has its own draws (`sim.engine.tape`), and two requests of the same entry meet
the same sites in the same roles. Sites are made once, before the run.

A repeated call has a site for each time it may be made. A part of an operation that has steps of its own beside others,
or is work between calls, is a branch: a site that stands for no call, and runs where its operation runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from meshquake.sim.engine.tape import Lapses, Tape
from meshquake.topology.addresses import address
from meshquake.topology.distributions import Constant, Distribution
from meshquake.topology.policies import CRITICALITIES
from meshquake.topology.spec import Branch, Entry, Group, Link, Operation, Work
from meshquake.topology.spec import Call as CallSpec

if TYPE_CHECKING:
    from meshquake.sim.engine.caller_state import Ingress
    from meshquake.sim.engine.edge import RuntimeEdge
    from meshquake.sim.engine.service import Service

#: Attempts are digits of an attempt path, which is a number in this base: `16 * (path of the caller) + attempt - 1`.
ATTEMPT_BITS: Final = 4
#: The criticality of users' requests where none is given.
USUAL_CRITICALITY: Final = CRITICALITIES.index("critical")
#: The bits of an attempt path that number the attempt.
ATTEMPT: Final = 15

#: Kinds of site: a call; a branch that begins with its steps, or with work; or the caller giving its worker back.
CALL: Final = 0
STEPS: Final = 1
WORKS: Final = 2
YIELDS: Final = 3


class CallSite:
    """One place in a call tree: the operation called there, and what that leads to.

    Before the run, `unroll` gives it its draws.
    """

    __slots__ = (
        "_build",
        "_tapes",
        "address",
        "apart",
        "base",
        "branch",
        "criticality",
        "edge",
        "entry",
        "hit_rate",
        "index",
        "ingress",
        "lapses",
        "lot",
        "operation",
        "optional",
        "otherwise",
        "parent",
        "probability",
        "ready",
        "service",
        "steps",
        "tape",
        "then",
        "variants",
    )

    ingress: Ingress  # of an entry: where its users come in
    tape: Tape  # for first attempts whose callers are first attempts, and so on up to the user

    def __init__(
        self,
        index: int,
        entry: int,
        parent: CallSite | None,
        service: Service,
        operation: int,
        edge: RuntimeEdge | None,
        spec: CallSpec | None,
        work: Distribution,
        criticality: int,
        address: int,
    ) -> None:
        self.index = index
        self.entry = entry
        self.parent = parent
        self.service = service
        #: The ready replicas of the service or of its version, kept here because each call looks at them.
        self.ready = service.deployments[0].stable.ready
        #: If the service has several versions, the site of each by the version's name. One of them stands for all.
        self.variants: dict[str, CallSite] | None = None
        self.base: CallSite = self
        #: Position of the operation in its service.
        self.operation = operation
        self.edge = edge
        #: Criticality: 0 is the highest.
        self.criticality = criticality
        self.probability = spec.probability if spec else 1.0
        self.optional = spec.optional if spec else False
        self.hit_rate = spec.hit_rate if spec else None
        #: The site whose draw decides whether this call is made: for a repeated call, the first of its sites.
        self.lot: CallSite = self
        #: Groups of calls, one after another; the calls of a group go out together. The flag is True if all of them are
        #: always made and none is a branch.
        self.steps: list[tuple[list[CallSite], bool]] = []
        #: What this part of an operation begins with, if it is a branch; `CALL` if it stands for a call.
        self.branch = CALL
        #: Whether more than the answer follows the steps: it is a branch, or has given its worker back.
        self.apart = False
        #: The call or work that follows this one before the caller goes on with its steps: if it succeeds (and misses,
        #: if it is a lookup), and otherwise.
        self.then: CallSite | None = None
        self.otherwise: CallSite | None = None
        self.address = address
        #: How calls here fail or stall by themselves, given before the run.
        self.lapses: Lapses | None = None
        self._tapes: dict[int, Tape] = {}
        self._build = (work, edge.spec.latency if edge else None)

    @property
    def versions(self) -> tuple[CallSite, ...]:
        """The sites of all versions of its service, if this site stands for them; else this one."""
        return (self,) if self.variants is None else tuple(self.variants.values())

    @property
    def name(self) -> str:
        """The operation called here, as `service.operation`."""
        return f"{self.service.spec.name}.{list(self.service.operations)[self.operation]}"

    def unroll(self, page: int) -> None:
        """Make the tape, with `page` requests per page of draws."""
        self.tape = self.tape_of(0, page)

    def tape_of(self, attempt_path: int, page: int = 32) -> Tape:
        """The tape for an attempt path; tapes of retries have short pages, since retries often come alone."""
        tape = self._tapes.get(attempt_path)
        if tape is None:
            work, latency = self._build
            tape = self._tapes[attempt_path] = Tape(self.address, attempt_path, page, work, latency, self.lapses)
        return tape


def grow(
    seed: int, entry: Entry, number: int, services: dict[str, Service], sites: list[CallSite], branches: list[CallSite]
) -> CallSite:
    """Grow the call tree of an entry, appending its sites to `sites` and its branches to `branches`; returns the root.

    Parameters
    ----------
    seed
        Seed of the run, part of each site's address.
    number
        Position of the entry in the mix.
    """

    def place(
        service: str, operation: str, spec: CallSpec | None, parent: CallSite | None, path: str, depth: _Depth
    ) -> CallSite:
        runtime = services[service]
        position, found = runtime.operations[operation]
        edge = parent.service.edges[service] if parent else None
        if edge is not None:
            edge.used = True
        own = (spec.criticality if spec else None) or found.criticality
        inherited = parent.criticality if parent else USUAL_CRITICALITY
        matters = CRITICALITIES.index(own) if own else inherited
        grown = []
        # All versions have one address: a request keeps its draws, whichever version it meets.
        key = address(seed, "site", path)
        for _, variant in runtime.spec.variants(found):
            site = CallSite(len(sites), number, parent, runtime, position, edge, spec, variant.work, matters, key)
            sites.append(site)
            site.steps = steps(variant.calls, site, _Names(path), depth)
            if runtime.spec.handlers == "async" and site.steps:
                site.steps.insert(0, ([part(site, YIELDS, Constant(0.0), "")], False))
                site.apart = True
            grown.append(site)
        if runtime.spec.versions:
            _join(grown)
        return grown[0]

    def steps(
        groups: tuple[Group, ...], site: CallSite, names: _Names, depth: _Depth
    ) -> list[tuple[list[CallSite], bool]]:
        found: list[list[CallSite]] = []
        for group in groups:
            if len(group) == 1 and isinstance(group[0], CallSpec) and not group[0].at_once:
                found += [[each] for each in repeated(group[0], site, names, depth)]
            else:
                found.append([each for one in group for each in members(one, site, names, depth)])
        return [(group, all(each.probability >= 1.0 and not each.branch for each in group)) for group in found]

    def members(one: Branch, site: CallSite, names: _Names, depth: _Depth) -> list[CallSite]:
        if isinstance(one, Work):
            return [part(site, WORKS, one.time, names(WORKING))]
        if isinstance(one, CallSpec):
            calls = repeated(one, site, names, depth)
            if one.at_once or len(calls) == 1:
                return calls
            found = part(site, STEPS, Constant(0.0), "")
            found.steps = [([call], call.probability >= 1.0) for call in calls]
            return [found] * bool(calls)
        found = part(site, STEPS, Constant(0.0), "")
        found.steps = steps(one.steps, site, names, depth)
        return [found]

    def part(site: CallSite, kind: int, work: Distribution, path: str) -> CallSite:
        key = address(seed, "site", path) if path else site.address
        found = CallSite(
            site.index, number, site.parent, site.service, site.operation, None, None, work, site.criticality, key
        )
        found.branch = kind
        found.apart = True
        # A branch that is only work ends the same way as one with steps.
        found.steps = [([], True)]
        branches.append(found)
        return found

    def repeated(spec: CallSpec, parent: CallSite, names: _Names, depth: _Depth) -> list[CallSite]:
        if spec.depth is not None:
            bound = (parent.service.spec.name, parent.operation, spec)
            if depth.get(bound, 0) == spec.depth:
                return []
            depth = depth | {bound: depth.get(bound, 0) + 1}
        found: list[CallSite] = []
        for share in spec.times.beyond():
            head = place(spec.service, spec.operation, spec, parent, names.of(spec), depth)
            head.probability = spec.probability * share
            head.lot = found[0] if found else head
            found.append(head)
            after = chained(spec.on_miss or spec.on_success, spec, parent, names, depth)
            instead = after if spec.on_miss else chained(spec.on_failure, spec, parent, names, depth)
            for each in head.versions:
                each.then, each.otherwise = after, instead
        return found

    def chained(
        links: tuple[Link, ...], after: CallSpec, parent: CallSite, names: _Names, depth: _Depth
    ) -> CallSite | None:
        """Make the sites of what follows a call, each leading to the next; returns the first of them."""
        chain = [
            part(parent, WORKS, link.time, names(f"{after.service}.{after.operation} {WORKING}"))
            if isinstance(link, Work)
            else place(link.service, link.operation, link, parent, names.of(link), depth)
            for link in links
        ]
        for site, following in pairwise(chain):
            for each in site.versions:
                each.then = following
                each.otherwise = following if each.optional or each.hit_rate is not None else None
        return chain[0] if chain else None

    return place(entry.service, entry.operation, None, None, f"{entry.service}.{entry.operation}", {})


#: How often each bounded call lies on the way to a site: by service, position of the operation, and call.
_Depth = dict[tuple[str, int, CallSpec], int]
#: The name of work between calls in addresses.
WORKING: Final = "work"


def _join(sites: list[CallSite]) -> None:
    """Link the sites of all versions of a service; the first stands for all."""
    base = sites[0]
    base.variants = {}
    for deployment, site in zip(base.service.deployments, sites, strict=True):
        base.variants[deployment.version] = site
        site.base = base
        site.ready = deployment.stable.ready


class _Names:
    """Paths of the calls of one operation, told apart by target and then by order among the calls to that target.

    So adding a call to an operation leaves the addresses of the others as they were.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: dict[str, int] = {}

    def of(self, call: CallSpec) -> str:
        return self(f"{call.service}.{call.operation}")

    def __call__(self, target: str) -> str:
        count = self._seen.get(target, 0)
        self._seen[target] = count + 1
        return f"{self._path}/{target}#{count}"


def operations_by_name(operations: tuple[Operation, ...]) -> Iterator[tuple[str, tuple[int, Operation]]]:
    """Each operation's name with its position."""
    for position, operation in enumerate(operations):
        yield operation.name, (position, operation)

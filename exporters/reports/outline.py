"""A mesh told in words: its services, what each entry calls, the policies of its edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from meshquake.exporters.blocks import Block, Table
from meshquake.topology import units
from meshquake.topology.counts import ONCE
from meshquake.topology.estimates import Load, offered_load, response_times
from meshquake.topology.graph import name_of, sites_per_entry
from meshquake.topology.policies import CircuitBreaker, Hedge, Pool, Retry
from meshquake.topology.spec import Branch, Call, Edge, Group, Operation, Sequence, Service, Topology, Work
from meshquake.topology.units import counted, duration, rate, ratio, size
from meshquake.topology.users import Population

_NONE = "-"


def blocks(topology: Topology) -> list[Block]:
    """The mesh for people: in 100 columns unless its names are long.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    digits = 3 if topology.workload.populations else None  # which is an estimate
    heading = f"{counts(topology)}, {rate(topology.workload.rate, digits=digits)} from users"
    parts: list[list[Block]] = [
        [heading],
        _services(topology),
        _populations(topology),
        list(_entries(topology)),
        _edges(topology),
    ]
    return [block for part in parts if part for block in ("", *part)][1:]


def counts(topology: Topology) -> str:
    """The mesh in a line: its name, and how much there is in it."""
    operations = sum(len(service.operations) for service in topology.services)
    return (
        f"{topology.name}: {counted(len(topology.services), 'service')}, {counted(operations, 'operation')}, "
        f"{counted(len(topology.edges), 'edge')}"
    )


# -- services ------------------------------------------------------------------------------------------------------


def _services(topology: Topology) -> list[Block]:
    """One line a service; the last columns are what the usual requests ask of it."""
    loads = offered_load(topology)
    columns: dict[str, Callable[[Service, Load], str]] = {
        "SERVICE": lambda service, load: service.name,
        "KIND": lambda service, load: service.kind,
        "REPLICAS": lambda service, load: str(service.replicas),
        "WORKERS": lambda service, load: str(service.workers),
        "QUEUE": lambda service, load: str(service.queue.limit),
        "CORES": lambda service, load: units.number(service.cores),
        "MEMORY": lambda service, load: size(service.memory.limit, digits=3),
        "CALLS": lambda service, load: rate(load.rate, digits=2),
        "BUSY": lambda service, load: ratio(load.cores, digits=2),
        "HELD": lambda service, load: ratio(load.workers, digits=2),
    }
    rows = [[show(service, loads[service.name]) for show in columns.values()] for service in topology.services]
    return [
        Table(list(columns), rows, align="<<>"),
        "",
        "Workers, queue, cores and memory are per replica. Busy and held, while nothing is wrong: the share",
        "of cores that work, and of workers that requests hold, waits for other services included.",
    ]


# -- users ---------------------------------------------------------------------------------------------------------


def _populations(topology: Topology) -> list[Block]:
    """One line a population, if there are any: how its users come, what they ask for, and how long they wait."""
    work = {f"{each.name}.{own.name}": own.work.expectation() for each in topology.services for own in each.operations}
    rows = []
    for each in topology.workload.populations:
        asked = sum(each.expected(work).values())
        what = f"journey of {counted(len(each.journey), 'step')}" if each.journey else f"any of {len(each.entries)}"
        patience = _NONE if each.patience is None else duration(each.patience.expectation(), digits=2)
        rows.append(
            [each.name, _come(each), "its file" if each.replay else what, patience, rate(asked, digits=2)],
        )
    if not rows:
        return []
    return [
        Table(["POPULATION", "COMES AS", "ASKS FOR", "PATIENCE", "REQUESTS"], rows, align="<<<>"),
        "",
        "Requests, when all its users are there and nothing goes wrong. Patience: mean.",
    ]


def _come(population: Population) -> str:
    """How the users of a population come."""
    if population.replay is not None:
        return "a recording"
    if population.users is not None:
        return counted(population.users, "user")
    assert population.rate is not None
    return f"{rate(population.rate)}{', sessions' if population.journey else ''}"


# -- entries -------------------------------------------------------------------------------------------------------


def _entries(topology: Topology) -> Iterator[str]:
    """Each entry and the tree of calls that grows from it; what was shown once is not shown again."""
    operations = {
        f"{service.name}.{operation.name}": _of_all_versions(service, operation)
        for service in topology.services
        for operation in service.operations
    }
    sites, times = sites_per_entry(topology), response_times(topology)
    total = sum(entry.weight for entry in topology.workload.mix)
    shown: set[str] = set()
    for number, entry in enumerate(topology.workload.mix):
        name, share = name_of(entry), entry.weight / total
        if number:
            yield ""
        yield (
            f"{name}  {ratio(share, digits=2)} of requests, {rate(topology.workload.rate * share, digits=2)}, "
            f"{counted(sites[name], 'call site')}, mean {duration(float(times[name].mean()), digits=2)}"
            f"{_seen(name, operations, shown)}"
        )
        yield from _tree(name, [], operations, "", shown)
    if topology.workload.mix:
        yield ""
        yield "Calls are in the order in which they are made. ↑ its own calls are shown above"


def _of_all_versions(service: Service, operation: Operation) -> Operation:
    """An operation with the calls that any version of its service makes, each with its chance."""
    shares: dict[tuple[int, Group], float] = {}
    for share, variant in service.variants(operation):
        for place, group in enumerate(variant.calls):
            which = variant.calls[:place].count(group), group
            shares[which] = shares.get(which, 0.0) + share
    if not service.versions:
        return operation
    groups = (tuple(_thinned(branch, min(share, 1.0)) for branch in group) for (_, group), share in shares.items())
    return replace(operation, calls=tuple(groups))


def _thinned(branch: Branch, share: float) -> Branch:
    """A branch that only a share of the requests meets."""
    if isinstance(branch, Call):
        return replace(branch, probability=round(branch.probability * share, 4))
    if isinstance(branch, Sequence):
        steps = (tuple(_thinned(each, share) for each in group) for group in branch.steps)
        return replace(branch, steps=tuple(steps))
    return branch


def _tree(
    name: str,
    followers: list[tuple[str, Group]],
    operations: dict[str, Operation],
    indent: str,
    shown: set[str],
) -> Iterator[str]:
    """The lines below an operation: its calls, those of a group under a line of their own; then what follows on it."""
    groups = () if name in shown else operations[name].calls
    shown.add(name)
    yield from _groups([*(("", group) for group in groups), *followers], operations, indent, shown)


def _groups(
    branches: list[tuple[str, Group]], operations: dict[str, Operation], indent: str, shown: set[str]
) -> Iterator[str]:
    """The lines of some steps, each with its role."""
    for number, (role, group) in enumerate(branches, start=1):
        fork, stem = _lines(number == len(branches))
        if len(group) == 1:
            yield from _branch(group[0], operations, indent + fork + role, indent + stem, shown)
            continue
        yield f"{indent}{fork}at once"
        for place, branch in enumerate(group, start=1):
            inner_fork, inner_stem = _lines(place == len(group))
            yield from _branch(branch, operations, indent + stem + inner_fork, indent + stem + inner_stem, shown)


def _branch(
    branch: Branch, operations: dict[str, Operation], start: str, indent: str, shown: set[str]
) -> Iterator[str]:
    """The line of a call, of own work, or of steps in turn, and those below it."""
    if isinstance(branch, Work):
        yield f"{start}own work, mean {duration(branch.time.expectation(), digits=2)}"
    elif isinstance(branch, Sequence):
        yield f"{start}in turn"
        yield from _groups([("", group) for group in branch.steps], operations, indent, shown)
    else:
        yield from _call(branch, operations, start, indent, shown)


def _call(call: Call, operations: dict[str, Operation], start: str, indent: str, shown: set[str]) -> Iterator[str]:
    """The line of a call, and those below it."""
    name = name_of(call)
    notes = []
    if call.times != ONCE:
        notes.append(f"{call.times}{', at once' * call.at_once}")
    if call.depth is not None:
        notes.append(f"at most {call.depth} deep")
    if call.probability < 1:
        notes.append(f"{ratio(call.probability)} of the time")
    if call.hit_rate is not None:
        notes.append(f"{ratio(call.hit_rate)} hits")
    if call.optional:
        notes.append("optional")
    yield f"{start}{name}{'  ' * bool(notes)}{', '.join(notes)}{_seen(name, operations, shown)}"
    followers: list[tuple[str, Group]] = [("on a miss: ", (link,)) for link in call.on_miss]
    followers += [("on success: ", (link,)) for link in call.on_success]
    followers += [("on failure: ", (link,)) for link in call.on_failure]
    yield from _tree(name, followers, operations, indent, shown)


def _seen(name: str, operations: dict[str, Operation], shown: set[str]) -> str:
    return " ↑" if name in shown and operations[name].calls else ""


def _lines(last: bool) -> tuple[str, str]:
    """What leads to a line, and what stands before the lines below it."""
    return ("└─ ", "   ") if last else ("├─ ", "│  ")


# -- edges ---------------------------------------------------------------------------------------------------------


def _edges(topology: Topology) -> list[Block]:
    """The policies of each edge, by caller; a policy that no edge has gets no column."""
    columns: dict[str, Callable[[Edge], str]] = {
        "TIMEOUT": lambda edge: _NONE if edge.timeout is None else duration(edge.timeout),
        "OVERALL": lambda edge: _NONE if edge.overall_timeout is None else duration(edge.overall_timeout),
        "ATTEMPTS": lambda edge: _attempts(edge.retry),
        "HEDGE": lambda edge: _hedge(edge.hedge),
        "CANCELS": lambda edge: "yes" if edge.cancellation else _NONE,
        "EJECTS": lambda edge: _NONE if edge.outlier is None else f"for {duration(edge.outlier.ejection)}",
        "BREAKER": lambda edge: _breaker(edge.breaker),
        "BULKHEAD": lambda edge: _NONE if edge.bulkhead is None else str(edge.bulkhead.max_concurrent),
        "POOL": lambda edge: _pool(edge.pool),
        "BALANCE": lambda edge: edge.balance,
        "LATENCY": lambda edge: duration(edge.latency.expectation(), digits=2),
    }
    rows = []
    for service in topology.services:
        own = [edge for edge in topology.edges if edge.caller == service.name]
        if own:
            rows.append([service.name, *[""] * len(columns)])
        rows += [[f"  {edge.callee}", *[show(edge) for show in columns.values()]] for edge in own]
    if not rows:
        return []
    head = ["FROM / TO", *columns]
    used = [place for place, cells in enumerate(zip(*rows, strict=True)) if set(cells) - {"", _NONE}]
    table = Table([head[place] for place in used], [[row[place] for place in used] for row in rows], align="<")
    return [table, "", *_EXPLAINED]


_EXPLAINED = (
    "Attempts: per call, with the retry budget (share of calls + a number per second). Breaker: share of",
    "failures that opens it, of at least so many calls (in the window); how long it stays open. Pool:",
    "connections per replica of the caller, longest wait for one. Latency: mean, one way.",
)


def _attempts(retry: Retry | None) -> str:
    if retry is None:
        return "1"
    if retry.budget is None:
        return str(retry.max_attempts)
    return f"{retry.max_attempts} ({ratio(retry.budget.ratio)}+{rate(retry.budget.minimum)})"


def _hedge(hedge: Hedge | None) -> str:
    if hedge is None:
        return _NONE
    wait = duration(hedge.delay) if hedge.percentile is None else f"{ratio(hedge.percentile)} of times"
    return f"{hedge.max_attempts} after {wait}"


def _breaker(breaker: CircuitBreaker | None) -> str:
    if breaker is None:
        return _NONE
    window = "" if breaker.window_time is None else f"/{duration(breaker.window_time)}"
    return f"{ratio(breaker.failure_rate)} of {breaker.enough}{window}; {duration(breaker.open_for)}"


def _pool(pool: Pool | None) -> str:
    return _NONE if pool is None else f"{pool.size}, {duration(pool.acquire_timeout)}"

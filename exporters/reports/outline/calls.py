"""The calls that each entry makes, as trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from meshquake.topology.counts import ONCE
from meshquake.topology.estimates import response_times
from meshquake.topology.graph import name_of, sites_per_entry
from meshquake.topology.spec import Branch, Call, Group, Operation, Sequence, Service, Topology, Work
from meshquake.topology.units import counted, duration, rate, ratio


def entries(topology: Topology) -> Iterator[str]:
    """Yield the tree of calls of each entry; a subtree that was shown once is not repeated."""
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
    """Merge the versions of an operation: all their calls, each with the share that makes it as its probability."""
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
    """Scale the probability of a branch by a share of the requests."""
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
    """Yield the lines below an operation: its calls, with concurrent ones under a line of their own, then followers."""
    groups = () if name in shown else operations[name].calls
    shown.add(name)
    yield from _groups([*(("", group) for group in groups), *followers], operations, indent, shown)


def _groups(
    branches: list[tuple[str, Group]], operations: dict[str, Operation], indent: str, shown: set[str]
) -> Iterator[str]:
    """Yield the lines of consecutive groups, each with its role."""
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
    """Yield the line of a call, of own work, or of a sequence, and the lines below it."""
    if isinstance(branch, Work):
        yield f"{start}own work, mean {duration(branch.time.expectation(), digits=2)}"
    elif isinstance(branch, Sequence):
        yield f"{start}in turn"
        yield from _groups([("", group) for group in branch.steps], operations, indent, shown)
    else:
        yield from _call(branch, operations, start, indent, shown)


def _call(call: Call, operations: dict[str, Operation], start: str, indent: str, shown: set[str]) -> Iterator[str]:
    """Yield the line of a call and the lines below it."""
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
    if call.criticality is not None:
        notes.append(call.criticality)
    if operations[name].error_rate:
        notes.append(f"{ratio(operations[name].error_rate)} fail by themselves")
    yield f"{start}{name}{'  ' * bool(notes)}{', '.join(notes)}{_seen(name, operations, shown)}"
    followers: list[tuple[str, Group]] = [("on a miss: ", (link,)) for link in call.on_miss]
    followers += [("on success: ", (link,)) for link in call.on_success]
    followers += [("on failure: ", (link,)) for link in call.on_failure]
    yield from _tree(name, followers, operations, indent, shown)


def _seen(name: str, operations: dict[str, Operation], shown: set[str]) -> str:
    return " ↑" if name in shown and operations[name].calls else ""


def _lines(last: bool) -> tuple[str, str]:
    """Return the connector to a line, and the indentation of the lines below it."""
    return ("└─ ", "   ") if last else ("├─ ", "│  ")

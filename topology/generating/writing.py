"""Writes a generated mesh as a topology file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meshquake.topology.counts import ONCE, Count, Fixed, Geometric, Observed
from meshquake.topology.distributions import Distribution, LogNormal, Mixture
from meshquake.topology.policies import Retry
from meshquake.topology.spec import Call, Edge, Group, Link, Operation, Service, Topology
from meshquake.topology.units import duration, number, rate, ratio, size

#: Longest line.
_WIDTH: Final = 120

#: Default memory of a service (bytes).
_MEMORY: Final = 2**29
#: The breaker of every caller that has one, written out where it first appears.
_BREAKER: Final = "{window_time: 10s, minimum_calls: 10, open_for: 5s, half_open_calls: 3}"

#: The defaults of all services and edges.
_DEFAULTS: Final = """\
defaults:
  service: {replicas: 2, workers: 16, queue: 64, cpu: 1, memory: {limit: 512MiB, garbage: 256KiB}}
  edge: {latency: {lognormal: {median: 0.3ms, sigma: 0.5}}, balance: least_request}
  edges_to:
    database: {balance: round_robin, pool: {size: 10, acquire_timeout: 500ms, connect: 15ms}}
"""
#: The environment, as in the shipped meshes.
_ENVIRONMENT: Final = """\
environment:
  users: {{cv: 25%, over: 4m}}
  load: {{cores: 30%, workers: 25%, cv: 25%, cache: {{cores: 25%}}, database: {{cores: 28%, cv: 15%}}}}
  errors: {{share: {errors}, database: {least}}}
  slow_mode:
    varies: 50%
    gateway: {{share: 0.4%, at: 40ms}}
    service: {{share: 0.5%, at: 40ms}}
    database: {{share: 0.4%, at: 30ms}}
    cache: {{share: 0.1%, at: 8ms}}
  jobs: usual
  memory: {{}}
  collections: {{}}
  connections: {{lifetime: 30m, open: 4}}
  deploys: 2h
"""


def written(mesh: Topology, head: str, errors: float) -> str:
    """Return the text of a mesh.

    Parameters
    ----------
    mesh
        Services, edges and workload; everything else is the same in all generated meshes.
    head
        The comment at its top, without the marks.
    errors
        Share of the calls that fail by themselves.
    """
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines += [f"name: {mesh.name}", "", *_DEFAULTS.splitlines(), "", "services:"]
    for service in mesh.services:
        lines += _service(service)
    policies = "\n".join(line for edge in mesh.edges for line in _edge(edge))
    if policies:
        lines += ["", "edges:", policies.replace("*breaker", f"&breaker {_BREAKER}", 1)]
    lines += ["", *_workload(mesh), ""]
    lines += _ENVIRONMENT.format(errors=ratio(errors), least=ratio(float(f"{errors / 3:.1g}"))).splitlines()
    return "\n".join(lines) + "\n"


def _service(service: Service) -> Iterator[str]:
    yield f"  {service.name}:"
    if service.kind != "service":
        yield f"    kind: {service.kind}"
    if service.stack:
        yield f"    stack: {service.stack}"
    for word, value, usual in (
        ("replicas", service.replicas, 2),
        ("workers", service.workers, 16),
        ("queue", service.queue.limit, 64),
        ("cpu", service.whole_cores, 1),
    ):
        if value != usual:
            yield f"    {word}: {value}"
    if service.memory.limit != _MEMORY:
        yield f"    memory: {{limit: {size(service.memory.limit)}, garbage: 256KiB}}"
    yield "    operations:"
    for operation in service.operations:
        yield from _operation(operation)


def _operation(operation: Operation) -> Iterator[str]:
    work = f"work: {_time(operation.work)}"
    steps = [_group(group) for group in operation.calls]
    calls = f"calls: [{', '.join(steps)}]"
    if not steps:
        yield f"      {operation.name}: {{{work}}}"
        return
    yield f"      {operation.name}:"
    yield f"        {work}"
    if len(calls) <= _WIDTH - 8:
        yield f"        {calls}"
        return
    yield "        calls:"
    for group, step in zip(operation.calls, steps, strict=True):
        if len(step) <= _WIDTH - 12:
            yield f"          - {step}"
        else:
            first, *others = (_call(branch) for branch in group if isinstance(branch, Call))
            yield f"          - - {first}" if others else f"          - {first}"
            yield from (f"            - {other}" for other in others)


def _group(group: Group) -> str:
    calls = [_call(branch) for branch in group if isinstance(branch, Call)]
    return calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]"


def _call(call: Call) -> str:
    settings = {}
    if call.probability < 1:
        settings["probability"] = ratio(call.probability)
    if call.optional:
        settings["optional"] = "true"
    if call.times != ONCE:
        settings["times"] = _times(call.times)
    if call.at_once:
        settings["at_once"] = "true"
    if call.hit_rate is not None:
        settings["hit_rate"] = ratio(call.hit_rate)
    if call.on_miss:
        settings["on_miss"] = f"[{', '.join(map(_link, call.on_miss))}]"
    target = f"{call.service}.{call.operation}"
    return f"{target}: {_block(settings)}" if settings else target


def _link(link: Link) -> str:
    assert isinstance(link, Call)
    return _call(link)


def _times(times: Count) -> str:
    if isinstance(times, Fixed):
        return str(times.value)
    if isinstance(times, Observed):
        return f"{{empirical: [{', '.join(map(str, times.values))}]}}"
    assert isinstance(times, Geometric)
    return f"{{geometric: {{again: {ratio(times.again)}, maximum: {times.maximum}}}}}"


def _time(time: Distribution) -> str:
    return f"{{{_word(time)}}}"


def _word(time: Distribution) -> str:
    if isinstance(time, Mixture):
        parts = zip(time.weights, time.parts, strict=True)
        return f"mixture: [{', '.join(f'{{weight: {ratio(weight)}, {_word(part)}}}' for weight, part in parts)}]"
    assert isinstance(time, LogNormal)
    return f"lognormal: {{median: {duration(time.median)}, sigma: {number(time.sigma)}}}"


def _edge(edge: Edge) -> Iterator[str]:
    """Yield the policies of an edge that differ from the defaults."""
    settings = {}
    if edge.timeout is not None:
        settings["timeout"] = duration(edge.timeout)
    if edge.retry is not None:
        settings["retry"] = _retry(edge.retry)
    if edge.breaker is not None:
        settings["breaker"] = "*breaker"
    if edge.bulkhead is not None:
        settings["bulkhead"] = str(edge.bulkhead.max_concurrent)
    if edge.pool is not None and edge.pool.size != 10:
        settings["pool"] = str(edge.pool.size)
    if settings:
        yield f"  {edge.caller} -> {edge.callee}: {_block(settings)}"


def _retry(retry: Retry) -> str:
    if retry.budget is None:
        return str(retry.max_attempts)
    return _block({"max_attempts": str(retry.max_attempts), "budget": ratio(retry.budget.ratio)})


def _workload(mesh: Topology) -> Iterator[str]:
    workload = mesh.workload
    yield "workload:"
    yield f"  rate: {rate(workload.rate)}"
    yield f"  objective: {{within: {duration(workload.objective.within)}}}"
    yield "  mix:"
    yield from (f"    {entry.service}.{entry.operation}: {number(entry.weight)}" for entry in workload.mix)


def _block(settings: dict[str, str]) -> str:
    return f"{{{', '.join(f'{word}: {value}' for word, value in settings.items())}}}"

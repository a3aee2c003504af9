"""Meshes of any size for benchmarks: copies of one mesh side by side, or one mesh scaled up."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

from meshquake.topology.environment.environment import Environment
from meshquake.topology.spec import Call, Cpu, Edge, Entry, Group, Operation, Service, Topology


def copies(mesh: Topology, count: int) -> Topology:
    """Put `count` copies of a mesh into one: that many times the services and requests, the same load on each."""
    if count == 1:
        return mesh
    parts = [_renamed(mesh, f"-{number}") for number in range(count)]
    return replace(
        mesh,
        name=f"{mesh.name} x {count}",
        services=tuple(service for part in parts for service in part.services),
        edges=tuple(edge for part in parts for edge in part.edges),
        workload=replace(
            mesh.workload,
            rate=mesh.workload.rate * count,
            mix=tuple(entry for part in parts for entry in part.workload.mix),
        ),
        environment=_together([part.environment for part in parts]),
    )


def enlarged(mesh: Topology, factor: int) -> Topology:
    """Scale a mesh to this many times the users, with workers, cores, queues and connections to match."""

    def edge(each: Edge) -> Edge:
        return each if each.pool is None else replace(each, pool=replace(each.pool, size=each.pool.size * factor))

    return replace(
        mesh,
        name=f"{mesh.name}, {factor} times as busy",
        services=tuple(
            replace(
                each,
                workers=each.workers * factor,
                cpu=Cpu(each.cores * factor),
                queue=replace(each.queue, limit=each.queue.limit * factor),
            )
            for each in mesh.services
        ),
        edges=tuple(map(edge, mesh.edges)),
        workload=replace(mesh.workload, rate=mesh.workload.rate * factor),
    )


def _together(parts: list[Environment]) -> Environment:
    """Merge several meshes that share no calls; whatever is not said per service is the same in all of them."""
    concerns: dict[str, Any] = {
        word: tuple(chain.from_iterable(getattr(part, word) for part in parts)) for word in Environment.by_service
    }
    return replace(parts[0], **concerns, jobs=tuple(dict.fromkeys(chain.from_iterable(part.jobs for part in parts))))


def _renamed(mesh: Topology, suffix: str) -> Topology:
    def call(each: Call) -> Call:
        # The ten services make nothing but calls, after a miss too.
        followers = tuple(call(one) for one in each.on_miss if isinstance(one, Call))
        return replace(each, service=each.service + suffix, on_miss=followers)

    def group(each: Group) -> Group:
        return tuple(call(one) for one in each if isinstance(one, Call))

    def operation(each: Operation) -> Operation:
        return replace(each, calls=tuple(map(group, each.calls)))

    def service(each: Service) -> Service:
        return replace(each, name=each.name + suffix, operations=tuple(map(operation, each.operations)))

    def edge(each: Edge) -> Edge:
        return replace(each, caller=each.caller + suffix, callee=each.callee + suffix)

    def entry(each: Entry) -> Entry:
        return replace(each, service=each.service + suffix)

    def environment(whole: Environment) -> Environment:
        names = {each.name for each in mesh.services}
        concerns: dict[str, Any] = {
            word: tuple((name + suffix, concern) for name, concern in getattr(whole, word))
            for word in Environment.by_service
        }
        jobs = tuple(replace(job, on=job.on + suffix) if job.on in names else job for job in whole.jobs)
        return replace(whole, **concerns, jobs=jobs)

    return replace(
        mesh,
        services=tuple(map(service, mesh.services)),
        edges=tuple(map(edge, mesh.edges)),
        workload=replace(mesh.workload, mix=tuple(map(entry, mesh.workload.mix))),
        environment=environment(mesh.environment),
    )

"""Autoscalers that cannot reach their target, or never notice that they should scale."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf

from meshquake.topology.autoscale import Autoscale
from meshquake.topology.review.deployment import Deployment
from meshquake.topology.review.load import HEADROOM
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import counted, rate, ratio


def out_of_reach(mesh: Mesh) -> Iterator[Finding]:
    """Autoscalers whose usual load needs more replicas than they may have."""
    for deployment, scaler in _scaled(mesh):
        load, replicas = deployment.load, deployment.replicas
        # Every replica carries the ambient load too: an autoscaler can't tell it apart.
        besides = load.ambient.cores
        if scaler.cpu is not None and scaler.cpu <= besides:
            yield (
                f"{deployment.path}.autoscale",
                f"never stops asking for replicas: what else {deployment.name} does takes {ratio(besides)} of the "
                f"cores of each, but its target is {ratio(scaler.cpu)}",
            )
            continue
        left = None if scaler.cpu is None else scaler.cpu - besides
        asked = ((load.cores * (1 - besides) * replicas, left), (load.rate, scaler.requests))
        needed = max(amount / target for amount, target in asked if target is not None)
        # Above what the maximum can bear, the service is reported as overloaded instead.
        if needed > scaler.maximum * (1 + scaler.tolerance) and load.offered * replicas < HEADROOM * scaler.maximum:
            yield (
                f"{deployment.path}.autoscale",
                f"its target asks for {ceil(needed)} replicas at the usual load, but its maximum is {scaler.maximum}",
            )


def blind(mesh: Mesh) -> Iterator[Finding]:
    """Autoscalers whose metrics stay below the target however many requests wait."""
    for deployment, scaler in _scaled(mesh):
        load = deployment.load
        if not load.offered:
            continue
        share, answered = load.cores / load.offered, load.rate / load.offered / deployment.replicas
        share = load.ambient.cores + (1 - load.ambient.cores) * share
        seen = []
        if scaler.cpu is not None:
            seen.append((share / scaler.cpu, f"{ratio(share, digits=2)} of its cores are busy", ratio(scaler.cpu)))
        if scaler.requests is not None:
            text = f"it answers {rate(answered, digits=2)}"
            seen.append((answered / scaler.requests, text, rate(scaler.requests)))
        figure, text, target = max(seen)
        if figure <= 1 + scaler.tolerance:
            full = "all workers" if load.workers > load.cores else "all cores"
            yield (
                f"{deployment.path}.autoscale",
                f"never adds a replica: with {full} of one in use, {text}, which is within the target of {target} "
                "and its tolerance",
            )


def idle(mesh: Mesh) -> Iterator[Finding]:
    """Autoscalers that have no choice, or whose initial size they would not choose."""
    for deployment, scaler in _scaled(mesh):
        path, replicas = f"{deployment.path}.autoscale", deployment.replicas
        if scaler.minimum == scaler.maximum == replicas:
            yield path, f"never scales: its minimum and maximum are both {scaler.minimum}"
        elif not scaler.minimum <= replicas <= scaler.maximum:
            bound = scaler.minimum if replicas < scaler.minimum else scaler.maximum
            outside = f"{counted(replicas, 'replica')} to {bound} at its first check: {replicas} is outside its bounds"
            yield path, f"scales {outside}"


def crowded(mesh: Mesh) -> Iterator[Finding]:
    """Autoscalers whose maximum number of replicas doesn't fit the cluster."""
    if mesh.topology.room == inf:
        return
    free = mesh.topology.room - mesh.cores_taken
    for deployment, scaler in _scaled(mesh):
        room = int(free / deployment.service.cores + 1e-9) + deployment.replicas
        if room < scaler.maximum:
            yield (
                f"{deployment.path}.autoscale",
                f"may ask for {counted(scaler.maximum, 'replica')}, but the cluster has room for only {room} beside "
                "the others",
            )


def _scaled(mesh: Mesh) -> Iterator[tuple[Deployment, Autoscale]]:
    for deployments in mesh.deployments.values():
        for deployment in deployments:
            if deployment.autoscale is not None:
                yield deployment, deployment.autoscale

"""Reads the versions of a service that run side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from meshquake.topology.binder import ByHand, block, build, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.operations import OperationReader
from meshquake.topology.spec import Service, Version


def versioned(document: Document, operations: OperationReader, service: Service, node: Node) -> Service:
    """A service with versions: its replicas are all of theirs."""
    versions = []
    for name, entry in block(document, node).items():
        by_hand: ByHand = {"operations": partial(operations.overridden, service)}
        found = {"replicas": service.replicas} | settings(document, Version, entry, by_hand)
        version = build(Version, found, name=name)
        if version is not None:
            versions.append(version)
    weights = [version.weight for version in versions if version.weight is not None]
    if node.kind == "map" and not node.entries:
        document.error(node, "needs at least one version")
    if weights and len(weights) < len(versions):
        document.error(node, "gives a weight to some versions only: give one to each, or to none")
    elif weights and not any(weights):
        document.error(node, "needs a version with a weight of more than 0")
    total = sum(version.replicas for version in versions)
    return replace(service, versions=tuple(versions), replicas=total or service.replicas)

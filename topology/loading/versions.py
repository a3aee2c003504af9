"""Reads the versions of a service that run side by side, each as a deployment of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from meshquake.topology.binder import ByHand, Settings, block, build, overlay, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.deployments import check_rollout, check_scaling
from meshquake.topology.loading.operations import OperationReader
from meshquake.topology.spec import Service, Version

#: What a version inherits from its service if it doesn't set it.
INHERITED = ("replicas", "autoscale", "rollout")


def versioned(
    document: Document, operations: OperationReader, service: Service, found: Settings, node: Node
) -> Service:
    """Return a service with its versions; all its replicas belong to them.

    Parameters
    ----------
    document
        Collects the errors.
    operations
        Reads the operations that differ.
    service, found
        The service without its versions, and what was set for it.
    node
        The block of its versions.
    """
    inherited = {"replicas": service.replicas} | {word: found[word] for word in INHERITED if word in found}
    versions = []
    for name, entry in block(document, node).items():
        by_hand: ByHand = {"operations": partial(operations.overridden, service)}
        own = settings(document, Version, entry, by_hand)
        version = build(Version, overlay(Version, inherited, own), name=name)
        if version is None:
            continue
        if "autoscale" in entry.entries:
            check_scaling(document, version.autoscale, entry)
        if "rollout" in entry.entries:
            check_rollout(document, version.rollout, entry)
        versions.append(version)
    weights = [version.weight for version in versions if version.weight is not None]
    if node.kind == "map" and not node.entries:
        document.error(node, "needs at least one version")
    if weights and len(weights) < len(versions):
        document.error(node, "gives a weight to only some versions: give one to each, or to none")
    elif weights and not any(weights):
        document.error(node, "needs a version with a weight of more than 0")
    total = sum(version.replicas for version in versions)
    return replace(service, versions=tuple(versions), replicas=total or service.replicas)

"""Settings pushed to a part of a running mesh: what the fault and the action that do so share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from meshquake.faults.change import Change, immovable
from meshquake.faults.deployments import unclear
from meshquake.faults.fault import Cause, Surface, Target
from meshquake.topology.autoscale import Autoscale
from meshquake.topology.binder import ByHand, block, build, keys_of, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.spec import Edge, Service, Topology, Version


@dataclass(frozen=True, kw_only=True)
class Push(Cause):
    """A change to settings of edges, of services, or of one version of a service."""

    levels: ClassVar[tuple[str, ...]] = ("service", "edge")
    set: Change = key("other", "the settings, written as in a topology file")
    deployment: str | None = key("text", "if versions run side by side: the one whose settings these are", None)

    def configure(self, mesh: Surface) -> None:
        """Push the settings."""
        for target in self.all_targets:
            mesh.configure(target, self.set, self.deployment)

    def restore(self, mesh: Surface) -> None:
        """Take the settings back."""
        for target in self.all_targets:
            mesh.restore(target, self.set, self.deployment)

    @classmethod
    def settings_of(cls, word: str, entries: Mapping[str, Node]) -> type | None:
        """Return the type whose keys `set` has: that of the target."""
        target = entries.get("target")
        of = Edge if target is not None and "->" in target.text else Version if "deployment" in entries else Service
        return of if word == "set" else None

    @classmethod
    def readers(cls, document: Document, entries: Mapping[str, Node]) -> ByHand:
        """Return how `set` is read: by the grammar of the target's type."""
        of = cls.settings_of("set", entries)
        assert of is not None
        return {"set": partial(_change, document, of)}

    def problem(self, topology: Topology) -> str:
        """Check that the targets are of one type, and that a topology file could have such settings."""
        if len({target.level for target in self.all_targets}) > 1:
            return "its targets must be all edges or all services: their settings differ"
        if self.deployment is not None:
            return next(
                filter(None, (self._of_version(each, self.deployment, topology) for each in self.all_targets)), ""
            )
        for edge in topology.edges:
            if any((edge.caller, edge.callee) == (target.service, target.callee) for target in self.all_targets):
                changed = self.set.applied(edge)
                if changed.retry is not None and changed.hedge is not None:
                    return f"{edge.caller} -> {edge.callee} would have a retry and a hedge: set one to none"
        for service in topology.services:
            if any(target.callee is None and service.name == target.service for target in self.all_targets):
                if service.versions and "autoscale" in self.set.settings():
                    return f"each version of {service.name} has its own autoscaler: choose one with deployment"
                if problem := _unable(self.set.applied(service).autoscale):
                    return f"the autoscaler of {service.name} {problem}"
        return ""

    def _of_version(self, target: Target, deployment: str, topology: Topology) -> str:
        """Return why one version of a service cannot have the settings; empty if it can."""
        if target.level == "edge":
            return f"deployment applies to a service, but {target} is an edge"
        if problem := unclear(target, deployment, topology):
            return problem
        service = topology.service(target.service)
        versions = [
            self.set.applied(version) if version.name == deployment else version for version in service.versions
        ]
        weights = [version.weight for version in versions]
        if "weight" in self.set.settings() and None in weights:
            return f"gives a weight to only some versions of {service.name}: give one to each in the topology"
        if service.weighted and not any(weights):
            return f"no version of {service.name} would have a weight of more than 0"
        for version in versions:
            if problem := _unable(version.autoscale):
                return f"the autoscaler of {version.name} {problem}"
        return ""


def _unable(autoscale: Autoscale | None) -> str:
    """Return why an autoscaler cannot do its work; empty if it can."""
    return "" if autoscale is None else next(autoscale.problems(), "")


def _change(document: Document, of: type, node: Node) -> Change | None:
    """Return the change that a block makes; None, and errors, if it is refused."""
    entries = block(document, node)
    if node.kind == "map" and not entries:
        document.error(node, "must set something, as in {timeout: 200ms}")
    refused = {word: problem for word in entries if (problem := immovable(of, word))}
    for word, problem in refused.items():
        document.error(entries[word], problem)
    if of is Service and "queue" in entries:
        for word in (word for word in entries["queue"].entries if word != "limit"):
            document.error(entries["queue"].entries[word], "cannot change while its processes run: only the limit can")
    found = settings(document, of, node, also=tuple(refused))
    found = {word: value for word, value in found.items() if word not in refused}
    blocks = ((keys_of(of)[word].grammar.spec, value) for word, value in found.items() if isinstance(value, dict))
    if any(spec is not None and build(spec, value) is None for spec, value in blocks):
        return None  # a required key is missing or was refused, as already reported
    return Change.made_of(of, found) if found else None

"""Reads the section `environment` of a topology file: what a mesh does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from meshquake.topology.binder import Settings, build, overlay, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.environment import CALM, Environment
from meshquake.topology.environment.by_service import ByService
from meshquake.topology.environment.jobs import Job
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import SERVICE_KINDS, Service
from meshquake.topology.units import shown


class EnvironmentReader:
    """Reads the section of a document, which refers to `services` by kind and by name."""

    def __init__(self, document: Document, services: Sequence[Service]) -> None:
        self._document = document
        self._services = services

    def read(self, node: Node) -> Environment:
        """Read a section; if it's refused, return an empty environment and report errors."""
        by_hand = {word: partial(self._by_service, kind) for word, kind in Environment.by_service.items()}
        told = settings(self._document, Environment, node, by_hand)
        # What is `none` is as if it weren't there.
        environment = build(Environment, {word: value for word, value in told.items() if value is not None}) or CALM
        for word in ("users", "jobs"):
            if parts := getattr(environment, word):
                place = node.entries[word]
                for part, each in zip(parts, place.items or [place], strict=True):
                    self._refuse(part, each)
                    if isinstance(part, Job):
                        self._find(part, each)
        return environment

    def _find(self, job: Job, node: Node) -> None:
        """Report a job whose `on` is neither a kind of service nor a service."""
        names = dict.fromkeys((*SERVICE_KINDS, *(service.name for service in self._services)))
        if job.on is not None and job.on not in names:
            message = f"{shown(job.on)} is neither a kind of service nor a service{suggestion(job.on, names)}"
            self._document.error(node.entries["on"], message)

    def _refuse(self, told: Any, node: Node) -> None:
        """Report what is wrong with the settings of a node although each key is valid."""
        if told.problem:
            self._document.error(node, told.problem)

    def _by_service(self, kind: type[Any], node: Node) -> ByService[Any]:
        """Return each service's settings of a type: those for all, below those for its kind, below its own."""
        names = dict.fromkeys((*SERVICE_KINDS, *(service.name for service in self._services)))
        everyone = settings(self._document, kind, node, also=names)
        entries = {name: entry for name, entry in node.entries.items() if name in names}
        layers = {
            name: None if entry.is_none else settings(self._document, kind, entry) for name, entry in entries.items()
        }
        found: list[tuple[str, Any]] = []
        wrong: dict[tuple[str, str], Node] = {}
        for service in self._services:
            whole: Settings | None = everyone
            told, place = build(kind, everyone), node
            for name in dict.fromkeys((service.kind, service.name)):
                if name in layers:
                    layer, above = layers[name], told
                    whole = layer if whole is None or layer is None else overlay(kind, whole, layer)
                    told = None if whole is None else build(kind, whole)
                    if above is None or told is None or told.problem != above.problem:
                        place = entries[name]
            if told is not None:
                # If several services have it from one place, it's reported once, where it comes from.
                wrong.setdefault((place.path, told.problem), place)
                if not told.idle:
                    found.append((service.name, told))
        for (_, problem), place in wrong.items():
            if problem:
                self._document.error(place, problem)
        return tuple(found)

"""A description of a mesh, and of what can be done to it, for the forms of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from inspect import getdoc
from typing import Any

from meshquake.faults.actions import action_kinds
from meshquake.faults.change import immovable
from meshquake.faults.fault import Cause, Fault
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.writing import written
from meshquake.sim.live.script import LASTS
from meshquake.sim.live.second import OF_EDGES, OF_SERVICES
from meshquake.topology.binder import keys_of
from meshquake.topology.spec import Edge, Service, Topology
from meshquake.topology.units import duration

#: Keys of every cause that the forms leave out: it happens now, at what was clicked.
_GIVEN = ("id", "target", "targets", "at")


def described(topology: Topology) -> dict[str, Any]:
    """Describe a mesh, and the kinds of fault and action with their keys.

    `of_services` and `of_edges` name the columns of each second's update; `settings` are those of services and edges
    that may change while the mesh runs.
    """
    return {
        "name": topology.name,
        "services": [
            {
                "name": service.name,
                "kind": service.kind,
                "replicas": service.most_replicas_of(""),
                "operations": [operation.name for operation in service.operations],
                "versions": [version.name for version in service.versions],
            }
            for service in topology.services
        ],
        "edges": [{"caller": edge.caller, "callee": edge.callee} for edge in topology.edges],
        "of_services": list(OF_SERVICES),
        "of_edges": list(OF_EDGES),
        "faults": _kinds(fault_kinds().own),
        "actions": _kinds(action_kinds().own),
        "settings": {"service": _settings(Service), "edge": _settings(Edge)},
    }


def _kinds(kinds: Mapping[str, type[Cause]]) -> dict[str, Any]:
    return {
        word: {"doc": getdoc(kind) or "", "levels": list(kind.levels), "keys": list(_keys(kind))}
        for word, kind in kinds.items()
    }


def _keys(kind: type[Cause]) -> list[dict[str, Any]]:
    """List the keys of a kind, those that are required or set its strength first, rarely set ones last."""
    base: type[Cause] = Cause
    usual: Mapping[str, str] = {}
    without = set(_GIVEN)
    if issubclass(kind, Fault):
        base, usual = Fault, kind.ranges
        without |= {word for word, means in (("for", kind.lasts), ("ramp", kind.ramps)) if not means}
    told = []
    for word, key in keys_of(kind).items():
        if word in without:
            continue
        required = key.default is MISSING
        default = None if required or key.default is None else written(key.grammar, key.default)
        if word == "for" and base is Fault:
            default = duration(LASTS)
        told.append(
            {
                "word": word,
                "doc": key.grammar.doc,
                "required": required,
                "default": default if isinstance(default, str) else None,
                "usual": usual.get(word),
                "choices": list(key.grammar.choices),
                "settings": word == "set",
                "block": word in ("shape", "steps") or key.grammar.spec is not None,
                "rare": not required and word not in usual and word != "for" and (word in keys_of(base) or bool(usual)),
            }
        )
    return sorted(told, key=lambda each: (not each["required"], each["usual"] is None, each["word"] != "for"))


def _settings(of: type) -> list[dict[str, Any]]:
    return [
        {
            "word": word,
            "doc": key.grammar.doc,
            "choices": list(key.grammar.choices),
            "keys": [] if key.grammar.spec is None else list(keys_of(key.grammar.spec)),
        }
        for word, key in keys_of(of).items()
        if not immovable(of, word)
    ]

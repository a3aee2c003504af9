"""A mesh, and what may be done to it, as a page needs it to ask somebody what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING
from inspect import getdoc
from typing import Any

from meshquake.faults.actions import action_kinds
from meshquake.faults.fault import Cause
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.writing import written
from meshquake.sim.live.second import OF_EDGES, OF_SERVICES
from meshquake.topology.binder import keys_of
from meshquake.topology.spec import Topology

#: Keys of every cause that nobody is asked for: it happens now, at what was clicked.
_GIVEN = ("id", "target", "targets", "at")


def described(topology: Topology) -> dict[str, Any]:
    """A mesh, and the kinds of fault and of action with their keys.

    `of_services` and `of_edges` name the columns of what each second tells.
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
    }


def _kinds(kinds: Mapping[str, type[Cause]]) -> dict[str, Any]:
    return {
        word: {"doc": getdoc(kind) or "", "levels": list(kind.levels), "keys": list(_keys(kind))}
        for word, kind in kinds.items()
    }


def _keys(kind: type[Cause]) -> list[dict[str, Any]]:
    told = []
    for word, key in keys_of(kind).items():
        if word in _GIVEN:
            continue
        required = key.default is MISSING
        default = None if required or key.default is None else written(key.grammar, key.default)
        told.append(
            {
                "word": word,
                "doc": key.grammar.doc,
                "required": required,
                "default": default if isinstance(default, str) else None,
                "choices": list(key.grammar.choices),
                "block": word in ("set", "shape", "steps") or key.grammar.spec is not None,
            }
        )
    return told

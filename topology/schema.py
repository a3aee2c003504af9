"""The JSON Schema of topology files, from the declarations that `topology.loader` obeys.

A schema cannot express everything; the loader checks the rest: that names exist, edges of services that don't call each
other, cycles, calls too many or too deep, weights that are all 0, an objective's window in parts of a second.
"""

from __future__ import annotations

import re
from inspect import getdoc
from typing import Any

from meshquake.topology.binder import keys_of
from meshquake.topology.counts import COUNTS, Fixed
from meshquake.topology.distribution_loader import Part
from meshquake.topology.distributions import DISTRIBUTIONS, Constant, Mixture
from meshquake.topology.environment import Environment
from meshquake.topology.json_schema import Schema, array, block, document, either, mapping, ref
from meshquake.topology.key_schema import alternatives, block_of, keys_schema, matching, scalar
from meshquake.topology.loader import MeshFile
from meshquake.topology.loading.calls import NOT_FOLLOWING, WORK
from meshquake.topology.loading.defaults import Defaults
from meshquake.topology.loading.names import USERS
from meshquake.topology.loading.patterns import OPERATION_NAME, ROUTE, RPC, SERVICE_NAME, SYSTEM
from meshquake.topology.loading.workload import WEIGHT
from meshquake.topology.shapes import SHAPES, Shape, Week
from meshquake.topology.spec import Call, Edge, Operation, Service, Version, Workload
from meshquake.topology.telemetry.schema import telemetry_schema
from meshquake.topology.users import Bursts, Population, Step

#: Patterns of the names of a service, of one of its operations, and of an edge.
SERVICE = rf"(?!{USERS}(?![A-Za-z0-9_-])){SERVICE_NAME.pattern}"
OPERATION = rf"{SERVICE}\.{OPERATION_NAME.pattern}"
EDGE = rf"{SERVICE}\s*->\s*{SERVICE}"


def topology_schema() -> Schema:
    """Return the schema of a topology file (draft 2020-12)."""
    edges = {place: mapping("", matching(SERVICE), ref("edge")) for place in ("edges_from", "edges_to")}
    everywhere = block("", {}, {word: ref(f"service/properties/{word}") for word in keys_schema(Service)})
    sections = {
        "services": mapping("", matching(SERVICE), ref("service"), minProperties=1),
        "workload": block_of(
            Workload,
            {"mix": _mix(), "populations": mapping("", {"type": "string"}, ref("population"), minProperties=1)},
            anyOf=[{"required": ["mix"]}, {"required": ["populations"]}],
            dependentRequired={"rate": ["mix"]},
        ),
        "defaults": block_of(Defaults, {"service": everywhere, "edge": ref("edge"), **edges}),
        "edges": mapping("", matching(EDGE), ref("edge")),
        "telemetry": telemetry_schema(),
        "environment": block_of(
            Environment, {word: _by_service(kind) for word, kind in Environment.by_service.items()}
        ),
    }
    protocols = {"route": _text(ROUTE), "rpc": _text(RPC)}
    operations = mapping("", matching(OPERATION_NAME.pattern), ref("operation"))
    versions = mapping("", {}, block_of(Version, {"operations": operations}), minProperties=1)
    return document("topology", block_of(MeshFile, sections, doc="A mesh: what it is, and what users ask of it.")) | {
        "$defs": {
            "service": block_of(Service, {"operations": operations, "versions": versions, "system": _text(SYSTEM)}),
            "operation": block_of(Operation, {"work": ref("distribution"), "calls": ref("steps"), **protocols}),
            "steps": _steps(),
            "at_once": array(
                "started concurrently", either("", *_one(), array("", ref("step"), minItems=1)), minItems=1
            ),
            "step": either("", *_one(), ref("at_once")),
            "call": _call(
                block_of(
                    Call,
                    {"on_miss": _chain(), "on_success": _chain(), "on_failure": _chain(), "times": _count()},
                    dependentRequired={"on_miss": ["hit_rate"], "at_once": ["times"]},
                )
            ),
            "following": _call(_following()),
            "edge": block_of(
                Edge,
                {
                    "latency": ref("distribution"),
                    "policies": {"type": "object"},
                },
            ),
            "distribution": _distribution(),
            "population": _population(),
            "part": block("", keys_schema(Part), _words(), minProperties=2, maxProperties=2),
            **{word: block_of(kind, doc=_doc(kind)) for word, kind in DISTRIBUTIONS.items()},
            Mixture.word: array(_doc(Mixture), ref("part"), minItems=1),
        }
    }


def _by_service(kind: type[Any]) -> Schema:
    """The schema of what may be set for all services, by kind and by name."""
    one = either("", {"const": "none"}, block_of(kind))
    named = {"propertyNames": matching(SERVICE), "additionalProperties": one}
    return either("", *alternatives(keys_of(kind)[kind.shorthand].grammar), block("", {}, keys_schema(kind)) | named)


def _mix() -> Schema:
    return mapping("", matching(OPERATION), scalar(WEIGHT), minProperties=1)


def _population() -> Schema:
    """The schema of a population: how its users arrive, in one of several ways, and what they ask for."""
    times = dict.fromkeys(("think_time", "away", "patience", "retry_after"), ref("distribution"))
    alone = {"type": "string"} | matching(OPERATION, "service.operation")
    step = either("", alone, mapping("", matching(OPERATION), block_of(Step), minProperties=1, maxProperties=1))
    bursts = block_of(Bursts, {"on": ref("distribution"), "off": ref("distribution")})
    kinds: tuple[type[Shape], ...] = (*SHAPES.values(), Week)
    shapes = {kind.word: block_of(kind, doc=_doc(kind)) for kind in kinds}
    return block_of(
        Population,
        {
            "replay": {"type": "string"},
            "mix": _mix(),
            "journey": array("", step, minItems=1),
            "over_time": block("", {}, {**shapes, Bursts.word: bursts}, minProperties=1, maxProperties=1),
            **times,
        },
        oneOf=[{"required": [word]} for word in ("rate", "users", "replay")],
    )


def _one(call: str = "call") -> list[Schema]:
    """The schemas of one element: a call, or own work."""
    return [ref(call), block("own work between calls", {WORK: ref("distribution")})]


def _steps() -> Schema:
    """The schema of one step, or of several in a row.

    In a list of steps, a nested list holds concurrent branches, and a list within that holds steps again.
    """
    return either("", *_one(), array("", ref("step")))


def _count() -> Schema:
    """The schema of how often a call is made: a number, or a word with its parameters."""
    words = {word: block_of(kind, doc=_doc(kind)) for word, kind in COUNTS.items()}
    number = alternatives(keys_of(Fixed)[Fixed.shorthand].grammar)
    return either("", *number, block("", {}, words, minProperties=1, maxProperties=1))


def _text(pattern: re.Pattern[str]) -> Schema:
    return {"type": "string"} | matching(pattern.pattern)


def _chain() -> Schema:
    links = _one("following")
    return either("", *links, array("", either("", *links)))


def _following() -> Schema:
    """The schema of the keys of a call that follows another call."""
    return block("", {}, {word: schema for word, schema in keys_schema(Call).items() if word not in NOT_FOLLOWING})


def _call(keys: Schema) -> Schema:
    """The schema of a call, alone or with a block of keys."""
    alone = {"type": "string"} | matching(OPERATION, "service.operation")
    return either("", alone, mapping("", matching(OPERATION), keys, minProperties=1, maxProperties=1))


def _distribution() -> Schema:
    """The schema of a distribution: a constant time, or a word with its parameters."""
    constant = alternatives(keys_of(Constant)[Constant.shorthand].grammar)
    return either("", *constant, block("", {}, _words(), minProperties=1, maxProperties=1))


def _words() -> dict[str, Schema]:
    return {word: ref(word) for word in DISTRIBUTIONS}


def _doc(cls: type) -> str:
    return getdoc(cls) or ""

"""The JSON Schema of topology files, from the declarations that `topology.loader` obeys.

What it can't say is for the loader to find: names that must exist, edges of services that don't call, cycles, calls too
many or too deep, weights that are all 0, an objective's window in parts of a second.
"""

from __future__ import annotations

from inspect import getdoc

from meshquake.topology.binder import keys_of
from meshquake.topology.distribution_loader import Part
from meshquake.topology.distributions import DISTRIBUTIONS, Constant, Mixture
from meshquake.topology.json_schema import Schema, array, block, document, either, mapping, ref
from meshquake.topology.key_schema import alternatives, block_of, keys_schema, matching, scalar
from meshquake.topology.loader import NOT_ON_MISS, OPERATION_NAME, SERVICE_NAME, USERS, WEIGHT, Defaults, MeshFile
from meshquake.topology.spec import Call, Edge, Operation, Service, Version, Workload

#: Patterns of what names a service, an operation of one, and an edge.
SERVICE = rf"(?!{USERS}(?![a-z0-9-])){SERVICE_NAME.pattern}"
OPERATION = rf"{SERVICE}\.{OPERATION_NAME.pattern}"
EDGE = rf"{SERVICE}\s*->\s*{SERVICE}"


def topology_schema() -> Schema:
    """Of a topology file (draft 2020-12)."""
    edges = {place: mapping("", matching(SERVICE), ref("edge")) for place in ("edges_from", "edges_to")}
    everywhere = block("", {}, {word: ref(f"service/properties/{word}") for word in keys_schema(Service)})
    sections = {
        "services": mapping("", matching(SERVICE), ref("service"), minProperties=1),
        "workload": block_of(
            Workload, {"mix": mapping("", matching(OPERATION), scalar(WEIGHT), minProperties=1)}, ["mix"]
        ),
        "defaults": block_of(Defaults, {"service": everywhere, "edge": ref("edge"), **edges}),
        "edges": mapping("", matching(EDGE), ref("edge")),
    }
    operations = mapping("", matching(OPERATION_NAME.pattern), ref("operation"))
    versions = mapping("", {}, block_of(Version, {"operations": operations}), minProperties=1)
    return document("topology", block_of(MeshFile, sections, doc="A mesh: what it is, and what users ask of it.")) | {
        "$defs": {
            "service": block_of(Service, {"operations": operations, "versions": versions}),
            "operation": block_of(Operation, {"work": ref("distribution"), "calls": _calls()}),
            "call": _call(block_of(Call, {"on_miss": _chain()}, dependentRequired={"on_miss": ["hit_rate"]})),
            "call_on_miss": _call(_on_miss()),
            "edge": block_of(
                Edge,
                {
                    "latency": ref("distribution"),
                    "policies": {"type": "object"},
                },
            ),
            "distribution": _distribution(),
            "part": block("", keys_schema(Part), _words(), minProperties=2, maxProperties=2),
            **{word: block_of(kind, doc=_doc(kind)) for word, kind in DISTRIBUTIONS.items()},
            Mixture.word: array(_doc(Mixture), ref("part"), minItems=1),
        }
    }


def _calls() -> Schema:
    """One call, or calls in turn, of which those in a list are made at once."""
    together = array("concurrent calls", ref("call"), minItems=1)
    return either("", ref("call"), array("", either("", ref("call"), together)))


def _chain() -> Schema:
    return either("", ref("call_on_miss"), array("", ref("call_on_miss")))


def _on_miss() -> Schema:
    """The keys of a call that is made when a lookup misses."""
    return block("", {}, {word: schema for word, schema in keys_schema(Call).items() if word not in NOT_ON_MISS})


def _call(keys: Schema) -> Schema:
    """A call, alone or with a block of its keys."""
    alone = {"type": "string"} | matching(OPERATION, "service.operation")
    return either("", alone, mapping("", matching(OPERATION), keys, minProperties=1, maxProperties=1))


def _distribution() -> Schema:
    """A constant time, or a word with its parameters."""
    constant = alternatives(keys_of(Constant)[Constant.shorthand].grammar)
    return either("", *constant, block("", {}, _words(), minProperties=1, maxProperties=1))


def _words() -> dict[str, Schema]:
    return {word: ref(word) for word in DISTRIBUTIONS}


def _doc(cls: type) -> str:
    return getdoc(cls) or ""

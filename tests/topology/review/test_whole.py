"""The warnings about a mesh as a whole: each is given where it is true, and not in a nearby valid case."""

import time

import pytest
from hypothesis import given, settings
from odd_meshes import pair
from random_meshes import meshes

from meshquake.topology.distributions import LogNormal
from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.policies import Retry
from meshquake.topology.review import remarks, review
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload


def test_a_sound_mesh_has_no_warnings():
    assert pair("{timeout: 100ms, retry: 3, breaker: {minimum_calls: 20}, bulkhead: 5, pool: 10}") == []


@settings(max_examples=50)
@given(meshes())
def test_every_warning_points_at_a_service_or_an_edge_of_the_mesh_once(mesh):
    known = {f"services.{service.name}" for service in mesh.services}
    known |= {f"services.{service.name}.operations.{op.name}" for service in mesh.services for op in service.operations}
    known |= {
        f"edges.{edge.caller} -> {edge.callee}.{policy}"
        for edge in mesh.edges
        for policy in ("timeout", "retry", "breaker", "bulkhead", "pool")
    }
    warnings = review(mesh)
    assert {path for path, _ in warnings} <= known
    assert len(set(warnings)) == len(warnings)


def test_nothing_is_odd_about_the_services_and_timeouts_of_the_shipped_meshes():
    for path in shipped().values():
        warnings = review(load(path).topology)
        assert [where for where, _ in warnings if where.startswith("services.")] == []
        assert [message for _, message in warnings if "healthy answers" in message or "multiply" in message] == []


def test_a_thousand_services_are_reviewed_in_seconds():
    """Layers in which every operation calls three of the next: 3^49 paths."""

    def calls(layer, place):
        return tuple((Call(f"s{layer + 1}-{(place + step) % 20}", "go"),) for step in (0, 1, 7)) if layer < 49 else ()

    services = tuple(
        Service(f"s{layer}-{place}", operations=(Operation("go", LogNormal(0.001, 0.5), calls(layer, place)),))
        for layer in range(50)
        for place in range(20)
    )
    edges = tuple(
        Edge(service.name, call.service, timeout=1.0, retry=Retry(on=("dependency_failed",)))
        for service in services
        for group in service.operations[0].calls
        for call in group
    )
    mesh = Topology("wide", services, edges, Workload(rate=1e-12, mix=(Entry("s0-0", "go", 1.0),)))
    begun = time.process_time()
    warnings = review(mesh)
    assert time.process_time() - begun < 60  # rather than years
    assert any(f"one request may become {3**49:.0f} calls" in message for _, message in warnings)


@pytest.mark.parametrize(
    ("edges", "line"), [("", 3), ("edges: {a -> b: {timeout: 2ms}}", 5), ("defaults: {edge: {timeout: 2ms}}", 5)]
)
def test_a_warning_stands_where_its_key_does_or_its_default_or_else_its_caller(edges, line):
    """A call without a timeout has no key for it; one with too short a timeout has."""
    text = f"""name: lines
services:
  a: {{workers: 1, operations: {{go: {{calls: b.go}}, on: {{}}}}}}
  b: {{operations: {{go: {{work: 9ms, calls: a.on}}}}}}
{edges}
workload: {{rate: 1/s, mix: {{a.go: 1}}}}
"""
    found = remarks(parse(text, "m.yaml"))
    assert str(found[0]).startswith(f"m.yaml:{line}: warning: edges.a -> b.timeout: ")

"""The mesh as a graph."""

import networkx as nx
import pytest
from hypothesis import given, settings
from random_meshes import meshes

from meshquake.topology.graph import (
    calls_of,
    cycles,
    depths,
    name_of,
    operation_graph,
    service_graph,
    sites_per_entry,
)
from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload


@pytest.fixture(scope="module")
def shop():
    return load(shipped()["ten-services"]).topology


def test_service_graph_has_services_in_file_order_and_their_edges(shop):
    graph = service_graph(shop)
    assert list(graph) == [service.name for service in shop.services]
    assert [data["edge"] for _, _, data in graph.edges(data=True)] == sorted(
        shop.edges, key=lambda edge: list(graph).index(edge.caller)
    )


def test_a_call_behind_two_lookups_is_made_when_both_miss():
    mesh = parse(
        """
        name: layers
        services:
          app:
            operations:
              get: {calls: [near.get: {probability: 50%, hit_rate: 80%, on_miss: [far.get: {hit_rate: 75%}, db.get]}]}
          near: {operations: {get: {}}}
          far: {operations: {get: {}}}
          db: {operations: {get: {}}}
        workload: {mix: {app.get: 1}}
        """,
        "layers.yaml",
    ).topology
    chances = [(name_of(call), chance) for call, chance in calls_of(mesh.operation("app", "get"))]
    assert chances == [("near.get", 0.5), ("far.get", pytest.approx(0.1)), ("db.get", pytest.approx(0.025))]


@settings(max_examples=50)
@given(meshes(cyclic=True))
def test_one_true_cycle_is_found_for_each_set_of_operations_that_reach_each_other(mesh):
    graph = operation_graph(mesh)
    found = cycles(mesh)
    knots = [
        knot
        for knot in nx.strongly_connected_components(graph)
        if len(knot) > 1 or any(graph.has_edge(node, node) for node in knot)
    ]
    assert sorted(next(i for i, knot in enumerate(knots) if cycle[0] in knot) for cycle in found) == [
        *range(len(knots))
    ]
    for cycle in found:
        assert len(set(cycle)) == len(cycle)
        assert all(graph.has_edge(a, b) for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert list(graph).index(cycle[0]) == min(
            list(graph).index(node) for knot in knots if cycle[0] in knot for node in knot
        )


@settings(max_examples=50)
@given(meshes())
def test_depth_is_the_longest_chain_of_calls_to_any_operation_of_a_service(mesh):
    graph = operation_graph(mesh)

    def chain(node):
        return max((1 + chain(caller) for caller in graph.predecessors(node)), default=0)

    assert depths(mesh) == {
        service.name: max(chain(f"{service.name}.{operation.name}") for operation in service.operations)
        for service in mesh.services
    }


@settings(max_examples=50)
@given(meshes(cyclic=True))
def test_following_calls_to_their_end_fails_if_there_is_none(mesh):
    if cycles(mesh):
        for function in (depths, sites_per_entry):
            with pytest.raises(nx.NetworkXUnfeasible):
                function(mesh)


@settings(max_examples=50)
@given(meshes())
def test_sites_are_the_nodes_of_the_tree_grown_from_an_entry(mesh):
    def grown(service, operation):
        links = [link for link, _ in calls_of(mesh.operation(service, operation))]
        return 1 + sum(grown(link.service, link.operation) for link in links)

    assert sites_per_entry(mesh) == {
        name_of(entry): grown(entry.service, entry.operation) for entry in mesh.workload.mix
    }


def test_a_mesh_with_more_paths_than_could_be_walked_is_counted_all_the_same():
    services = tuple(
        Service(f"s{i}", operations=(Operation("go", calls=((Call(f"s{i + 1}", "go"),),) * 2 if i < 60 else ()),))
        for i in range(61)
    )
    edges = tuple(Edge(f"s{i}", f"s{i + 1}") for i in range(60))
    mesh = Topology("doubling", services, edges, Workload(mix=(Entry("s0", "go", 1.0),)))
    assert sites_per_entry(mesh) == {"s0.go": 2**61 - 1}
    assert depths(mesh)["s60"] == 60
    assert cycles(mesh) == []

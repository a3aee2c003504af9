"""Replicas are placed on nodes evenly, those of one service apart, and always the same way."""

from collections import Counter

from meshquake.topology.loader import parse
from meshquake.topology.placement import Placement

MESH = """
name: m
{cluster}
services:
  web: {{replicas: 3, operations: {{home: {{calls: [db.select]}}}}}}
  db: {{kind: database, replicas: 5, operations: {{select: {{}}}}}}
workload: {{rate: 10/s, mix: {{web.home: 1}}}}
"""


def placed(cluster: str) -> Placement:
    return Placement(parse(MESH.format(cluster=cluster), "m.yaml").topology)


def test_a_mesh_has_as_many_nodes_as_it_says_and_else_one_for_every_eight_replicas_but_three():
    assert placed("").nodes == ("node-1", "node-2", "node-3")
    assert placed("cluster: {nodes: 4}").nodes == ("node-1", "node-2", "node-3", "node-4")
    assert len(placed("cluster: {cores: 1000}").nodes) == 3


def test_nodes_have_equally_many_pods_and_those_of_a_service_run_apart():
    nodes = placed("cluster: {nodes: 4}")
    of = {
        name: [nodes.node(name, f"{name}-{index}") for index in range(size)] for name, size in (("web", 3), ("db", 5))
    }
    assert of["web"] == ["node-1", "node-2", "node-3"]
    assert of["db"] == ["node-4", "node-1", "node-2", "node-3", "node-4"]
    assert set(Counter(of["web"] + of["db"]).values()) == {2}


def test_a_replica_that_comes_later_goes_on_round():
    assert placed("cluster: {nodes: 4}").node("web", "web-17") == "node-2"


def test_a_service_that_nobody_calls_moves_no_other():
    spare = MESH.replace("services:\n", "services:\n  spare: {{replicas: 20, operations: {{idle: {{}}}}}}\n")
    others = Placement(parse(spare.format(cluster=""), "m.yaml").topology)
    assert others.nodes == placed("").nodes
    for service, count in (("web", 3), ("db", 5)):
        for index in range(count):
            assert others.number(service, index) == placed("").number(service, index)

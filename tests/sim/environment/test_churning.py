"""Pooled connections are closed at their maximum age, and reopened by the next call that needs one."""

import pytest
from laws import check_counters
from stage import drain, take_rows, topology_of

from meshquake.sim.mesh import Mesh


def mesh_of(connections, end, rate="20/s"):
    """Return a caller of two replicas, with pools of 8 connections; a call holds one for 5 ms."""
    environment = f"environment: {{connections: {connections}}}" if connections else ""
    return Mesh(
        topology_of(f"""
name: connections
services:
  app: {{replicas: 2, operations: {{get: {{work: 1ms, calls: [db.read]}}}}}}
  db: {{kind: database, operations: {{read: {{work: 4ms}}}}}}
edges: {{app -> db: {{latency: 0.5ms, pool: {{size: 8, connect: 10ms}}}}}}
{environment}
workload: {{rate: {rate}, mix: {{app.get: 1}}}}
"""),
        1,
        end,
    )


def pools(mesh):
    (edge,) = mesh.edges
    return [replica.callers[edge.index].policies["pool"] for replica in mesh.services["app"].replicas]


def test_connections_are_closed_at_the_rate_of_their_lifetime():
    """Nobody opens any, so of the 16 open at first only the surviving ones remain."""
    mesh = mesh_of("{lifetime: 100s, open: 8}", end=0.0, rate="0.001/s")
    assert sum(pool.idle for pool in pools(mesh)) == 16
    left = []
    for second in range(0, 200, 20):
        mesh.env.advance(second + 1)
        left.append(sum(pool.idle for pool in pools(mesh)))
    assert left == sorted(left, reverse=True) and left[-1] <= 6
    assert left[5] == pytest.approx(16 / 2.718, abs=3)


def test_what_is_closed_is_opened_anew_by_who_needs_it_with_the_handshake_that_the_edge_has():
    mesh = mesh_of("20s", end=400.0)
    (edge,) = mesh.edges
    for second in range(1, 401):
        mesh.env.advance(second)
        check_counters(mesh)
        assert all(pool.in_use + pool.idle <= 8 for pool in pools(mesh))
    drain(mesh)
    rows = take_rows(mesh)
    calls = rows[rows["caller"] >= 0]
    slow = calls[calls["ended"] - calls["sent"] > 0.014]
    # A pool reopens its one or two connections every 20 s or so.
    assert 20 <= edge.opened <= 120
    assert len(slow) == pytest.approx(edge.opened, abs=5)


def test_without_it_a_pool_keeps_what_it_has():
    mesh = mesh_of("", end=100.0)
    mesh.env.advance(100)
    assert mesh.edges[0].opened == 0 and all(pool.in_use + pool.idle == 8 for pool in pools(mesh))

"""Faults of processes, probes, connections and caches do harm, and the key traces it to the root."""

import pytest
from twin_runs import compare, simulation

from meshquake.faults.loader import Options

MESH = """
name: shop
defaults:
  service: {workers: 8, queue: 32, startup: 1s, readiness: {period: 1s, failure_threshold: 2}}
  edge: {latency: 1ms, timeout: 500ms}
services:
  web:
    kind: gateway
    workers: 64
    operations: {home: {work: 1ms, calls: [app.get, cache.get: {hit_rate: 95%, on_miss: [db.read]}]}}
  app: {replicas: 2, workers: 16, cpu: 2, operations: {get: {work: {exponential: 8ms}}}}
  cache: {kind: cache, operations: {get: {work: 0.2ms}}}
  db: {kind: database, cpu: 1, workers: 4, queue: 8, operations: {read: {work: {exponential: 30ms}}}}
edges:
  web -> app: {pool: {size: 16, acquire_timeout: 200ms}}
workload: {rate: 60/s, mix: {web.home: 1}}
"""
OPTIONS = Options(duration=15.0, lead_in=15.0, recovery=5.0)


@pytest.mark.parametrize(
    ("fault", "root", "step"),
    [
        ("throttle: {target: app, to: 5%}", "app", ("app", "app", "cpu throttling")),
        ("pause: {target: app, length: 1s, every: 3s}", "app", ("app", "app", "process paused")),
        ("probe: {target: app}", "app", ("app", "web", "no ready replica")),
        ("reset: {target: web -> app, every: 50ms}", "app", ("app", "web", "connection reset")),
        ("miss: {target: cache}", "cache", ("cache", "web", "cache miss")),
        ("flush: {target: cache, warm: 20s}", "cache", ("cache", "web", "cache miss")),
    ],
)
def test_each_harms_users_and_the_key_tells_how(fault, root, step):
    key = compare(simulation(fault, mesh=MESH, options=OPTIONS)).key
    (told,) = key["faults"]
    assert told["user_facing"]["moved"]
    assert told["root_cause"]["service"] == root
    assert step in {(each["from"], each["to"], each["mechanism"]) for each in told["mechanism"]}
    assert root in {each["service"] for each in told["affected"]}


def test_a_handshake_that_fails_harms_nobody_until_connections_must_be_made():
    """An expired certificate alone is latent; once connections are reset, the pool cannot recover."""
    expired = "handshake: {target: web -> app}"
    (alone,) = compare(simulation(expired, mesh=MESH, options=OPTIONS)).key["faults"]
    assert alone["latent"]
    both = compare(
        simulation(expired, "reset: {target: web -> app, at: 5s, every: 60s}", mesh=MESH, options=OPTIONS)
    ).key
    first = both["faults"][0]
    assert ("app", "web", "failed handshake") in {(s["from"], s["to"], s["mechanism"]) for s in first["mechanism"]}
    assert first["user_facing"]["moved"]

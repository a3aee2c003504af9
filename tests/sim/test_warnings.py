"""Each warning about a mesh predicts what happens, and the problem is gone once the mesh is mended."""

import numpy as np
import pytest
from stage import RESULTS, drain, play, take_rows

from meshquake.sim.mesh import Mesh
from meshquake.topology.loader import parse
from meshquake.topology.review import review
from meshquake.topology.review.failures import failures
from meshquake.topology.review.mesh import Mesh as ReviewedMesh

PAIR = """
name: pair
services:
  app: {{workers: 50, operations: {{go: {{work: 1ms, calls: db.go}}}}}}
  db: {{workers: 50, {db}, operations: {{go: {{work: {work}, error_rate: {errors}, error: unavailable}}}}}}
edges: {{app -> db: {edge}}}
workload: {{rate: 100/s, objective: {{share: 1%, within: 1m}}, mix: {{app.go: 1}}}}
"""


def played(edge, db="replicas: 1", work="10ms", errors="0%", seconds=8):
    """Return the warnings about a mesh, and the attempts at its second service, by result."""
    topology = parse(PAIR.format(edge=edge, db=db, work=work, errors=errors), "mesh.yaml").topology
    mesh = Mesh(topology, seed=1, end=seconds)
    mesh.env.advance(mesh.end)
    drain(mesh)
    rows = take_rows(mesh)
    attempts = rows[rows["caller"] >= 0]
    names, counts = np.unique(attempts["result"], return_counts=True)
    odd = [message.split(":")[0] for _, message in review(topology)]
    return odd, dict(zip((RESULTS[code] for code in names), counts.tolist(), strict=True)), mesh.engine, attempts


@pytest.mark.parametrize(
    ("limit", "odd"),
    [
        ("tokens: 2", ["retries nothing"]),
        ("tokens: 200", []),
        ("bucket: {capacity: 4, cost: 5}", ["retries nothing"]),
        ("bucket: {capacity: 400, cost: 5}", []),
        ("breaker: 0%", ["retries nothing"]),
        ("breaker: 50%", []),
        ("concurrent: 0", ["retries nothing"]),
        ("concurrent: 1", []),
    ],
)
def test_a_limit_that_is_said_to_let_no_retry_through_lets_none(limit, odd):
    warned, results, _, attempts = played(f"{{retry: {{max_attempts: 3, {limit}}}}}", errors="20%", seconds=2)
    assert warned == odd
    retried = len(attempts) > len(np.unique(attempts["number"]))
    assert retried is not bool(odd)
    assert results["unavailable"] > 0


@pytest.mark.parametrize(
    ("panic", "replicas", "odd"),
    [("0%", 1, ["ejects the only replica of db"]), ("50%", 1, ["ejects nothing"]), ("0%", 9, [])],
)
def test_the_only_replica_is_ejected_or_used_in_panic(panic, replicas, odd):
    edge = f"{{outlier: {{consecutive: 3, success_rate: none, panic: {panic}}}}}"
    warned, results, _, _ = played(edge, db=f"replicas: {replicas}", errors="50%", seconds=2)
    assert warned == odd
    assert ("no_ready_replica" in results) is (odd == ["ejects the only replica of db"])


@pytest.mark.parametrize(("least", "odd"), [(3, True), (30, False)])
def test_an_adaptive_limit_refuses_healthy_calls_while_it_measures(least, odd):
    warned, results, _, _ = played(
        f"{{adaptive_concurrency: {{least: {least}, remeasure: 2s}}}}", work="90ms", seconds=6
    )
    assert bool(warned) is odd
    assert ("concurrency_limited" in results) is odd


@pytest.mark.parametrize(("delay", "odd"), [("200ms", ["never hedges"]), ("100ms", [])])
def test_a_hedge_after_the_timeout_is_never_sent(delay, odd):
    work = "{mixture: [{weight: 80%, constant: 5ms}, {weight: 20%, constant: 190ms}]}"
    warned, _, _, attempts = played(f"{{timeout: 195ms, hedge: {delay}}}", db="replicas: 2", work=work, seconds=2)
    assert warned == odd
    assert (len(attempts) > len(np.unique(attempts["number"]))) is not bool(odd)


LINE = """
name: line
defaults: {{service: {{workers: 200}}}}
services:
  a: {{operations: {{go: {{calls: b.go}}}}}}
  b: {{operations: {{go: {{calls: c.go}}}}}}
  c: {{operations: {{go: {{calls: d.go}}}}}}
  d: {{operations: {{go: {{work: 30s}}}}}}
edges: {{a -> b: {ab}, b -> c: {bc}, c -> d: {cd}}}
workload: {{rate: 2/s, mix: {{a.go: 1}}}}
"""


@pytest.mark.parametrize("ab", ["{timeout: 1s}", "{timeout: 1s, cancellation: true}"])
@pytest.mark.parametrize(
    "bc", ["{timeout: 5s}", "{timeout: 5s, cancellation: true}", "{timeout: 5s, inherit_deadline: true}"]
)
@pytest.mark.parametrize("cd", ["{timeout: 4s}", "{timeout: 4s, inherit_deadline: true}"])
def test_services_work_for_nobody_where_that_was_said(ab, bc, cd):
    topology = parse(LINE.format(ab=ab, bc=bc, cd=cd), "mesh.yaml").topology
    callers = {path[6] for path, message in review(topology) if "nobody waits" in message}
    mesh = Mesh(topology, seed=1, end=3.0)
    mesh.env.advance(mesh.end)
    drain(mesh)
    rows = take_rows(mesh)
    names = np.array([site.service.spec.name for site in mesh.sites])[rows["site"]]
    # The callee finishes at most two messages of half a millisecond after its caller sees the call end.
    late = {name: bool((rows["finished"] - rows["ended"])[names == name].max() > 0.01) for name in "bc"}
    assert callers == {chr(ord(name) - 1) for name, is_late in late.items() if is_late}


@pytest.mark.parametrize(
    ("calls", "policy", "share"),
    [
        ("db.go", "{}", 0.1),
        ("[[db.go, db.go], db.go]", "{}", 1 - 0.9**3),
        ("[db.go: {times: 2}]", "{retry: 2}", 1 - 0.99**2),
        ("[db.go: {optional: true}]", "{}", 0.0),
        ("[db.go: {probability: 50%}]", "{}", 0.05),
        ("[db.go: {on_failure: spare.go}]", "{}", 0.1 * 0.3),
        ("[db.go: {hit_rate: 50%, on_miss: spare.go}]", "{}", (1 - 0.9 * 0.5) * 0.3),
        ("db.go", "{retry: {max_attempts: 3, on: [timeout]}}", 0.1),
        ("db.go", "{hedge: 1s}", 0.01),
        ("deep.go", "{}", 0.1),
    ],
)
def test_requests_fail_as_often_as_error_rates_say(calls, policy, share):
    topology = parse(
        f"""
        name: failing
        services:
          app: {{workers: 9, operations: {{go: {{calls: {calls}}}, stay: {{calls: [db.go, spare.go, deep.go]}}}}}}
          db: {{operations: {{go: {{error_rate: 10%, error: unavailable}}}}}}
          spare: {{operations: {{go: {{error_rate: 30%}}}}}}
          deep: {{operations: {{go: {{calls: db.go}}}}}}
        edges: {{app -> db: {policy}}}
        workload: {{rate: 1000/s, mix: {{app.go: 1}}}}
        """,
        "mesh.yaml",
    ).topology
    nothing_wrong = ReviewedMesh.of(topology)
    assert failures(nothing_wrong.operations, nothing_wrong.edges)["app.go"] == pytest.approx(share)
    rows = play(topology, 1, 4000)
    entries = rows[rows["caller"] < 0]
    assert np.mean(entries["outcome"] != 0) == pytest.approx(share, abs=4 * (share * (1 - share) / len(entries)) ** 0.5)

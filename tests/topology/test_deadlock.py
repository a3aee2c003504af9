"""Meshes whose workers can deadlock: each is warned of once, and nearby valid cases are not."""

import time

import pytest
from random_worlds import World

from meshquake.sim.mesh import Mesh
from meshquake.topology.deadlock import Deadlock, Wait, deadlocks
from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.review import review


def found(text):
    return list(deadlocks(parse(text, "mesh.yaml").topology))


def ring(ab="{}", ba="{}", a="{}", b="{}", go="b.go", mix="{a.x: 1}"):
    """Return a mesh in which a.x calls b.z, which calls a.y: a cycle of services, but no cycle of operations."""
    return found(f"""
name: ring
defaults: {{service: {{workers: 4, queue: 16}}}}
services:
  a: {{operations: {{x: {{calls: b.z}}, y: {{work: 1ms}}}}, workers: 4, {a[1:-1]}}}
  b: {{operations: {{z: {{calls: a.y}}}}, {b[1:-1]}}}
edges: {{a -> b: {ab}, b -> a: {ba}}}
workload: {{mix: {mix}}}
""")


CIRCLE = [Deadlock((Wait("a", ("a.x", "b.z")),), 2, ("a", "b"))]


def test_a_service_that_calls_itself_without_a_timeout_may_wait_for_itself():
    operations = "{x: {calls: a.y}, y: {}}"
    text = f"{{name: n, services: {{a: {{workers: 1, operations: {operations}}}}}, workload: {{mix: {{a.x: 1}}}}}}"
    assert found(text) == [Deadlock((Wait("a", ("a.x",)),), 1, ("a", "a"))]


def test_services_that_call_each_other_round_may_all_wait():
    assert ring() == CIRCLE


def test_so_may_services_that_call_each_other_for_different_operations():
    services = "a: {operations: {x: {calls: b.z}, y: {}}}, b: {operations: {w: {calls: a.y}, z: {}}}"
    mesh = f"{{name: n, services: {{{services}}}, workload: {{mix: {{a.x: 1, b.w: 1}}}}}}"
    assert found(mesh) == [Deadlock((Wait("a", ("a.x",)), Wait("b", ("b.w",))), 2, ("a", "b"))]
    assert found(mesh.replace("b.w: 1", "b.w: 0")) == []


@pytest.mark.parametrize(
    "policies",
    [
        {"ab": "{timeout: 10s}"},
        {"ba": "{timeout: 1h}"},
        {"ab": "{bulkhead: 3}"},
        {"ab": "{pool: 3}"},
        {"ba": "{bulkhead: 3}"},
        {"a": "{queue: 0}"},
        {"b": "{workers: 2, queue: 1}"},
        {"mix": "{b.z: 1}"},
        {"ab": "{overall_timeout: 10s}"},
        {"ab": "{pool: {size: 1, streams: 3}}"},
        {"b": "{handlers: async}", "a": "{handlers: async}"},
    ],
)
def test_a_deadline_or_a_limit_that_leaves_a_worker_breaks_the_circle(policies):
    assert ring(**policies) == []


@pytest.mark.parametrize(
    ("web", "ab"),
    [
        ("{timeout: 5s, cancellation: true}", "{}"),
        ("{timeout: 5s}", "{inherit_deadline: true}"),
    ],
)
def test_a_deadline_from_above_breaks_the_circle_if_all_callers_have_one(web, ab):
    text = f"""
name: ring
services:
  web: {{operations: {{go: {{calls: a.x}}}}}}
  a: {{workers: 4, operations: {{x: {{calls: b.z}}, y: {{}}}}}}
  b: {{operations: {{z: {{calls: a.y}}}}}}
edges: {{web -> a: {web}, a -> b: {ab}}}
workload: {{mix: {{web.go: 1}}}}
"""
    assert found(text) == []
    assert found(text.replace(web, "{}")) == CIRCLE
    assert found(text.replace("web.go: 1", "web.go: 1, a.x: 1")) == CIRCLE


@pytest.mark.parametrize(
    "policies",
    [
        {"ab": "{bulkhead: 4}"},
        {"ab": "{pool: 4}"},
        {"ba": "{bulkhead: 3}", "b": "{replicas: 2}"},
        {"ab": "{breaker: {minimum_calls: 1}}"},
        {"ab": "{retry: 3}"},
        {"b": "{queue: 0}"},
        {"b": "{workers: 3, queue: 1}"},
        {"ab": "{pool: {size: 2, streams: 2}}"},
        # The first caller is a user, who waits forever.
        {"ab": "{inherit_deadline: true}", "ba": "{inherit_deadline: true}"},
        {"ab": "{cancellation: true}", "ba": "{cancellation: true}"},
    ],
)
def test_a_limit_that_leaves_none_and_what_only_counts_calls_that_end_break_nothing(policies):
    (deadlock,) = ring(**policies)
    assert deadlock.circle == CIRCLE[0].circle


def test_a_call_that_is_never_made_holds_nobody_and_one_that_is_hardly_ever_made_does():
    text = """
name: n
services: {a: {operations: {x: {calls: [a.y: {probability: SHARE}]}, y: {}}}}
workload: {mix: {a.x: 1}}
"""
    assert found(text.replace("SHARE", "0%")) == []
    assert len(found(text.replace("SHARE", "0.1%"))) == 1


def hub(count):
    """Return services that all use one hub, which uses all of them: very many cycles, but one component."""
    spokes = "\n".join(f"  s{n}: {{operations: {{go: {{calls: hub.get}}, ask: {{}}}}}}" for n in range(count))
    asks = ", ".join(f"s{n}.ask" for n in range(count))
    mix = ", ".join(f"s{n}.go: 1" for n in range(count))
    return (
        f"name: hub\nservices:\n  hub: {{operations: {{get: {{}}, all: {{calls: [{asks}]}}}}}}\n{spokes}\n"
        f"workload: {{mix: {{hub.all: 1, {mix}}}}}\n"
    )


def test_services_that_are_linked_by_many_circles_are_warned_of_once():
    (warning,) = [message for _, message in review(parse(hub(40), "mesh.yaml").topology) if "deadlock" in message]
    assert warning == (
        "possible deadlock: all workers of hub may be held by hub.all, which waits for a worker of s0, all of s0 may "
        "be held by s0.go, which waits for a worker of hub, and none of these calls has a timeout. A timeout on one of "
        "them breaks the cycle, as does a bulkhead smaller than its caller's workers; 41 services wait in such cycles"
    )


def test_a_long_circle_is_told_in_a_few_words():
    services = "\n".join(
        f"  s{n}: {{operations: {{go: {{calls: s{(n + 1) % 300}.get}}, get: {{}}}}}}" for n in range(300)
    )
    mix = ", ".join(f"s{n}.go: 1" for n in range(300))
    text = f"name: ring\nservices:\n{services}\nworkload: {{mix: {{{mix}}}}}\n"
    (warning,) = [message for _, message in review(parse(text, "mesh.yaml").topology) if "deadlock" in message]
    assert "and so on around 300 services" in warning
    assert len(warning) < 700


def test_of_the_shipped_meshes_only_train_ticket_can_deadlock():
    """Its travel and seat services use each other without timeouts, as the real ones do."""
    assert [name for name, path in shipped().items() if list(deadlocks(load(path).topology))] == ["train-ticket"]


def test_a_thousand_services_that_all_wait_for_each_other_are_looked_through_in_a_moment():
    topology = parse(hub(999), "mesh.yaml").topology
    began = time.process_time()
    assert [deadlock.services for deadlock in deadlocks(topology)] == [1000]
    assert time.process_time() - began < 10


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_whatever_mesh_stands_still_for_ever_was_warned_of(first):
    stuck = 0
    for seed in range(first, first + 50):
        topology = parse(World(seed).mesh, "mesh.yaml").topology
        mesh = Mesh(topology, seed, end=2.0)
        mesh.env.advance(1000.0)  # longer than anything takes except very long queues
        engine = mesh.engine
        moments = (engine._arrive, engine.when_worked, engine._answered, engine._again, engine._lost)
        moves = any(entry[3] in moments for entry in mesh.env._queue)
        if engine.inside and not moves:
            stuck += 1
            assert list(deadlocks(topology)), seed
    assert stuck

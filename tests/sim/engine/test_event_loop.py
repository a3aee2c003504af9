"""How long a callback waits for its turn on the event loop, from the work and the pauses of its process."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage, play, take_rows, topology_of

from meshquake.faults.fault import Target
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.pause import Pause
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.engine.event_loop import EventLoop
from meshquake.sim.mesh import Mesh
from meshquake.topology.residual import residual

MESH = """
name: loop
services:
  app:
    stack: nodejs/express
    workers: 1000
    queue: 100000
    cpu: {cpu}
    readiness: {{period: 600s}}
    operations: {{get: {{work: {work}}}}}
{more}
workload: {{rate: {rate}/s, mix: {{app.get: 1}}}}
"""


def text(cpu="1", work="20ms", rate=30, more=""):
    return MESH.format(cpu=cpu, work=work, rate=rate, more=more)


def waited(stage, until):
    """Return the integral of the wait over time so far (ms squared)."""
    return stage.mesh.replicas[0].loop.waited(until / 1000) * 1e6


def test_a_callback_waits_for_what_came_before_it_and_less_and_less():
    """20 ms of work at 0 ms, and 20 more at 10: until 40 ms there is something to wait for."""
    stage = Stage(text())
    stage.request(0, 10)
    stage.mesh.env.advance(0.015)
    assert stage.mesh.replicas[0].loop.wait(0.015) == pytest.approx(0.025)
    assert waited(stage, 15) == pytest.approx(10 * 15 + 5 * 27.5)
    stage.mesh.env.advance(0.1)
    assert stage.mesh.replicas[0].loop.wait(0.1) == 0
    assert waited(stage, 100) == pytest.approx(10 * 15 + 30 * 15)


def test_while_a_process_stands_still_a_callback_is_as_late_as_that_and_waits_for_what_stands():
    """A pause of 100 ms, 10 ms into 20 ms of work."""
    stage = Stage(text())
    stage.request(0)
    stage.fault(Pause(id="p", target=Target("service", "app"), length=0.1), 10, 110)
    stage.mesh.env.advance(0.06)
    assert stage.mesh.replicas[0].loop.wait(0.06) == pytest.approx(0.060)
    stage.mesh.env.advance(0.2)
    assert waited(stage, 200) == pytest.approx(10 * 15 + 100 * (10 + 50) + 10 * 5)


def test_a_pause_without_any_work_makes_callbacks_late_too():
    stage = Stage(text())
    stage.fault(Pause(id="p", target=Target("service", "app"), length=0.1), 10, 110)
    stage.mesh.env.advance(0.2)
    assert waited(stage, 200) == pytest.approx(100 * 50)


def test_work_that_hangs_blocks_nobody_until_it_goes_on():
    stage = Stage(text())
    stage.request(5)
    stage.fault(Hang(id="h", target=Target("service", "app")), 0, 100)
    stage.mesh.env.advance(0.09)
    assert waited(stage, 90) == 0
    stage.mesh.env.advance(0.2)
    assert waited(stage, 200) == pytest.approx(20 * 10)


def test_a_process_that_is_killed_takes_its_work_along():
    stage = Stage(text())
    stage.request(0, 0, 0)
    stage.fault(Stop(id="s", target=Target("service", "app")), 30, 100)
    stage.mesh.env.advance(0.2)
    assert waited(stage, 200) == pytest.approx(30 * 45)


def test_under_a_quota_a_callback_waits_for_the_next_period():
    """A tenth of a core: 10 of 20 ms of work are done, stand still until 100 ms are over, and go on."""
    stage = Stage(text(cpu="{limit: 100m, machine: 1}"))
    stage.request(300)
    stage.mesh.env.advance(1.2)
    stood = stage.mesh.replicas[0].throttled_time(1.2) * 1000
    assert 10 < stood < 90
    assert waited(stage, 1200) == pytest.approx(10 * 15 + stood * (10 + stood / 2) + 10 * 5)


@pytest.mark.parametrize("cpu", [1, 3])
def test_the_wait_is_what_requests_in_order_of_arrival_would_have(cpu):
    """Of each request it is the time from its arrival to the start of its work, with one loop or with three."""
    played = Mesh(topology_of(text(cpu=cpu, rate=40 * cpu)), 3, 0.0)
    loop, users = played.replicas[0].loop, played.users[0]
    random = np.random.default_rng(5)
    waits = []

    def enter(number):
        waits.append(loop.wait(played.now))
        played.engine.enter(users.root, number)

    for number, moment in enumerate(np.cumsum(random.exponential(0.02 / cpu / 0.8, 400)).tolist()):
        played.env.call_at(moment, enter, number)
    played.env.advance(60)
    rows = np.sort(take_rows(played), order="number")
    assert rows["finished"] - rows["arrived"] - 0.02 == pytest.approx(waits, abs=1e-9)
    assert max(waits) > 0.02


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5), st.sampled_from(["add", "pause"])), max_size=30),
    st.lists(st.floats(0, 40), max_size=20),
)
def test_looking_changes_nothing_and_the_integral_never_falls(happens, looks):
    plain, seen = EventLoop(1), EventLoop(1)
    now, last, looks = 0.0, 0.0, sorted(looks)
    for gap, length, what in happens:
        now += gap
        while looks and looks[0] < now:
            value = seen.waited(looks.pop(0))
            assert value >= last - 1e-9
            last = value
        for loop in (plain, seen):
            if what == "add":
                loop.add(now, length)
            else:
                loop.stood(now, now + length)
        now += length if what == "pause" else 0.0
    assert plain.waited(now + 50) == seen.waited(now + 50)


def test_a_lap_is_the_mean_since_the_last_one():
    loop = EventLoop(1)
    loop.add(1.0, 0.5)
    assert loop.lap(2.0) == pytest.approx(0.125 / 2)
    assert loop.lap(3.0) == 0.0


def test_only_a_process_that_runs_all_in_one_thread_has_a_loop_and_it_decides_nothing():
    """The rows of a run are the same on any other stack."""
    plain = text().replace("nodejs/express", "go/gin")
    assert Mesh(topology_of(plain), 1, 0.0).replicas[0].loop is None
    assert (play(topology_of(text()), 1, 300) == play(topology_of(plain), 1, 300)).all()


def test_what_a_process_does_besides_keeps_a_callback_waiting_as_requests_of_its_kind_would():
    """A third of the core in pieces of 20 ms, of which 10 are left on average: half of that."""
    stage = Stage(text(more="environment: {load: {cores: 33.3333%, cv: 0%, workers: 0%}}"))
    stage.mesh.env.advance(10)
    assert waited(stage, 10_000) / 10_000 == pytest.approx(10 / 2, rel=1e-3)


def test_of_a_piece_of_work_half_is_left_if_all_are_alike_and_all_of_it_if_they_are_exponential():
    alike, exponential = (topology_of(text(work=work)).services[0] for work in ("20ms", "{exponential: 20ms}"))
    assert residual(alike.operations) == pytest.approx(0.010)
    assert residual(exponential.operations) == pytest.approx(0.020, rel=0.02)

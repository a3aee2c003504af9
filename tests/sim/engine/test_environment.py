"""SimPy's clock, with callbacks besides its events."""

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.engine.environment import Environment


def test_processes_and_callbacks_of_one_time_run_in_the_order_in_which_they_were_scheduled():
    env = Environment()
    log = []

    def process(name):
        yield env.timeout(1)
        log.append((env.now, name))
        yield env.timeout(1)
        log.append((env.now, name))

    def note(name):
        log.append((env.now, name))

    env.call_at(1, note, "callback 1")
    env.process(process("process"))
    env.advance(0.5)
    env.call_at(1, note, "callback 2")
    env.call_at(2, note, "callback 3")
    env.advance(3)
    assert log == [
        (1, "callback 1"),
        (1, "process"),
        (1, "callback 2"),
        (2, "callback 3"),
        (2, "process"),
    ]


def test_an_urgent_callback_comes_before_everything_else_of_its_time():
    env = Environment()
    log = []
    env.call_at(1, log.append, "usual")
    env.call_at(1, log.append, "urgent", urgent=True)
    env.advance(2)
    assert log == ["urgent", "usual"]


def test_advancing_stops_before_what_happens_at_the_horizon():
    env = Environment()
    log = []
    env.call_at(1, log.append, "at 1", urgent=True)
    env.advance(1)
    assert (env.now, log) == (1, [])
    env.advance(1.5)
    assert (env.now, log) == (1.5, ["at 1"])


def test_a_failure_that_nobody_handles_stops_the_run():
    env = Environment()

    def process():
        yield env.timeout(1)
        raise LookupError("lost")

    env.process(process())
    with pytest.raises(LookupError, match="lost"):
        env.advance(2)


def test_an_empty_schedule_is_simpys_error():
    with pytest.raises(simpy.core.EmptySchedule):
        Environment().step()


# A program: processes that wait, start others, wait for them or for the first of two events, and interrupt each other.
PAUSES = st.sampled_from([0, 0.5, 1, 1, 2])
STEPS = st.one_of(
    st.tuples(st.just("wait"), PAUSES),
    st.tuples(st.just("race"), PAUSES, PAUSES),
    st.tuples(st.just("join"), PAUSES),
    st.tuples(st.just("interrupt"), st.integers(0, 4)),
    st.tuples(st.just("queue"), PAUSES),
)
PROGRAMS = st.lists(st.lists(STEPS, max_size=5), min_size=1, max_size=5)


def run_program(env, program, run):
    """Return the log of a program in an environment."""
    log = []
    resource = simpy.Resource(env, capacity=1)
    processes = []

    def sleeper(name, pause):
        yield env.timeout(pause)
        log.append((env.now, name, "slept"))

    def main(name, steps):
        for position, (word, *arguments) in enumerate(steps):
            try:
                if word == "wait":
                    yield env.timeout(*arguments)
                elif word == "race":
                    yield env.timeout(arguments[0]) | env.timeout(arguments[1])
                elif word == "join":
                    yield env.process(sleeper(name, *arguments))
                elif word == "queue":
                    with resource.request() as request:
                        yield request
                        yield env.timeout(*arguments)
                else:
                    target = processes[arguments[0] % len(processes)]
                    if target.is_alive and target is not env.active_process:
                        target.interrupt()
                log.append((env.now, name, position, word))
            except simpy.Interrupt:
                log.append((env.now, name, position, "interrupted"))

    for name, steps in enumerate(program):
        processes.append(env.process(main(name, steps)))
    run(env)
    return log


@given(PROGRAMS, st.lists(st.floats(0.01, 30), max_size=4))
def test_any_program_runs_as_it_does_in_simpy_however_the_clock_is_advanced(program, horizons):
    def in_steps(env):
        for horizon in [*sorted(horizons), 1000]:
            env.advance(horizon)

    expected = run_program(simpy.Environment(), program, lambda env: env.run())
    assert run_program(Environment(), program, in_steps) == expected
    assert run_program(Environment(), program, lambda env: env.run()) == expected


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=40))
def test_calls_that_are_taken_back_do_not_come_and_all_others_do(asked):
    """Calls anywhere in the heap can be cancelled; they are returned in the order in which they were scheduled."""
    env = Environment()
    log = []
    note = log.append
    for number, (time, _) in enumerate(asked):
        env.call_at(time, note, number)
        env.call_at(time, id, number)  # another function with the same argument
    taken = {number for number, (_, back) in enumerate(asked) if back}
    assert env.recall(note, taken, max((asked[number][0] for number in taken), default=0.0)) == sorted(taken)
    env.advance(11)
    left = [number for number in range(len(asked)) if number not in taken]
    assert log == sorted(left, key=lambda number: asked[number][0])

"""Shapes: how a fault's strength varies while it acts."""

from dataclasses import replace

import pytest
from stage import Stage, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.stop import Stop
from meshquake.faults.loader import Options, parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.shapes import OnOff, Ramp, Sine, Steps

#: The strength at the seconds 0, 1, ... of ten.
LEVELS = {
    "ramp": (Ramp(up=2, down=4), [0, 0.5, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
    "steps": (Steps((0.2, 1.0)), [0.2] * 5 + [1.0] * 5),
    "steps of a length": (Steps((0.2, 0.6, 1.0), each=2), [0.2, 0.2, 0.6, 0.6] + [1.0] * 6),
    "sine": (Sine(period=4, low=0.5), [0.5, 0.75, 1, 0.75] * 2 + [0.5, 0.75]),
    "on_off": (OnOff(on=1, off=2, low=0.1), [1, 0.1, 0.1] * 3 + [1]),
}


@pytest.mark.parametrize(("shape", "levels"), LEVELS.values(), ids=list(LEVELS))
def test_a_shape_has_its_strengths_at_their_times_and_none_outside_of_the_window(shape, levels):
    window = Window(5, 5, 15, shape)
    assert [window.level(5 + second) for second in range(10)] == pytest.approx(levels)
    assert (window.level(4.9), window.level(15)) == (0, 0)
    assert not window.steady


def test_a_ramp_and_a_shape_multiply():
    window = Window(0, 10, 20, OnOff(on=1, off=1))
    assert [window.level(time) for time in (5, 6, 12, 13)] == pytest.approx([0, 0.6, 1, 0])


def scenario(*faults):
    text = f"name: x\nconfounders: none\nfaults: [{', '.join(f'{{{fault}}}' for fault in faults)}]\n"
    return parse(text, "x.yaml", Options(seed=3))


def complaints(*faults):
    with pytest.raises(DocumentError) as caught:
        scenario(*faults)
    return [problem.message for problem in caught.value.problems if not problem.warning]


def test_a_shape_is_read_with_its_units():
    loaded = scenario("slow: {target: database, factor: 4, shape: {steps: {levels: [10%, 50%], each: 250ms}}}")
    assert loaded.scenario.faults[0].shape == Steps((0.1, 0.5), 0.25)


def test_a_shape_that_is_none_is_refused():
    assert complaints("slow: {target: database, factor: 4, shape: {cosine: {period: 3s}}}") == [
        "must have exactly one of ramp, steps, sine, on_off, as in {sine: {period: 30s}}"
    ]


TARGETS = {
    "configure": "database",
    "deploy": "database",
    "flip": "database, set: {queue: 9}",
    "flush": "cache-service",
    "pause": "database",
    "reset": "order-service -> database",
    "restart": '"database[0]"',
    "scale": "database, to: 2",
    "stop": "database",
}


def test_what_is_all_or_nothing_says_what_to_write_in_place_of_a_shape():
    """Every kind accepts any shape, or says what it takes instead."""
    assert list(TARGETS) == [word for word, kind in fault_kinds().items() if not kind.ramps]
    told = {kind: complaints(f"{kind}: {{target: {target}, shape: {{sine: 5s}}}}") for kind, target in TARGETS.items()}
    several, own = "is all or nothing: write it several times, each with its own at", "and has no shape"
    on_off = "is all or nothing: its only shape is on_off, as in {on_off: {on: 5s, off: 20s}}"
    assert told == {
        "configure": [f"a configure fault {several}"],
        "deploy": [f"a deploy fault proceeds as canary, hold and steps say, {own}"],
        "flip": [f"a flip fault {on_off}"],
        "flush": [f"a flush fault {several}"],
        "pause": [f"a pause fault repeats as length and every say, {own}"],
        "reset": [f"a reset fault repeats as every says, {own}"],
        "restart": [f"a restart fault {several}"],
        "scale": [f"a scale fault {several}"],
        "stop": [f"a stop fault {on_off}"],
    }
    assert complaints("stop: {target: database, shape: {on_off: {on: 1s, off: 9s, low: 20%}}}") == [
        "a stop fault is all or nothing, so its shape cannot have a low"
    ]


def test_who_leaves_the_kind_to_the_seed_has_the_shape_where_it_means_something():
    loaded = scenario("any: {of: [stop], target: database, shape: {sine: 5s}}")
    (fault,) = loaded.scenario.faults
    assert fault.acts(loaded.scenario.window(fault)).shape is None


STUCK = """
name: stuck
services: {db: {workers: 1000, startup: 3s, readiness: {period: 600s}, operations: {get: {work: 10ms}}}}
workload: {rate: 1/s, mix: {db.get: 1}}
"""
DB = Target("service", "db")


def seen(fault, window, requests=()):
    stage = Stage(STUCK)
    stage.request(*requests)
    stage.mesh.env.process(unfold(stage.mesh, fault, window))
    return stage.play(), stage.events()


@pytest.mark.parametrize("severity", [1.0, 0.5])
def test_a_process_that_is_stopped_on_and_off_is_down_whenever_the_shape_is_on(severity):
    """A crash loop: the process is killed every ten seconds, stays down for two, and starts and works in the rest."""
    stop, window = Stop(target=DB, severity=severity), Window(10, 10, 42, OnOff(on=2, off=8))
    _, events = seen(stop, window)
    stopped, started = (
        [time / 1000 for time, kind, _ in events if kind == name] for name in ("replica_stopped", "restart")
    )
    assert stopped == [10, 20, 30, 40]
    assert started == pytest.approx([time + 2 * severity for time in stopped])
    assert stop.acts(window).end == pytest.approx(started[-1])


def test_a_setting_is_pushed_and_rolled_back_whenever_the_shape_is_on():
    (fault,) = scenario("flip: {target: database, set: {queue: 9}}").scenario.faults
    _, events = seen(replace(fault, target=DB), Window(10, 10, 20, OnOff(on=1, off=5)))
    assert [time / 1000 for time, kind, _ in events if kind == "config_change"] == [10, 11, 16, 17]


def test_what_hangs_goes_on_when_the_share_that_hangs_falls_and_what_is_still_among_it_does_not():
    """Requests at 1 s hang until the shape is off at 4 s; of those at 6 s, half go on at 8 s, and all at the end."""
    lines, _ = seen(Hang(target=DB), Window(0, 0, 4.5, OnOff(on=4, off=4)), [1000])
    assert lines == ["1000-4010 db: success"]
    falls = Window(0, 0, 12, Steps((1.0, 0.5), each=8))
    rows = [line.split(" ")[0].split("-")[1] for line in seen(Hang(target=DB), falls, [6000] * 400)[0]]
    assert set(rows) == {"8010", "12010"}
    assert rows.count("8010") == pytest.approx(200, abs=30)

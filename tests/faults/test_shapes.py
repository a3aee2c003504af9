"""Shapes: how a fault's strength goes up and down while it acts."""

import pytest

from meshquake.faults.fault import Window
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


def test_what_is_all_or_nothing_warns_of_a_shape():
    loaded = scenario("stop: {target: database, shape: {sine: 5s}}")
    assert "a stop fault has no shape: it is all or nothing" in [each.message for each in loaded.warnings]

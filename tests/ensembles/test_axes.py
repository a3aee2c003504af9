"""Parameters, and the cells that they span."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.ensembles.axes import axis, cells, split


def labels(text):
    return [level.label for level in axis(text).levels]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("services.db.replicas=1,2, 3", ["1", "2", "3"]),
        ("edges.a -> b.retry=none,{max_attempts: 3, base: 0s}", ["none", "{max_attempts: 3, base: 0s}"]),
        ("x='a,b',[c, d]", ["'a,b'", "[c, d]"]),
        ("rate=20..80:4", ["20", "40", "60", "80"]),
        ("rate=20/s..25/s:3", ["20/s", "22.5/s", "25/s"]),
        ("x=0.1..0.3:3", ["0.1", "0.2", "0.3"]),
    ],
)
def test_values_are_listed_or_stand_between_two_ends(text, values):
    assert labels(text) == values
    path = text.partition("=")[0]
    assert [level.assignments for level in axis(text).levels] == [(f"{path}={value}",) for value in values]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services.db.replicas", "must be PATH=a,b,c or PATH=lo..hi:n"),
        ("x=1,,2", "value 2 of x is empty"),
        ("x=1,2,1", "x has the value '1' twice"),
        ("x=1ms..2s:3", "its ends must be numbers with one unit"),
        ("x=3..1:3", "its first end must be the lower one"),
        ("x=1..3:1", "the number of values, after the colon, must be"),
        ("x=1..y:3", "is not a range"),
    ],
)
def test_what_is_no_parameter_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        axis(text)


def test_a_grid_has_every_combination_and_the_last_parameter_changes_fastest():
    found = cells([axis("a=1,2"), axis("b=x,y")], None, 1)
    assert [cell.label for cell in found] == ["1, x", "1, y", "2, x", "2, y"]
    assert found[1].assignments == ("a=1", "b=y")
    assert [cell.label for cell in cells([], None, 1)] == ["as it is"]


@given(st.integers(1, 40), st.integers(0, 2**63 - 1))
def test_each_strip_of_a_latin_hypercube_has_one_point(points, seed):
    found = cells([axis("a=0.0..1.0"), axis("b=10ms..20ms")], points, seed)
    for place, (low, width) in enumerate([(0.0, 1.0), (10.0, 10.0)]):
        values = np.array([float(cell.levels[place].label.removesuffix("ms")) for cell in found])
        place_in_strip = np.sort((values - low) / width * points) - np.arange(points)
        assert np.all((place_in_strip > -1e-3) & (place_in_strip < 1 + 1e-3))  # they have six digits


def test_a_hypercube_is_its_seeds_and_takes_lists_and_whole_numbers_too():
    axes = [axis("a=1..8"), axis("b=x,y")]
    found = cells(axes, 64, 1)
    assert found == cells(axes, 64, 1) != cells(axes, 64, 2)
    assert {cell.levels[0].label for cell in found} == set("12345678")
    assert [sum(cell.levels[1].label == word for cell in found) for word in "xy"] == [32, 32]


@pytest.mark.parametrize(
    ("axes", "sample", "message"),
    [
        (["a=1..3"], None, "a: a range needs a number of values"),
        (["a=1,2", "a=3"], None, "a: is varied twice"),
        ([], 5, "a Latin hypercube needs something to vary"),
        (["a=1..101:101", "b=1..101:101"], None, "makes 10,201 cells; at most 10,000 are allowed"),
    ],
)
def test_axes_that_make_no_cells_are_refused(axes, sample, message):
    with pytest.raises(ValueError, match=message):
        cells([axis(text) for text in axes], sample, 1)


@given(st.lists(st.text("ab{}[],' ", max_size=8), min_size=1, max_size=5))
def test_splitting_loses_nothing(parts):
    text = ",".join(parts)
    assert ",".join(split(text)).replace(" ", "") == text.replace(" ", "")

"""Numbers in files: parsing, formatting, and errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology import units

AMOUNTS = st.just(0.0) | st.floats(1e-9, 1e9) | st.integers(1, 10**9).map(float)


@pytest.mark.parametrize("unit", ["duration", "ratio", "rate", "size", "cores", "number"])
@given(amount=AMOUNTS)
def test_a_number_reads_back_as_it_was_written(unit: str, amount: float) -> None:
    """For every unit, parsing the formatted number gives the same float, to the last bit."""
    assert units.UNITS[unit].parse(units.UNITS[unit].show(amount)) == amount


@given(st.integers(-(10**30), 10**30))
def test_a_count_reads_back_as_it_was_written(count: int) -> None:
    """Integers survive, without passing through floats."""
    assert units.parse_count(str(count)) == count


@given(st.text())
def test_whatever_is_no_value_is_refused_in_one_line(text: str) -> None:
    """No text makes a parser fail except by ValueError, and the message is printable."""
    for unit in units.UNITS.values():
        try:
            unit.parse(text)
        except ValueError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5s", 1.5), ("2m", 120.0), ("1h", 3600.0), ("40us", 0.00004), ("0.4ms", 0.0004), ("0", 0.0)],
)
def test_durations_are_exact(text: str, seconds: float) -> None:
    """A duration is the float nearest to the written number."""
    assert units.parse_duration(text) == seconds


def test_plain_seconds_are_for_the_command_line() -> None:
    """A number without a unit means seconds where the caller allows it, and is otherwise refused with a suggestion."""
    assert units.parse_duration("90", plain_seconds=True) == 90.0
    with pytest.raises(ValueError, match=r"^needs a unit, as in 90ms or 90s$"):
        units.parse_duration("90")
    with pytest.raises(ValueError, match=r"^must be a duration such as 90, 250ms or 2m, not 'soon'$"):
        units.parse_duration("soon", plain_seconds=True)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("ratio", "40%", 0.4),
        ("ratio", "0.4", 0.4),
        ("rate", "20/s", 20.0),
        ("rate", "90/m", 1.5),
        ("rate", "5/h", 5 / 3600),
        ("rate", "7", 7.0),
        ("size", "512MiB", 2.0**29),
        ("size", "64KiB", 65536.0),
        ("size", "1MB", 1e6),
        ("size", "1024", 1024.0),
        ("size", "128Mi", 2.0**27),
        ("size", "500M", 5e8),
        ("size", "64k", 64e3),
        ("cores", "200m", 0.2),
        ("cores", "0.3", 0.3),
        ("cores", "2", 2.0),
        ("number", "1e3", 1000.0),
        ("count", "12", 12),
        ("flag", "true", True),
        ("flag", "false", False),
    ],
)
def test_each_unit_has_its_spellings(unit: str, text: str, value: object) -> None:
    """Everything the documentation lists can be parsed, and means what it says."""
    assert units.UNITS[unit].parse(text) == value


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("count", "10_000"),
        ("count", "3.0"),
        ("count", "9" * 5000),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e999"),
        ("number", "\u0663"),
        ("duration", "1:30"),
        ("duration", "5 s"),
        ("duration", "1e999h"),
        ("ratio", "40 %"),
        ("rate", "20/d"),
        ("size", "512mib"),
        ("size", "128m"),
        ("cores", "2Ki"),
        ("flag", "yes"),
        ("text", ""),
        ("text", "two\nlines"),
    ],
)
def test_near_misses_are_refused(unit: str, text: str) -> None:
    """No underscores, no rounding to an integer, no nan or inf, no digits of other scripts, no other spelling."""
    with pytest.raises(ValueError, match=r"^must be "):
        units.UNITS[unit].parse(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (units.duration(0.25), "250ms"),
        (units.duration(0.0), "0s"),
        (units.duration(90), "90s"),
        (units.duration(120), "2m"),
        (units.duration(7200), "2h"),
        (units.duration(0.00004), "40us"),
        (units.duration(0.0123456, digits=2), "12ms"),
        (units.duration(0.9999, digits=2), "1s"),
        (units.ratio(0.4), "40%"),
        (units.ratio(1 / 3, digits=2), "33%"),
        (units.rate(20.0), "20/s"),
        (units.size(2**29), "512MiB"),
        (units.size(1.5 * 2**30), "1.5GiB"),
        (units.size(1_000_000), "1000000B"),
        (units.size(1_000_000, digits=2), "980KiB"),
        (units.number(0.6), "0.6"),
        (units.counted(0, "call site"), "0 call sites"),
        (units.counted(1, "call site"), "1 call site"),
    ],
)
def test_numbers_are_written_in_the_unit_that_reads_best(text: str, written: str) -> None:
    """The largest unit that keeps every digit, or as many digits as requested."""
    assert text == written

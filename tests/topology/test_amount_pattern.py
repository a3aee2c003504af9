"""Patterns for amounts within bounds."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.amount_pattern import amount_pattern

NUMBERS = st.integers(-(10**4), 10**4).map(Decimal) | st.decimals(-99, 99, places=2) | st.decimals(-1, 1, places=4)
#: Numbers as people may write them: leading and trailing zeros, a point at either end, a sign.
TEXTS = st.from_regex(r"[+-]?(0{0,2}[0-9]{1,6}(\.[0-9]{0,5})?|\.[0-9]{1,5})", fullmatch=True)
PLAIN = {"": Decimal(1)}
Bounds = tuple[Decimal | None, Decimal | None]


def ordered(bounds: Bounds) -> Bounds:
    """Return the two in ascending order."""
    low, high = bounds
    return bounds if low is None or high is None or low <= high else (high, low)


BOUNDS = st.tuples(st.none() | NUMBERS, st.none() | NUMBERS).map(ordered)


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a text."""
    return re.fullmatch(pattern, text) is not None


@given(BOUNDS, st.booleans(), TEXTS)
def test_a_pattern_matches_just_the_numbers_within_its_bounds(bounds: Bounds, above: bool, text: str) -> None:
    number, (low, high) = Decimal(text), bounds
    above = above and low is not None and low >= 0
    enough = low is None or (number > low if above else number >= low)
    assert matches(amount_pattern(PLAIN, low, high, above), text) == (enough and (high is None or number <= high))


@given(BOUNDS, st.booleans())
def test_a_bound_is_told_from_the_numbers_next_to_it(bounds: Bounds, above: bool) -> None:
    """Random numbers are seldom that close."""
    low, high = bounds
    above = above and low is not None and low >= 0
    for bound in bounds:
        for number in () if bound is None else (bound, bound - Decimal("1e-6"), bound + Decimal("1e-6")):
            inside = (low is None or (number > low if above else number >= low)) and (high is None or number <= high)
            assert matches(amount_pattern(PLAIN, low, high, above), f"{number:f}") == inside


@given(st.tuples(st.integers(-30, 1200), st.integers(-30, 1200)).map(sorted), st.integers(-30, 1500))
def test_whole_numbers_have_digits_only(bounds: list[int], number: int) -> None:
    low, high = map(Decimal, bounds)
    pattern = amount_pattern(PLAIN, low, high, whole=True)
    assert matches(pattern, str(number)) == (low <= number <= high)
    assert not any(matches(pattern, f"{number}{more}") for more in (".", ".0", "e0"))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("1h", True),
        ("1.01h", False),
        ("60m", True),
        ("61m", False),
        ("3600.5s", False),
        ("100ms", True),
        ("99.9ms", False),
        ("0.1s", True),
        (".09s", False),
        ("-1s", False),
        ("0", False),
        ("5", False),
        ("5d", False),
        ("s", False),
        ("5 s", False),
    ],
)
def test_bounds_are_those_of_every_unit(text: str, fits: bool) -> None:
    scales = {"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
    assert matches(amount_pattern(scales, Decimal("0.1"), Decimal(3600)), text) == fits


@pytest.mark.parametrize("zero", ["0", "00", "-0", "+0.0", ".0", "0.", "0e5"])
def test_zero_needs_no_unit(zero: str) -> None:
    scales = {"s": Decimal(1)}
    assert matches(amount_pattern(scales, Decimal(0), None), zero)
    assert matches(amount_pattern(scales, Decimal(-5), Decimal(5)), f"{zero}s")
    assert not matches(amount_pattern(scales, Decimal(0), None, above=True), zero)


def test_what_is_no_number_is_none_within_any_bounds() -> None:
    for low, high in ((None, None), (Decimal(0), Decimal(9)), (Decimal(-9), Decimal("0.5"))):
        pattern = amount_pattern(PLAIN, low, high)
        assert not any(matches(pattern, text) for text in ("", ".", "+", "-.", "1.2.3", "0x1", "1_0", "e5", "1e"))


def test_of_a_number_with_an_exponent_the_sign_is_looked_at() -> None:
    pattern = amount_pattern({"s": Decimal(1)}, Decimal(0), Decimal(9))
    texts = {
        "1e0s": True,
        "+.5E-2s": True,
        "1e300s": True,
        "-1e0s": False,
        "1e1234s": False,
        "1e+s": False,
        "1e0": False,
    }
    assert {text: matches(pattern, text) for text in texts} == texts


def test_a_bound_of_many_digits_is_moved_outward() -> None:
    third = Decimal(1) / Decimal(3)
    from_third, to_third = amount_pattern(PLAIN, third, None), amount_pattern(PLAIN, None, third)
    assert matches(from_third, str(third)) and matches(to_third, str(third))
    assert not matches(from_third, "0.333")
    assert not matches(to_third, "0.334")

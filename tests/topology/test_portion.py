"""Shares of counts are what decimal arithmetic says."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.portion import MOST, Portion, part

SHARES = st.decimals(0, 1, places=4)
COUNTS = st.integers(0, MOST)


def test_seven_percent_of_a_hundred_are_seven():
    assert (part(0.07, 100), part(0.29, 100), part(0.295, 100)) == (7, 29, 29.5)


@given(SHARES, COUNTS)
def test_a_limit_is_reached_by_as_many_as_decimals_say(share, count):
    exact = share * count
    least = int(exact.to_integral_value(ROUND_CEILING))
    assert [number >= part(float(share), count) for number in (least - 1, least)] == [False, True]


@given(SHARES, COUNTS)
def test_a_share_is_rounded_as_decimals_are(share, count):
    rounded = [int((share * Decimal(count)).to_integral_value(way)) for way in (ROUND_CEILING, ROUND_FLOOR)]
    assert [Portion(share=float(share)).of(count, up=up) for up in (True, False)] == rounded

"""Policies that do nothing as they are set."""

import pytest
from odd_meshes import pair


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ("{outlier: {consecutive: none, success_rate: none}}", "outlier: ejects nothing: all its rules are off"),
        ("{outlier: {consecutive: none, success_rate: none, gateway: 5}}", None),
        ("{timeout: 1s, hedge: 1s}", "hedge: hedges no slow call: it waits 1s, and a call is given up after 1s"),
        ("{timeout: 1s, hedge: 900ms}", None),
        ("{timeout: 1s, hedge: {delay: 1s, percentile: 95%}}", None),
        (
            "{overall_timeout: 1s, hedge: 2s}",
            "hedge: hedges no slow call: it waits 2s, and a call is given up after 1s",
        ),
        ("{retry: {base: 1s}}", "retry: its pauses do not grow: the base of 1s is above the maximum of 250ms"),
        ("{retry: {base: 250ms}}", None),
    ],
)
def test_a_policy_that_does_nothing_as_it_is_set_is_odd(edge, message):
    policy, _, odd = (message or "").partition(": ")
    assert pair(edge) == ([(f"edges.app -> db.{policy}", odd)] if message else [])

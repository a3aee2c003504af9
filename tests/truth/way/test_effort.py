"""The cost of an answer, and whether the search approached the root."""

import pytest
from answer_key import LATENT, fault, truth

from meshquake.truth.way.effort import distances, effort

#: gateway -> cart -> stock -> store, and mail on its own.
CALLS = {("gateway", "cart"), ("cart", "stock"), ("stock", "store")}
FAR = distances(truth(fault()), CALLS)


def call(number, tool="query_metrics", elapsed=100.0, error=None, **arguments):
    seen = {"elapsed": elapsed, "bytes": 40, "tokens": 10, "cut": False, "error": error, "records": []}
    return {"call": number, "tool": tool, "arguments": arguments, **seen}


def looked(*services):
    return effort([call(number, service=name) for number, name in enumerate(services, 1)], FAR, 66.0)


def test_distances_are_counted_in_edges_whichever_way_they_go():
    assert FAR == {"store": 0, "stock": 1, "cart": 2, "gateway": 3}
    assert distances(truth(fault("cart")), CALLS) == {"cart": 0, "gateway": 1, "stock": 1, "store": 2}


def test_there_is_no_distance_from_what_nobody_felt():
    assert distances(truth(fault(**LATENT)), CALLS) == {}


def test_calls_bytes_and_time_are_counted():
    audit = [call(1, service="cart"), call(2, error="no such tool"), call(3, tool="submit", elapsed=120.0)]
    found = effort(audit, FAR, 66.0)
    assert (found.calls, found.errors, found.bytes, found.tokens, found.seconds) == (3, 1, 120, 30, 54.0)


def test_a_search_that_comes_nearer_with_each_call_has_one_and_one_that_goes_away_minus_one():
    assert looked("gateway", "cart", "stock", "store").approach == pytest.approx(1.0)
    assert looked("store", "stock", "cart", "gateway").approach == pytest.approx(-1.0)
    assert looked("gateway", "store", "gateway").approach == pytest.approx(0.0)


def test_there_is_no_order_in_two_calls_or_in_calls_that_look_equally_far():
    assert looked("gateway", "store").approach is None
    assert looked("store", "store", "store").approach is None


def test_nearness_is_one_at_the_root_and_nothing_at_the_far_end():
    assert looked("store").nearness == 1.0 and looked("gateway").nearness == 0.0
    assert looked("gateway", "store").nearness == 0.5 == looked("store").nearness_by_chance


def test_a_call_about_several_services_looks_as_far_as_they_are_on_average():
    both = [
        call(1, services=["gateway", "store"]),
        call(2, edge={"caller": "stock"}),
        call(3, text="a text about store"),
    ]
    found = effort(both, FAR, 66.0)
    assert found.nearness == pytest.approx((0.5 + 2 / 3) / 2) and found.first_at_root == 1


def test_the_answer_itself_looks_at_nothing():
    found = effort([call(1, tool="submit", root_causes=[{"service": "store"}])], FAR, 66.0)
    assert found.nearness is None and found.first_at_root is None


def test_where_nothing_was_felt_there_is_nothing_to_come_nearer_to():
    found = effort([call(1, service="store")], {}, None)
    assert (found.seconds, found.approach, found.nearness, found.nearness_by_chance) == (None,) * 4

"""Breakers that cannot open."""

from odd_meshes import pair


def test_a_breaker_must_be_able_to_see_enough_calls_to_open():
    assert pair("{breaker: {window_time: 5s, minimum_calls: 100}}") == []
    assert pair("{breaker: {window_time: 5s, minimum_calls: 101}, retry: 2}") == []
    assert pair("{breaker: {window_time: 5s, minimum_calls: 101}}") == [
        (
            "edges.app -> db.breaker",
            "the breaker of app to db cannot open at the usual rate: a replica makes at most 100 attempts in 5s, "
            "retries included, but 101 are needed",
        )
    ]
    two = "{replicas: 2, operations: {get: {work: 10ms}}}"
    assert pair("{breaker: {window_time: 5s, minimum_calls: 101}, hedge: 20ms}", db=two) == []
    assert pair("{breaker: {window_calls: 50, minimum_calls: 51}}") == []


def test_a_slow_call_ends_before_it_is_given_up():
    assert pair("{timeout: 1s, breaker: {minimum_calls: 20}}") == []
    assert pair("{timeout: 1s, breaker: {minimum_calls: 20, slow_call: 900ms}}") == []
    assert pair("{timeout: 1s, breaker: {minimum_calls: 20, slow_call: 1s}}") == [
        ("edges.app -> db.breaker", "never sees a slow call: slow_call is 1s, but a call is given up after 1s")
    ]

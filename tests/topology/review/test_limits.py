"""Bulkheads and pools, too narrow or too wide."""

import pytest
from odd_meshes import pair


@pytest.mark.parametrize("policy", ["bulkhead", "pool"])
def test_a_limit_below_the_usual_number_of_calls_in_flight_is_too_narrow(policy):
    slow = "{operations: {get: {work: 98ms}}}"
    assert pair(f"{{{policy}: 3}}", db=slow) == []
    assert pair(f"{{{policy}: 1}}", db=slow) == [
        (f"edges.app -> db.{policy}", "a replica of app has 2 calls to db in flight on average, but room for only 1")
    ]


def test_pools_that_hold_more_than_the_callee_does_protect_nothing():
    assert pair("{pool: 20}", db="{workers: 8, queue: 12, operations: {get: {}}}") == []
    assert pair("{pool: 21}", db="{workers: 8, queue: 12, operations: {get: {}}}") == [
        (
            "services.db",
            "the pools of its callers have 21 connections, more than the 20 requests that its workers and queues "
            "hold: the pools do not protect it",
        )
    ]


def test_streams_are_room_for_calls():
    slow = "{operations: {get: {work: 98ms}}}"
    assert pair("{pool: {size: 1, streams: 3}}", db=slow) == []
    assert pair("{pool: {size: 7, streams: 3}}", db="{workers: 8, queue: 12, operations: {get: {}}}") == [
        (
            "services.db",
            "the pools of its callers have 21 streams, more than the 20 requests that its workers and queues hold: "
            "the pools do not protect it",
        )
    ]


def test_an_adaptive_limit_lets_healthy_calls_through_while_it_measures():
    slow = "{operations: {get: {work: 98ms}}}"
    assert pair("{adaptive_concurrency: {}}", db=slow, rate="29/s") == []
    assert pair("{adaptive_concurrency: {}}", db=slow, rate="40/s") == [
        (
            "edges.app -> db.adaptive_concurrency",
            "lets 3 calls through at a time while it measures the minimum, every 1m: 4 are usual, so the others fail",
        )
    ]


def test_the_lowest_adaptive_limit_is_below_the_highest():
    assert pair("{adaptive_concurrency: {least: 10, most: 10}}") == []
    assert pair("{adaptive_concurrency: {least: 11, most: 10}}") == [
        (
            "edges.app -> db.adaptive_concurrency",
            "does not adapt: its lowest limit of 11 is above its highest of 10",
        )
    ]

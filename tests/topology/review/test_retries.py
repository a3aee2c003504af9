"""Retries that multiply."""

import pytest
from odd_meshes import line, pair


@pytest.mark.parametrize(
    ("outer", "inner", "calls"),
    [
        # Each layer learns of the failures below it.
        ("{retry: {max_attempts: 4, on: [dependency_failed, timeout]}}", "{retry: 4}", 64),
        # A layer that times out first repeats calls that are still in progress below.
        ("{timeout: 10s, retry: 4}", "{timeout: 20s, retry: 4}", 64),
        # The outer layers neither learn of the failure nor time out.
        ("{retry: 4}", "{retry: 4}", None),
        # Budgets let one call become 1.2 on average.
        (
            "{retry: {max_attempts: 4, on: [dependency_failed], budget: 20%}}",
            "{retry: {max_attempts: 4, budget: 20%}}",
            None,
        ),
        # 3 x 3 x 1 is not worth a warning.
        ("{retry: {max_attempts: 3, on: [dependency_failed]}}", "{}", None),
    ],
)
def test_retries_multiply_through_layers_that_hear_of_failures_below(outer, inner, calls):
    warnings = [warning for warning in line(a=outer, b=outer, c=inner) if warning[0].endswith("retry")]
    message = f"retries multiply: one request may become {calls} calls along a -> b -> c -> d"
    assert warnings == ([("edges.c -> d.retry", message)] if calls else [])


def multiplied(outer, inner):
    """Return how many calls one request can become along a line whose last edge has its own policies."""
    messages = [message for _, message in line(a=outer, b=outer, c=inner) if "multiply" in message]
    return [int(message.split("become ")[1].split()[0]) for message in messages]


@pytest.mark.parametrize(
    "limit",
    [
        "tokens: {}",
        "bucket: {cost: 1, timeout_cost: 1, deposit: 0.1, refund: false}",
        "breaker: 10%",
        "concurrent: 3",
        "budget: 20%",
    ],
)
def test_retries_that_grow_with_the_calls_that_succeed_do_not_multiply(limit):
    outer = "{retry: {max_attempts: 4, on: [dependency_failed, timeout]}}"
    assert multiplied(outer, "{retry: 4}") == [64]
    assert multiplied(outer, f"{{retry: {{max_attempts: 4, {limit}}}}}") in ([], [16], [17], [18], [19])
    limited = outer.replace("4,", f"4, {limit},")
    assert multiplied(limited, f"{{retry: {{max_attempts: 4, {limit}}}}}") == []


def test_a_breaker_that_opens_at_half_lets_two_attempts_a_call_through():
    outer = "{retry: {max_attempts: 4, on: [dependency_failed, timeout]}, breaker: {minimum_calls: 10}}"
    assert multiplied(outer, "{retry: 4}") == [16]
    assert multiplied(outer, "{retry: 4, breaker: {minimum_calls: 10}}") == []


@pytest.mark.parametrize(
    ("outer", "inner", "calls"),
    [
        # Only a layer that times out first, and still has time left, retries while those below are at work.
        ("{timeout: 10s, overall_timeout: 10s, retry: 4}", "{timeout: 20s, retry: 4}", []),
        ("{timeout: 10s, overall_timeout: 20s, retry: 4}", "{timeout: 20s, retry: 4}", [16]),
        # No layer below learns of it.
        ("{timeout: 10s, retry: 4}", "{timeout: 20s, retry: 4}", [64]),
        # A layer that hedges resends calls that are still in progress below.
        ("{hedge: {delay: 100ms, max_attempts: 4}}", "{timeout: 1s, retry: 4}", [64]),
        ("{hedge: {delay: 100ms, max_attempts: 4, percentile: 95%}}", "{timeout: 1s, retry: 4}", []),
        ("{hedge: {delay: 100ms, max_attempts: 4, tokens: 10}}", "{timeout: 1s, retry: 4}", []),
    ],
)
def test_time_and_hedges_count_as_callers_have_them(outer, inner, calls):
    assert multiplied(outer, inner) == calls


@pytest.mark.parametrize(
    ("top", "calls"), [("{timeout: 10s, retry: 4}", 64), ("{timeout: 10s, retry: 4, cancellation: true}", 32)]
)
def test_what_is_cancelled_after_ten_seconds_has_begun_two_attempts_of_five(top, calls):
    found = line(a=top, b="{timeout: 5s, retry: 4}", c="{timeout: 2s, retry: 4}")
    message = f"retries multiply: one request may become {calls} calls along a -> b -> c -> d"
    assert [message for _, message in found if "multiply" in message] == [message]


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("concurrent: 0", "concurrent is 0"),
        ("concurrent: 1", None),
        ("budget: {ratio: 0%, minimum: 0/s}", "its budget is 0"),
        ("budget: {ratio: 0%, minimum: 1/s}", None),
        ("tokens: 2", "a failure leaves half of its 2 tokens or fewer"),
        ("tokens: 3", None),
        ("bucket: 4", "its bucket holds 4 tokens, but a retry takes 5"),
        ("bucket: 5", None),
        ("breaker: 0%", "its breaker stops them at the first failure"),
        ("breaker: 1%", None),
    ],
)
def test_a_limit_lets_some_retries_through(limit, why):
    odd = [("edges.app -> db.retry", f"retries nothing: {why}")] if why else []
    assert pair(f"{{retry: {{max_attempts: 3, {limit}}}}}") == odd


def test_pauses_between_retries_grow():
    assert pair("{retry: {base: 250ms}}") == []
    assert pair("{retry: {base: 1s}}") == [
        ("edges.app -> db.retry", "its pauses do not grow: the base of 1s is above the maximum of 250ms")
    ]

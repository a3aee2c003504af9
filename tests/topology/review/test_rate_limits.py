"""Rate limits below the usual rate."""

from odd_meshes import pair


def test_a_rate_limit_below_the_usual_rate_turns_healthy_requests_away():
    """Two replicas with a token per 100 ms let 20/s through."""
    limited = "{replicas: 2, rate_limit: {max_tokens: 50, fill_interval: 100ms}, operations: {get: {work: 10ms}}}"
    assert pair(db=limited) == []
    (finding,) = pair(db=limited, rate="21/s")
    assert finding == (
        "services.db.rate_limit",
        "lets 20/s through, but healthy requests come at 21/s: the others are answered 429",
    )


def test_a_bucket_holds_what_is_added_to_it():
    """Ten tokens are all that a second adds."""
    limited = "{rate_limit: {max_tokens: 10, tokens_per_fill: 100, fill_interval: 1s}, operations: {get: {work: 1ms}}}"
    found = pair(db=limited, rate="11/s")
    assert [message for _, message in found] == [
        "adds 100 tokens to a bucket of 10: the rest is lost",
        "lets 10/s through, but healthy requests come at 11/s: the others are answered 429",
    ]

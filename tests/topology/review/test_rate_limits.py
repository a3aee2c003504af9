"""Rate limits below the usual rate."""

from odd_meshes import pair


def test_a_rate_limit_below_the_usual_rate_turns_healthy_requests_away():
    """Two replicas with a token each 100 ms let 20/s through."""
    limited = "{replicas: 2, rate_limit: {max_tokens: 50, fill_interval: 100ms}, operations: {get: {work: 10ms}}}"
    assert pair(db=limited) == []
    (finding,) = pair(db=limited, rate="21/s")
    assert finding == (
        "services.db.rate_limit",
        "lets 20/s through, and healthy requests are 21/s: others are answered 429",
    )

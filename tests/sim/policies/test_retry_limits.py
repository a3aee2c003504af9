"""Limits on retries: gRPC's tokens, token buckets, a retry breaker; and M. Brooker's table of them."""

import pytest
from stage import Stage, play, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds


def failing(target, share, error="unavailable"):
    """Return a fault that fails a share of a service's requests."""
    return fault_kinds()["fail"](id="f", target=Target("service", target), share=share, error=error)


# -- published: 100 clients with 10 calls a second each, for 5 seconds (https://brooker.co.za/blog/2022/02/28/retries.html)

TABLE = {
    ("{}", 0.5): (0.499, 1.00),
    ("{retry: {max_attempts: 4, base: 0ms}}", 0.5): (0.935, 1.87),
    ("{retry: {max_attempts: 10, base: 0ms, bucket: BUCKET}}", 0.5): (0.594, 1.18),
    ("{retry: {max_attempts: 4, base: 0ms, breaker: 10%}}", 0.5): (0.510, 1.00),
    ("{}", 0.1): (0.902, 1.00),
    ("{retry: {max_attempts: 4, base: 0ms}}", 0.1): (1.000, 1.11),
    ("{retry: {max_attempts: 10, base: 0ms, bucket: BUCKET}}", 0.1): (0.998, 1.11),
    ("{retry: {max_attempts: 4, base: 0ms, breaker: 10%}}", 0.1): (0.922, 1.03),
}
BUCKET = "{capacity: 5, cost: 1, timeout_cost: 1, deposit: 0.1, deposit_by: calls, refund: false}"


@pytest.mark.parametrize(("keys", "failures"), TABLE)
def test_success_and_load_of_retry_strategies_are_those_that_brooker_measured(keys, failures):
    """Two runs of 5,000 calls here, one there: three standard deviations of the difference are .026 of success."""
    topology = topology_of(f"""
name: brooker
defaults: {{edge: {{latency: {{exponential: 10ms}}}}}}
services:
  clients: {{kind: gateway, replicas: 100, workers: 1000, operations: {{ask: {{calls: server.answer}}}}}}
  server: {{workers: 100000, operations: {{answer: {{work: 0ms}}}}}}
edges: {{clients -> server: {keys.replace("BUCKET", BUCKET)}}}
workload: {{rate: 1000/s, balance: random, mix: {{clients.ask: 1}}}}
""")
    answered = users = attempts = 0
    for seed in (1, 2):
        rows = play(topology, seed, 5000, [(failing("server", failures), Window(0, 0, 100))])
        of_users = rows["caller"] < 0
        users += of_users.sum()
        answered += (rows["outcome"][of_users] == 0).sum()
        attempts += (~of_users).sum()
    success, load = TABLE[keys, failures]
    assert answered / users == pytest.approx(success, abs=0.026)
    assert attempts / users == pytest.approx(load, abs=0.025)


# -- gRPC ------------------------------------------------------------------------------------------------------------


def retrying(limit, work="1ms"):
    """Return a mesh in which web calls db, with this limit on its retries."""
    return Stage(f"""
name: retrying
defaults: {{edge: {{latency: 0ms}}}}
services:
  web: {{operations: {{home: {{calls: [db.read]}}}}}}
  db: {{workers: 100, operations: {{read: {{work: {work}}}}}}}
edges: {{web -> db: {{timeout: 50ms, retry: {{max_attempts: 2, base: 0ms, {limit}}}}}}}
workload: {{mix: {{web.home: 1}}}}
""")


def attempts(stage):
    """Return the number of attempts of each request."""
    lines = [line for line in stage.play() if "web>db" in line or " web:" in line]
    begins = [i for i, line in enumerate(lines) if " web:" in line]
    return [end - begin - 1 for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True)]


def test_no_retry_with_half_of_the_tokens_or_fewer():
    """gRFC A6: ten tokens; each failed attempt takes one, and at five there are no more retries."""
    stage = retrying("tokens: {most: 10, ratio: 10%}")
    stage.fault(failing("db", 1.0), 0, 10_000)
    stage.request(*range(0, 500, 100))
    assert attempts(stage) == [2, 2, 1, 1, 1]
    assert stage.events()[0] == (201, "retries_stopped", "web-0")


def test_successes_give_tokens_back_in_parts():
    stage = retrying("tokens: {most: 4, ratio: 50%}")
    stage.fault(failing("db", 1.0), 0, 250)
    stage.request(0, 100, 200, *range(300, 700, 100))
    stage.fault(failing("db", 1.0), 750, 1000)
    stage.request(800)
    # 4 tokens: 3, 2 (none left to retry with), 1, 0; then four successes make 2, and a failure 1.
    assert attempts(stage) == [2, 1, 1, 1, 1, 1, 1, 1]
    assert stage.mesh.services["web"].replicas[0].callers[0].policies["tokens"].left == pytest.approx(1.0)


# -- token buckets ---------------------------------------------------------------------------------------------------


def test_the_aws_sdks_bucket_pays_for_a_hundred_retries_and_half_as_many_after_timeouts():
    for error, retries in (("unavailable", 100), ("timeout", 50)):
        stage = retrying("bucket: {}")
        stage.fault(failing("db", 1.0, error), 0, 100_000)
        stage.request(*range(0, 12_000, 100))
        assert sum(attempts(stage)) == 120 + retries


def test_a_retry_that_succeeds_gives_back_what_it_took_and_a_success_at_once_gives_one():
    stage = retrying("bucket: {capacity: 20}")
    own = stage.mesh.services["web"].replicas[0].callers[0].policies["bucket"]
    stage.fault(failing("db", 1.0), 0, 0.5)  # the first attempt fails, the second doesn't
    stage.request(0)
    stage.play(10)
    assert own.saved == 20
    stage = retrying("bucket: {capacity: 20}")
    own = stage.mesh.services["web"].replicas[0].callers[0].policies["bucket"]
    stage.fault(failing("db", 1.0), 0, 95)
    stage.request(0, 20, 40, 60, 80, 100, 120)
    stage.play(1000)
    assert own.saved == 2  # four retries took all of it, two successes gave


# -- the breaker -----------------------------------------------------------------------------------------------------


def test_a_breaker_of_retries_stops_nothing_else_and_ends_by_itself():
    stage = retrying("breaker: {failure_rate: 50%, window: 1s}")
    stage.fault(failing("db", 1.0), 150, 450)
    stage.fault(failing("db", 1.0), 1850, 1950)
    stage.request(*range(0, 2000, 100))
    # 1 failure in 3 calls, then 2 in 3 since its retry failed too; a second and a half later these have expired.
    assert attempts(stage) == [1, 1, 2, *[1] * 16, 2]
    assert [(time, kind) for time, kind, _ in stage.events()] == [(301, "retries_stopped"), (10_401, "retries_resumed")]


# -- events -----------------------------------------------------------------------------------------------------------


def test_a_bucket_that_is_nearly_empty_for_a_minute_is_told_once_and_its_end_ten_seconds_after():
    """Half of all attempts fail and deposits are spent at once, so the bucket pays and refuses in turn."""
    stage = retrying("bucket: " + BUCKET)
    stage.fault(failing("db", 0.5), 0, 60_000)
    stage.request(*range(0, 60_000, 10))
    bucket = stage.mesh.services["web"].replicas[0].callers[0].policies["bucket"]
    told = []
    for second in range(5, 75, 5):
        stage.mesh.env.advance(second)
        told.append(bucket.refusals.lasts)
    (begins, stopped, _), (over, resumed, _) = stage.events()
    assert (stopped, resumed) == ("retries_stopped", "retries_resumed")
    assert begins < 5_000 and 69_000 < over < 70_000
    assert told == [True] * 13 + [False]


def test_a_process_that_ends_takes_what_it_would_have_told_with_it():
    stage = retrying("tokens: {most: 2}")
    stage.fault(failing("db", 1.0), 0, 50)
    stage.fault(fault_kinds()["restart"](id="r", target=Target("replica", "web", 0)), 100, 101)
    stage.request(0, 10)
    stage.mesh.env.advance(30)
    kinds = [kind for _, kind, _ in stage.events()]
    assert "retries_stopped" in kinds and "retries_resumed" not in kinds

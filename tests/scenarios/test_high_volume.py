"""Eight times the usual number of users, and everything holds."""

from measures import failed, p95
from recording import play
from wordings import read

SCENARIO = "high_volume"
EVEN = True


def test_users_come_at_five_times_the_normal_rate_at_least(run, seed):
    assert len(run.roots) >= 5 * len(play("normal", seed, even=True).roots)


def test_no_span_is_an_error(run):
    assert failed(run.traces) == 0


def test_no_line_says_that_a_request_failed(run):
    """Every error line is about something other than the purpose of its request."""
    for _, ways in read(run.logs.filter(level="ERROR"), run.traces, run.topology):
        assert {values["part"] for values in ways} == {"remarks"}


def test_nothing_happens_that_is_worth_an_event(run):
    assert run.events.is_empty()


def test_users_wait_hardly_longer_than_they_normally_do(run, seed):
    assert p95(run.roots) < 1.5 * p95(play("normal", seed, even=True).roots)

"""The promise to users, recounted by hand: window by window, request by request."""

from math import ceil
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.errors import SUCCESS
from meshquake.topology.spec import Objective
from meshquake.truth import objective
from meshquake.truth.objective import Promise, is_bad

FAILED = 3


class Some:
    """Requests as `truth.watch.Requests` gives them, from tuples of arrival time, duration, outcome and entry."""

    def __init__(self, *requests):
        sent, self.duration, outcome, entry = np.array(requests, dtype=float).reshape(-1, 4).T
        self.rows = {"sent": sent, "outcome": outcome.astype(int), "notes": np.zeros(len(sent), dtype=int)}
        self.entry = entry.astype(int)


def promise(*requests, seconds=20.0, entries=2, **promised):
    counted = Promise(Objective(**promised), entries, seconds)
    counted.count(Some(*requests))
    return counted


def test_a_request_is_bad_if_it_fails_or_takes_longer_than_was_promised():
    requests = Some((0, 0.5, SUCCESS, 0), (0, 0.5, FAILED, 0), (0, 1.0, SUCCESS, 0), (0, 1.001, SUCCESS, 0))
    assert is_bad(requests, Objective(within=1.0)).tolist() == [False, True, False, True]


def test_a_request_counts_when_one_can_first_know():
    """At its end, or a second after it arrived if it takes longer; a failure later than that, when it happens."""
    counted = promise((0.5, 0.4, SUCCESS, 0), (0.5, 0.6, SUCCESS, 0), (0.5, 9.0, SUCCESS, 1), (0.5, 9.0, FAILED, 1))
    total, slow, failed = (counts[:] for counts in (counted.total, counted.slow, counted.failed))
    assert np.argwhere(total[:, 1]).tolist() == [[0], [1]]
    assert np.argwhere(slow[:, 2]).tolist() == [[1]]
    assert np.argwhere(failed[:, 2]).tolist() == [[9]]
    assert total[:, 0].tolist() == total[:, 1:].sum(axis=1).tolist()


def test_what_ends_after_the_recording_does_not_count():
    counted = promise((19.5, 0.4, FAILED, 0), (19.5, 0.6, FAILED, 0), seconds=20.0)
    assert counted.total.sum().sum() == 2  # the first one, for its entry and for all


def test_of_chosen_requests_no_other_counts():
    counted = Promise(Objective(), 2, 20.0)
    counted.count(Some((0, 0.1, FAILED, 0), (1, 0.1, FAILED, 1)), np.array([False, True]))
    assert counted.failed.sum().tolist() == [1, 0, 1]
    assert counted.anew().failed[:].shape == (20, 3) and not counted.anew().failed.sum().any()


@pytest.mark.parametrize(("bad", "broken"), [(2, False), (3, True)])
def test_fewer_bad_requests_than_the_minimum_break_nothing(bad, broken):
    assert promise(*[(1, 0.1, FAILED, 0)] * bad, minimum=3).broken().any() == broken


@pytest.mark.parametrize(("bad", "broken"), [(5, False), (6, True)])
def test_a_share_right_at_the_limit_keeps_the_promise(bad, broken):
    requests = [(1, 0.1, FAILED, 0)] * bad + [(1, 0.1, SUCCESS, 0)] * (100 - bad)
    assert promise(*requests, share=0.95).broken().any() == broken


def test_it_is_broken_until_the_window_has_passed():
    counted = promise(*[(4.5, 0.1, FAILED, 0)] * 4, (17, 0.1, SUCCESS, 1), window=10)
    assert np.flatnonzero(counted.broken()[:, 0]).tolist() == list(range(4, 14))
    assert np.flatnonzero(counted.broken()[:, 1]).tolist() == list(range(4, 14))
    assert not counted.broken()[:, 2].any()


def test_one_operation_may_break_it_though_all_together_keep_it():
    requests = [(1, 0.1, SUCCESS, 0)] * 100 + [(1, 0.1, FAILED, 1)] * 4
    assert promise(*requests).broken().any(axis=0).tolist() == [False, False, True]


def test_requests_that_are_forgiven_count_as_good():
    counted = promise(*[(1, 0.1, FAILED, 0)] * 5, minimum=3)
    assert counted.broken().any()
    (seconds,) = counted.pieces()
    bad = counted.bad(seconds)
    assert not counted.breaks(bad - bad, seconds).any()
    assert counted.breaks(bad - np.minimum(bad, 2), seconds).any()


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda quarter: quarter / 4),
        st.integers(0, 12).map(lambda quarter: quarter / 4),
        st.sampled_from([SUCCESS, SUCCESS, FAILED]),
        st.sampled_from([0, 1]),
    ),
    max_size=60,
)


@given(
    REQUESTS,
    st.integers(1, 15),
    st.integers(1, 4),
    st.sampled_from([0.5, 0.9, 0.95, 1.0]),
    st.sampled_from([8.0, 9.5]),
    st.sampled_from([1, 3, 4096]),
)
def test_windows_are_those_that_one_counts_request_by_request(requests, window, minimum, share, seconds, piece):
    """For whole recordings and for pieces of them; the worst window is the first with the largest share."""
    counted = promise(*requests, seconds=seconds, window=float(window), minimum=minimum, share=share)
    known = [
        (int(sent + (took if outcome else min(took, 1.0))), entry, outcome != SUCCESS or took > 1.0)
        for sent, took, outcome, entry in requests
    ]
    worst = {}
    with patch.object(objective, "_PIECE", piece):
        bads = np.concatenate([counted.bad(each) for each in counted.pieces()])
        totals = np.concatenate([counted.requests(each) for each in counted.pieces()])
        broken, found = counted.broken(), counted.worst()
    for second in range(ceil(seconds)):
        for column in range(3):
            inside = [bad for at, entry, bad in known if second - window < at <= second and column in (0, 1 + entry)]
            bad = sum(inside)
            share_of_bad = bad / len(inside) if inside else 0.0
            assert (bads[second, column], totals[second, column]) == (bad, len(inside))
            breaks = bad >= minimum and round(share_of_bad - (1 - share), 9) > 0
            assert broken[second, column] == breaks
            worst[second, column] = share_of_bad if breaks else 0.0
    place = max(worst, key=worst.get)
    assert found == (*place, worst[place])

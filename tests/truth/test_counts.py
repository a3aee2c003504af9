"""Compact counters return what was counted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshquake.truth.counts import Counts

PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=30)


@given(st.lists(PLACES, max_size=5))
def test_they_are_those_that_one_counts_one_by_one(rounds):
    counts, expected = Counts(4, 2), np.zeros((4, 2), dtype=int)
    for places in rounds:
        seconds, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T
        counts.add(seconds, columns)
        for place in places:
            expected[place] += 1
    assert (counts[:] == expected).all() and (counts[1:3] == expected[1:3]).all()
    assert counts.sum().tolist() == expected.sum(axis=0).tolist()
    assert counts.sum(np.array([True, False, True, False])).tolist() == expected[::2].sum(axis=0).tolist()
    assert counts.counted().tolist() == np.flatnonzero(expected.any(axis=1)).tolist()
    assert len(counts) == 4


def test_no_count_is_too_great():
    counts = Counts(2, 1)
    for times in (255, 1, 70_000, 1):
        counts.add(np.zeros(times, dtype=np.int64), np.zeros(times, dtype=np.int64))
    assert counts[:].tolist() == [[70_257], [0]]


def test_a_day_of_few_requests_takes_a_byte_a_second_and_column():
    counts = Counts(86_400, 5)
    counts.add(np.arange(86_400), np.full(86_400, 3))
    assert counts._table.nbytes == 5 * 86_400

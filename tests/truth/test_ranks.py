"""The value at any rank is the one that sorting finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshquake.truth import spill_file
from meshquake.truth.ranks import Ranks

VALUES = st.lists(st.floats(0, 1e6, allow_subnormal=True).map(abs), min_size=1, max_size=60)


@settings(max_examples=30)
@given(VALUES, st.integers(1, 20))
def test_every_rank_has_the_value_that_stands_there_in_order(values, count):
    ranks = Ranks()
    for first in range(0, len(values), count):
        ranks.add("a", np.array(values[first : first + count]))
    assert [ranks.at("a", rank) for rank in range(ranks.count("a"))] == sorted(values)


@pytest.mark.parametrize("waiting", [1, 1000, 2**20])
def test_keys_are_kept_apart_however_little_waits_in_memory(waiting, tmp_path, monkeypatch):
    monkeypatch.setattr(spill_file, "WAITING", waiting)
    random, ranks = np.random.default_rng(1), Ranks(tmp_path)
    values = {key: random.exponential(key + 1, 5000).round(3) for key in range(3)}
    for first in range(0, 5000, 100):
        for key, all_of_it in values.items():
            ranks.add(key, all_of_it[first : first + 100])
    for key, all_of_it in values.items():
        assert ranks.count(key) == 5000
        assert [ranks.at(key, rank) for rank in (0, 2499, 4999)] == np.sort(all_of_it)[[0, 2499, 4999]].tolist()
    assert ranks.count("none") == 0
    ranks.close()
    assert list(tmp_path.iterdir()) == []

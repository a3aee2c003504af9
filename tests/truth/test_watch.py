"""A run that is followed cut by cut, for the answer key."""

import tracemalloc

import numpy as np
from twin_runs import simulation

from meshquake.truth.watch import Watch

FAULT = "slow: {target: database, factor: 8}"


def test_taking_a_cut_copies_nothing_of_what_is_held():
    """Otherwise it would take time quadratic in the cuts, where nothing can be released before the end."""
    watch = Watch(simulation(FAULT, batch=500), sampled=False)
    cuts = [*watch.cuts]
    watch.take(cuts[0])  # whatever is made once is there
    tracemalloc.start()
    for cut in cuts[1:]:
        watch.take(cut)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cuts) > 20 and peak < 0.05 * sum(len(cut.rows) for cut in cuts)


def test_the_requests_of_a_run_are_the_same_whether_they_are_asked_for_at_each_cut_or_at_the_end():
    whole, parts = (Watch(simulation(FAULT, batch=500), sampled=False) for _ in range(2))
    whole.finish()
    rows, words = [], []
    for cut in parts.cuts:
        parts.take(cut)
        found = parts.settled(parts.horizon)
        rows.append(found.rows)
        words.append(found.words)
    found = whole.settled(whole.horizon)
    assert len(found) > 500 and not whole.held and not parts.held
    assert np.array_equal(np.concatenate(rows), found.rows)
    assert np.array_equal(np.concatenate(words), found.words)

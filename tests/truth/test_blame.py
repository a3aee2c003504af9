"""Which of several faults broke the promise to users, on a few requests that each of them harmed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from twin_runs import OPTIONS, compare, simulation

from meshquake.topology.errors import SUCCESS
from meshquake.topology.spec import Objective
from meshquake.truth.blame import Blame
from meshquake.truth.objective import Promise

FAILED = 3


class Some:
    """A hundred requests a second, some harmed by one or several faults: counts by the set of responsible faults.

    `kept` counts good requests that a fault kept from harm, by fault.
    """

    def __init__(self, kept=None, **counts):
        causes = [name for name, count in counts.items() for _ in range(count)]
        self.causes = np.array([[fault in name for fault in "ABC"] for name in causes])
        self.harmed = np.array([bool(set(name) & set("ABC")) for name in causes])
        bad = np.array([name != "good" for name in causes])
        self.decisive = self.causes & (self.causes.sum(axis=1, keepdims=True) == 1)
        good = np.flatnonzero(~bad)
        self.kept = np.zeros((len(causes), 3), dtype=bool)
        for fault, count in (kept or {}).items():
            self.kept[good[:count], "ABC".index(fault)] = True
        self.fact = SimpleNamespace(
            rows={
                "sent": np.full(len(causes), 0.5),
                "outcome": np.where(bad, FAILED, SUCCESS),
                "notes": np.zeros(len(causes), int),
            },
            duration=np.full(len(causes), 0.1),
            entry=np.zeros(len(causes), dtype=int),
        )


def guilty(kept=None, **counts):
    """Return which of the faults A, B and C broke a promise."""
    some = Some(kept, **counts)
    promise = Promise(Objective(share=0.95, minimum=3), 1, 12)
    promise.count(some.fact)
    blame = Blame(promise, 3)
    blame.take(some)
    return "".join(name for name, broken in zip("ABC", blame.broken, strict=True) if broken.any())


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        ({"good": 100}, ""),
        ({"A": 10, "good": 90}, "A"),
        ({"A": 4, "good": 96}, ""),
        ({"A": 3, "B": 3, "good": 94}, "AB"),
        ({"A": 30, "B": 20, "good": 50}, "AB"),
        ({"AB": 10, "good": 90}, "AB"),
        ({"A": 30, "B": 1, "good": 69}, "A"),
        ({"A": 30, "B": 20, "C": 1, "good": 49}, "AB"),
        ({"A": 4, "B": 4, "C": 4, "good": 88}, "ABC"),
        ({"A": 4, "background": 4, "good": 92}, "A"),
        ({"background": 10, "A": 1, "good": 89}, ""),
    ],
    ids=str,
)
def test_who_broke_a_promise_is_whose_harm_is_needed_for_it_or_enough_for_it_or_else_all_that_harmed(counts, names):
    assert guilty(**counts) == names


@pytest.mark.parametrize(
    ("kept", "counts", "names"),
    [
        ({"A": 0}, {"A": 8, "B": 40, "good": 52}, "AB"),
        ({"A": 1}, {"A": 8, "B": 40, "good": 52}, "B"),
        ({"A": 2}, {"A": 20, "B": 40, "good": 40}, "AB"),
        ({"A": 18}, {"A": 20, "B": 40, "good": 40}, "B"),
        ({"A": 18}, {"A": 20, "AB": 20, "good": 60}, "AB"),
        ({"A": 20}, {"A": 20, "good": 80}, "A"),
    ],
    ids=str,
)
def test_as_many_as_a_fault_keeps_from_harm_and_some_are_no_harm_of_its_own(kept, counts, names):
    """Overdetermined harm counts in full; and if the background didn't break a promise, some fault did."""
    assert guilty(kept, **counts) == names


def test_a_promise_that_faults_broke_is_laid_at_the_door_of_one_at_least_when_and_where_it_is_broken():
    """Two overlapping faults that each break promises alone, on a mesh with no other bad requests."""
    faults = "fail: {target: database, share: 60%}", "refuse: {target: inventory-service, at: 20%}"
    run = compare(simulation(*faults, options=replace(OPTIONS, calm=True)))
    broken = run.twins.promise.broken()
    assert broken.any() and run.key["requests"]["background"] == 0
    blamed = np.logical_or.reduce([finding.broken for finding in run.twins.findings])
    assert (blamed == broken).all()
    assert run.key["incident"] and not any(fault["latent"] for fault in run.key["faults"])

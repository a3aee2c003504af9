"""Two agents are compared by figures of each case, each kind of figure by its own test."""

import pytest

from meshquake.exporters.reports.way.marking import Case, Marked
from meshquake.exporters.reports.way.summary import summary
from meshquake.truth.way.diagnosis import Diagnosis

NOTHING = dict.fromkeys(("any_root", "roots", "nodes", "edges", "reached", "path", "evidence"))


def run(exact):
    return Marked("1", True, Diagnosis(incident=True, exact=exact, mark=float(exact), **NOTHING), None)


def compared(first, other):
    """Compare two agents by whether they are exact, given a list of runs for each case."""
    cases = {
        str(number): Case(True, {}, {}, {"first": [run(each) for each in one], "other": [run(each) for each in two]})
        for number, (one, two) in enumerate(zip(first, other, strict=True))
    }
    return summary(cases, ["first", "other"], None).differences["exact"]


def test_yes_or_no_is_compared_by_the_cases_in_which_only_one_agent_is_right():
    """Eight of eight: McNemar's exact test has p = 2 / 2^8, whereas Student's t for these 10 cases has p = 0.0002."""
    found = compared([[False]] * 9 + [[True]], [[True]] * 8 + [[False]] + [[True]])
    assert found.p == pytest.approx(2 / 2**8) and found.mean == pytest.approx(0.8)


def test_means_over_several_runs_are_compared_as_means():
    found = compared([[False, True], [False, False], [False, True]], [[True, True], [True, False], [True, True]])
    assert found.mean == pytest.approx(0.5) and found.p == 2 * 0.5**3  # all differ by the same: the sign test

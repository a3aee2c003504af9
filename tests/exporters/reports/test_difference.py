"""The effect of a change on a run, reported for people and for programs."""

from meshquake.commands import tables
from meshquake.exporters.reports.difference import as_json, blocks
from meshquake.truth.whatif import Difference, Figures, Unmatched

FIGURES = Figures(requests=10, failed=1, slow=2, p50=5.0, p95=9.0)
NONE = Unmatched(0, 0)


def difference(only_before=NONE, only_after=NONE):
    stretches = [(start, FIGURES, FIGURES) for start in (-0.3, 0.0, 5.0)]
    return Difference(FIGURES, FIGURES, 3, 1, only_before, only_after, stretches, ["store"], ["store"])


def lines(difference):
    return tables.lines(blocks(difference, "rate=40/s"))


def test_requests_made_in_one_run_only_are_told_apart_from_those_saved_and_lost():
    told = lines(difference(Unmatched(40, 12), Unmatched(5, 0)))
    assert told[1:3] == [
        "saved      3 requests that were bad are good, 1 that was good is bad",
        "unmatched  40 only before the change (12 bad), 5 only after the change (0 bad): neither saved nor lost",
    ]
    content = as_json(difference(Unmatched(40, 12), Unmatched(5, 0)), {})
    assert content["made_only"] == {"before": {"requests": 40, "bad": 12}, "after": {"requests": 5, "bad": 0}}


def test_where_both_runs_make_the_same_requests_nothing_is_said_of_others():
    told = lines(difference())
    assert not any(line.startswith("unmatched") for line in told)


def test_no_stretch_begins_at_minus_zero():
    assert [line.split()[0] for line in lines(difference())[-3:]] == ["-0.3s", "+0s", "+5s"]

"""Published results as studies: each study is valid, and a few of its runs show its claim."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from meshquake.ensembles import replication, response_text, study_check, study_file

ROOT = Path(__file__).parents[1]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


def load(name):
    return study_file.load(ROOT / "studies" / f"{name}.yaml")[0]


def played(study, *labels, runs=1, changes=()):
    """Return the responses of some runs of the cell with these level labels, by label."""
    (cell,) = (turn for turn, each in enumerate(study.cells) if tuple(level.label for level in each.levels) == labels)
    study = replace(study, assignments=(*study.assignments, *changes))
    values = [replication.run(study, cell, turn).values for turn in range(runs)]
    return dict(zip(study.labels, np.array(values).T, strict=True))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_has_no_mistake_and_the_page_tells_of_it(path):
    study = load(path.stem)
    assert study.name == path.stem
    assert [str(each) for each in study_check.problems(study, "") if not each.warning] == []
    assert f"studies/{path.name}" in (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")


def test_a_spike_of_five_seconds_takes_a_service_down_for_good_or_not_at_all_unless_callers_back_off():
    """With immediate retries the service stays down in three runs of four; with backoff it always recovers.

    A binomial of 16 runs at 74%, the share among 400 runs, has 99.8% of its weight between 6 and 16.
    """
    found = played(load("spike-collapse"), "at once", runs=16)
    assert found["before"].mean() == pytest.approx(40, abs=1.5)
    down = found["down for good"] == 1
    assert 6 <= down.sum() < 16 and found["late"][down].max() < 0.1
    assert found["late"][~down] == pytest.approx([40] * int((~down).sum()), abs=4)
    found = played(load("spike-collapse"), "backing off", runs=8)
    assert found["after"].min() > 25 and found["late"] == pytest.approx([40] * 8, abs=4)


def test_an_outage_that_is_over_goes_on_by_retries_where_twice_the_load_is_more_than_there_is_room_for():
    """Above 150/s a database of 300/s is vulnerable: with every request retried, the load is twice the arrivals."""
    study = load("metastable")
    short = ["duration=60s"]
    late = replace(
        study,
        responses=tuple(response_text.response(text) for text in ("entry.error_rate@45s..60s", "entry.calls@45s..60s")),
    )
    stable, vulnerable = (played(late, rate, "2s", changes=short) for rate in ("130/s", "240/s"))
    assert [value.item() for value in stable.values()] == [0, 1]
    assert [value.item() for value in vulnerable.values()] == [1, pytest.approx(2, abs=0.03)]


def test_a_breaker_before_shards_makes_a_total_failure_of_a_partial_one():
    found = {
        label: played(load("sharded-breaker"), label, "all of them", changes=["duration=30s", "faults.fail-1.for=30s"])
        for label in ("no breaker", "opens at 5%")
    }
    assert found["no breaker"]["failed at a healthy shard"] == 0 < found["no breaker"]["failed"] < 0.13
    assert found["opens at 5%"]["failed at a healthy shard"] > 0.7


def test_a_hedge_takes_the_tail_of_a_fan_out_for_a_fiftieth_more_requests():
    study, short = load("hedging"), ["duration=3s"]
    plain, hedged = (played(study, "heavy tail", label, changes=short) for label in ("no hedge", "after 10 ms"))
    assert plain["p99 (ms)"] > 150 and hedged["p99 (ms)"] < 60
    assert hedged["requests for a read"] == pytest.approx(1020, abs=3)

"""Single replicas are slow for a few seconds, now and then, and hardly anyone notices."""

import polars as pl
import pytest
from measures import failed
from recording import play

SCENARIO = "transient"
EVEN = True
SECOND = 1_000_000


def test_four_times_one_replica_is_over_three_times_its_median_and_the_others_of_its_service_are_not(run):
    for fault in run.scenario.faults:
        window = run.scenario.window(fault)
        served = run.handled(fault.target.service)
        name = f"{fault.target.service}-{fault.target.replica}"
        usual = dict(served.group_by("replica").agg(pl.col("duration_ms").median()).iter_rows())
        spell = run.within(served, window.start, window.end)
        slow = dict(spell.group_by("replica").agg(pl.col("duration_ms").median()).iter_rows())
        assert [replica for replica in slow if slow[replica] > 3 * usual[replica]] == [name]


def test_no_spike_lasts_longer_than_five_seconds(run):
    """A spike lasts while the median of the last second, of three requests or more, is over three times the usual."""
    served = run.traces.filter(kind="server").sort("end")
    usual = served.group_by("replica").agg(usual=pl.col("duration_ms").median())
    recent = served.rolling("end", period=f"{SECOND}i", group_by="replica").agg(
        pl.col("duration_ms").median(), pl.len().alias("count")
    )
    spikes = (
        recent.join(usual, on="replica", maintain_order="left")
        .filter(pl.col("count") >= 3)
        .with_columns(high=pl.col("duration_ms") > 3 * pl.col("usual"))
        .with_columns(spell=pl.col("high").rle_id().over("replica"))
        .filter("high")
        .group_by("replica", "spell")
        .agg((pl.col("end").max() - pl.col("end").min()).alias("length"))
    )
    assert len(spikes) >= len(run.scenario.faults)
    assert spikes["length"].max() <= 5 * SECOND


def test_hardly_any_request_of_users_fails(run):
    assert failed(run.roots) < 0.01


def test_the_half_of_users_who_were_luckier_than_the_others_wait_as_long_as_ever(run, seed):
    usual = play("normal", seed, even=True).roots["duration_ms"].median()
    assert run.roots["duration_ms"].median() == pytest.approx(usual, rel=0.15)

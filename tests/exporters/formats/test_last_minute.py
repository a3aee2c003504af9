"""Measurements over the last minute, at each moment."""

from statistics import fmean

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.exporters.formats.last_minute import LastMinute

START = 1_705_314_600_000_000
STEP = 5_000_000
#: A recording of a little over three minutes: a service's samples, and the durations of its requests.
moment = st.tuples(st.one_of(st.none(), st.floats(0, 100)), st.lists(st.integers(0, 2000), max_size=4))
recordings = st.lists(moment, min_size=1, max_size=45)


def frames(recording, first=0):
    """Return the samples and spans of two services; the second has values twice as large and no requests."""
    times = [START + STEP * (first + index) for index in range(len(recording))]
    rows = [
        {"at": at, "service": name, "rate": None if value is None else value * factor, "gauge": float(at - START)}
        for at, (value, _) in zip(times, recording, strict=True)
        for name, factor in (("web", 1.0), ("store", 2.0))
    ]
    spans = [
        {"at": at, "service": "web", "kind": kind, "duration_ms": float(duration)}
        for at, (_, durations) in zip(times, recording, strict=True)
        for duration in durations
        for kind in ("server", "client")
    ]
    columns = {"at": pl.Int64, "service": pl.String}
    return (
        pl.DataFrame(rows, columns | {"rate": pl.Float64, "gauge": pl.Float64}),
        pl.DataFrame(spans, columns | {"kind": pl.String, "duration_ms": pl.Float64}),
    )


@given(recordings)
def test_rates_are_means_and_latencies_percentiles_of_the_minute_before_and_gauges_are_as_they_are(recording):
    rows = LastMinute(("rate",)).take(*frames(recording)).to_dicts()
    assert len(rows) == 2 * len(recording)
    for index in range(len(recording)):
        last = recording[max(0, index - 11) : index + 1]
        web, store = rows[2 * index : 2 * index + 2]
        rates = [value for value, _ in last if value is not None]
        assert web["rate"] == (pytest.approx(fmean(rates), abs=1e-9) if rates else None)
        assert store["rate"] == (pytest.approx(2 * fmean(rates), abs=1e-9) if rates else None)
        durations = [duration / 1000 for _, each in last for duration in each]
        for name, percent in (("latency-50", 50), ("latency-90", 90)):
            value = pytest.approx(np.percentile(durations, percent)) if durations else None
            assert (web[name], store[name]) == (value, None)
        assert web["gauge"] == store["gauge"] == index * STEP


@given(recordings, st.integers(0, 45))
def test_batches_do_not_matter(recording, cut):
    whole, parts = LastMinute(("rate",)), LastMinute(("rate",))
    first, second = recording[:cut], recording[cut:]
    found = pl.concat([parts.take(*frames(first)), parts.take(*frames(second, len(first)))])
    expected = whole.take(*frames(recording))
    assert found.drop("rate").equals(expected.drop("rate"))
    assert found["rate"].to_list() == pytest.approx(expected["rate"].to_list(), abs=1e-9, nan_ok=True)

"""Rates and percentiles over a sliding minute, as Prometheus computes them for a query with `rate(...[1m])`.

A window of a minute is usual for both: a second with three requests says little about a service. In the first minute of
a recording the window is shorter.
"""

from __future__ import annotations

import polars as pl

_MINUTE_US = 60_000_000
#: Percentiles of durations, by the names of their columns, which are in seconds.
_LATENCIES = {"latency-50": 0.5, "latency-90": 0.9}


class LastMinute:
    """Keeps the measurements of the last minute.

    Parameters
    ----------
    rates
        The columns that are rates, which are averaged over the minute. Other columns keep their current values.
    """

    def __init__(self, rates: tuple[str, ...]) -> None:
        self._rates = rates
        self._measured: pl.DataFrame | None = None
        self._durations: pl.DataFrame | None = None

    def take(self, measured: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
        """Take the measurements of the next moments.

        Parameters
        ----------
        measured
            One row per moment and service: `at`, in microseconds, `service`, and the measurements since the previous
            moment.
        ended
            The spans that ended meanwhile, with `at`, the moment that they belong to.

        Returns
        -------
        frame
            The rows of `measured` with rates over the last minute, and percentiles (seconds) of the durations of the
            requests answered in it, interpolated linearly between ranks.
        """
        durations = ended.filter(kind="server").select("at", "service", "duration_ms")
        known = measured if self._measured is None else pl.concat([self._measured, measured])
        spans = durations if self._durations is None else pl.concat([self._durations, durations])
        moments = measured["at"].unique().sort()
        mean = (pl.col(rate).rolling_mean_by("at", f"{_MINUTE_US}i").over("service") for rate in self._rates)
        over_minute = known.with_columns(mean).join(measured.select("at", "service"), on=["at", "service"], how="semi")
        if len(moments):
            since = moments[-1] - _MINUTE_US
            self._measured, self._durations = known.filter(pl.col("at") > since), spans.filter(pl.col("at") > since)
        return over_minute.join(_percentiles(spans, moments), on=["at", "service"], how="left", maintain_order="left")


def _percentiles(spans: pl.DataFrame, moments: pl.Series) -> pl.DataFrame:
    """Compute the percentiles over the last minute for each service at each moment."""
    found = [
        spans.filter(pl.col("at").is_between(moment - _MINUTE_US, moment, closed="right"))
        .group_by("service")
        .agg(**{name: pl.col("duration_ms").quantile(share, "linear") / 1000 for name, share in _LATENCIES.items()})
        .select(pl.lit(moment, pl.Int64).alias("at"), "service", *_LATENCIES)
        for moment in moments
    ]
    none = spans.clear().select("at", "service", *(pl.lit(None, pl.Float64).alias(name) for name in _LATENCIES))
    return pl.concat([none, *found])

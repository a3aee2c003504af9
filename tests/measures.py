"""Common measurements of the records of an incident."""

from __future__ import annotations

import polars as pl
from recording import play


def failed(spans: pl.DataFrame) -> float:
    """Return the share of spans that ended in an error."""
    return (spans["status"] == "error").mean()


def p95(spans: pl.DataFrame) -> float:
    """Return the 95th percentile of the spans' durations in ms."""
    return spans["duration_ms"].quantile(0.95, "nearest")


def level(metric: pl.DataFrame) -> float:
    """Return the mean of a metric's samples."""
    return metric["value"].mean()


def harmed(scenario: str, seed: int, severity: float) -> float:
    """Return the share of the incident's requests that failed, or took longer than 99% of requests did before."""
    run = play(scenario, seed, severity=severity, even=True)
    usual = run.before(run.roots)["duration_ms"].quantile(0.99)
    roots = run.incident(run.roots)
    return roots.select(((pl.col("status") == "error") | (pl.col("duration_ms") > usual)).mean()).item()


def onsets(run) -> dict[str, float]:
    """Return when each service's p95 over five seconds first reached three times its value before the incident.

    Seconds since the incident began, by service, in order. Of fewer than twenty requests the p95 is the slowest one,
    which is no evidence.
    """
    served = run.traces.filter(kind="server").sort("end")
    begin = round(run.scenario.lead_in * 1e6)
    usual = served.filter(pl.col("end") < begin).group_by("service").agg(usual=_P95)
    recent = served.rolling("end", period="5000000i", group_by="service").agg(_P95, pl.len().alias("count"))
    shown = recent.join(usual, on="service").filter(
        pl.col("end") >= begin, pl.col("count") >= 20, pl.col("duration_ms") >= 3 * pl.col("usual")
    )
    first = shown.group_by("service").agg((pl.col("end").min() - begin) / 1e6).sort("end", "service")
    return dict(first.iter_rows())


_P95 = pl.col("duration_ms").quantile(0.95, "nearest")

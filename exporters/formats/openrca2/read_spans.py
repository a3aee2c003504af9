"""Trace records from the spans of a case.

Columns that a case lacks are inferred. The peer of a call is the service of the span below it, or of spans below other
calls of the same name; a client span that never reaches a service becomes an internal span of the caller. An error
without a telling HTTP status is a timeout if the callee's half of the call succeeded, a failed dependency if that half
or a call below failed, and internal otherwise. Load generators are the users: their spans aren't part of the mesh.
"""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import TRACE

#: Load generators, in lower case and without `-` and `_`; OpenRCA 2.0's evaluator leaves out the same.
_USERS = ("loadgenerator", "locust", "wrk2", "dsbwrk2", "k6")
#: Types of error by HTTP status; for other statuses `_error` infers the type.
_BY_STATUS = {
    429: "rate_limited",
    499: "cancelled",
    502: "dependency_failed",
    503: "unavailable",
    504: "timeout",
}
_SIDES = {"server": "server", "consumer": "server", "client": "client", "producer": "client"}
_STATUS = {"internal": 500, "dependency_failed": 502, "timeout": 504}
_BY_ID = ["trace_id", "span_id"]


def is_user(service: pl.Expr) -> pl.Expr:
    """Whether a service is a load generator."""
    return service.str.to_lowercase().str.replace_all("[-_]", "").is_in(_USERS)


def spans(rows: pl.DataFrame) -> pl.DataFrame:
    """Convert rows to trace records, in order of time.

    Parameters
    ----------
    rows
        The rows of the tables of spans, with `timestamp`, `service` and `replica` as in records.
    """
    side = pl.col("attr.span_kind").str.to_lowercase().replace_strict(_SIDES, default="internal")
    users = rows.filter(is_user(pl.col("service"))).select("trace_id", parent_span_id="span_id", of_user=True)
    found = rows.filter(~is_user(pl.col("service"))).with_columns(
        kind=side,
        failed=pl.col("attr.status_code").eq_missing("Error"),
        answer=pl.col("attr.http.response.status_code").cast(pl.Int64),
        parent_span_id=pl.when(pl.col("parent_span_id") != "").then("parent_span_id"),
    )
    above = found.select("trace_id", parent_span_id="span_id", caller="service", above="kind")
    for each in (above, users):
        found = found.join(each, on=["trace_id", "parent_span_id"], how="left", maintain_order="left")
    of_call = (pl.col("kind") == "server") & (pl.col("above") == "client")
    halves = found.filter(of_call).unique(["trace_id", "parent_span_id"], keep="first", maintain_order=True)
    callee = halves.select(
        "trace_id", span_id="parent_span_id", reached="service", asked="span_name", half_failed="failed"
    )
    below = found.filter(pl.col("kind") == "client").group_by("trace_id", "parent_span_id").agg(pl.col("failed").any())
    failed_below = below.select("trace_id", span_id="parent_span_id", failed_below="failed")
    found = found.join(callee, on=_BY_ID, how="left", maintain_order="left")
    found = found.join(failed_below, on=_BY_ID, how="left", maintain_order="left")
    usual = (
        found.filter(pl.col("reached").is_not_null())
        .group_by("service", "span_name", maintain_order=True)
        .agg(usual=pl.col("reached").mode().sort().first())
    )
    found = found.join(usual, on=["service", "span_name"], how="left", maintain_order="left")
    client = pl.col("kind") == "client"
    found = found.with_columns(peer=pl.when(client).then(pl.coalesce("reached", "usual")))
    return (
        found.with_columns(
            kind=pl.when(client & pl.col("peer").is_null()).then(pl.lit("internal")).otherwise("kind"),
            parent_span_id=pl.when(pl.col("of_user").is_null()).then("parent_span_id"),
        )
        .with_columns(error_type=_error())
        .select(
            "timestamp",
            "trace_id",
            "span_id",
            "parent_span_id",
            "service",
            pl.concat_str(pl.coalesce("peer", "service"), pl.lit("."), _operation()).alias("operation"),
            (pl.col("duration").cast(pl.Int64) / 1e6).round(3).alias("duration_ms"),
            pl.when("failed").then(pl.lit("error")).otherwise(pl.lit("success")).alias("status"),
            "kind",
            "error_type",
            pl.coalesce("answer", pl.col("error_type").replace_strict(_STATUS, default=200, return_dtype=pl.Int64))
            .clip(0, 599)
            .alias("status_code"),
            pl.when(pl.col("kind") == "server").then("caller").otherwise("peer").alias("peer"),
            "replica",
            pl.lit(None, pl.String).alias("version"),
            pl.lit(1, pl.Int64).alias("attempt"),
            pl.lit(None, pl.String).alias("attributes"),
        )
        .select(TRACE.frame_schema.names())
    )


def _operation() -> pl.Expr:
    """The name of the operation at the callee, as far as it is known."""
    return pl.when(pl.col("kind") == "client").then(pl.coalesce("asked", "span_name")).otherwise("span_name")


def _error() -> pl.Expr:
    """The type of a span's error; null if it didn't fail."""
    by_status = pl.col("answer").replace_strict(_BY_STATUS, default=None, return_dtype=pl.String)
    gave_up = (pl.col("kind") == "client") & pl.col("half_failed").eq_missing(False)
    guessed = (
        pl.when(gave_up)
        .then(pl.lit("timeout"))
        .when(pl.col("failed_below").fill_null(False) | pl.col("half_failed").fill_null(False))
        .then(pl.lit("dependency_failed"))
        .otherwise(pl.lit("internal"))
    )
    return pl.when("failed").then(pl.coalesce(by_status, guessed))

"""The service and the name of a span's operation.

A record has both in one string, `SERVICE.OPERATION`; a span for part of a process has the name of that part instead.
Semantic conventions and other formats have a field for each. The service is also known from other columns, so nothing
is guessed from dots, which either name may contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def callee() -> pl.Expr:
    """The service whose operation a span is of: the span's own, or the peer of a client span."""
    return pl.when(kind="client").then("peer").otherwise("service")


def operation() -> pl.Expr:
    """The operation's name without the service."""
    return pl.col("operation").str.strip_prefix(pl.concat_str(callee(), pl.lit(".")))


def called(span: Mapping[str, Any]) -> tuple[str, str]:
    """Return service and operation of one span, given its `service`, `operation`, `kind` and `peer`."""
    service = span["peer"] if span["kind"] == "client" else span["service"]
    return service, span["operation"].removeprefix(f"{service}.")

"""Whose operation a span is of, and what that service calls it.

A record has both in one text, `SERVICE.OPERATION`; of a part of what a process does, its name stands for an operation.
Conventions and other people's formats have a place for each. The service is known besides, so nothing is guessed from
dots, which either name may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def callee() -> pl.Expr:
    """The service whose operation a span is of: the one that did it, or the peer of a client span."""
    return pl.when(kind="client").then("peer").otherwise("service")


def operation() -> pl.Expr:
    """What that service calls the operation."""
    return pl.col("operation").str.strip_prefix(pl.concat_str(callee(), pl.lit(".")))


def called(span: Mapping[str, Any]) -> tuple[str, str]:
    """Both of one span, which has `service`, `operation`, `kind` and `peer` of its record."""
    service = span["peer"] if span["kind"] == "client" else span["service"]
    return service, span["operation"].removeprefix(f"{service}.")

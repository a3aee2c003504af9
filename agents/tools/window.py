"""The stretch of time that a call asks for, and how records tell their times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from meshquake.agents.clock import iso, moment
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Arguments, ToolError

_MICRO = timedelta(microseconds=1)


def within(view: View, arguments: Arguments, column: str = "at") -> pl.Expr:
    """Whether a record is of the time between `since` and `until`.

    Raises
    ------
    ToolError
        If that ends before it begins, or lies in the future.
    """
    since = moment(arguments.get("since", "0"), view.start, view.now)
    until = moment(arguments.get("until", "now"), view.start, view.now)
    if since > view.now:
        raise ToolError(f"since: {arguments['since']} is later than now, which is {told(view)['now']}")
    if until < since:
        raise ToolError(f"until: {arguments.get('until', 'now')} is before since: {arguments['since']}")
    # What is of this very moment is seen: nothing is later.
    last = pl.lit(True) if until >= view.now else pl.col(column) < (until - view.start) // _MICRO
    return (pl.col(column) >= (since - view.start) // _MICRO) & last


def told(view: View) -> dict[str, Any]:
    """When it is: what every answer begins with."""
    return {"now": f"{iso(view.now)} (+{view.elapsed:g}s)", "start": iso(view.start)}


def when(view: View, at: int) -> tuple[float, str]:
    """A moment of a frame: in seconds since the recording began, and as ISO 8601."""
    return round(at / 1e6, 3), iso(view.start + timedelta(microseconds=int(at)))

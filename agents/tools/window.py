"""The time range of a call, and how times are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from meshquake.agents.clock import iso, moment
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Arguments, ToolError

_MICRO = timedelta(microseconds=1)


def within(view: View, arguments: Arguments, column: str = "at") -> pl.Expr:
    """Return the condition that a record lies between `since` and `until`.

    Raises
    ------
    ToolError
        If the range ends before it starts, or lies in the future.
    """
    since = moment(arguments.get("since", "0"), view.start, view.now)
    until = moment(arguments.get("until", "now"), view.start, view.now)
    if since > view.now:
        raise ToolError(f"since: {arguments['since']} is later than now, which is {told(view)['now']}")
    if until < since:
        raise ToolError(f"until: {arguments.get('until', 'now')} is before since: {arguments['since']}")
    # Records of the current moment are visible; there are none after it.
    last = pl.lit(True) if until >= view.now else pl.col(column) < (until - view.start) // _MICRO
    return (pl.col(column) >= (since - view.start) // _MICRO) & last


def told(view: View) -> dict[str, Any]:
    """Return the current time, with which every answer begins."""
    return {"now": f"{iso(view.now)} (+{view.elapsed:g}s)", "start": iso(view.start)}


def when(view: View, at: int) -> tuple[float, str]:
    """Convert the time of a record: to seconds since the recording began, and to ISO 8601."""
    return round(at / 1e6, 3), iso(view.start + timedelta(microseconds=int(at)))

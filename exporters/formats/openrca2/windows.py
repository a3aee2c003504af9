"""Where the window before a fault ends, and that in which it acts begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.registry import FormatError

NORMAL, ABNORMAL = WINDOWS = ("normal", "abnormal")


def roots(truth: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The faults of a key that broke a promise to users, in order of their beginning.

    Raises
    ------
    exporters.formats.registry.FormatError
        If there are none.
    """
    faults = [fault for fault in truth["faults"] if not fault["latent"]]
    if not faults:
        raise FormatError(
            "format openrca2 has no place for a case without an incident: no fault of this one broke a promise to users"
        )
    return sorted(faults, key=lambda fault: str(fault["start"]))


def split(context: Context, faults: list[Mapping[str, Any]]) -> datetime:
    """When the first of the faults began.

    Raises
    ------
    exporters.formats.registry.FormatError
        If that is less than a second after the start of the recording: then there's no window before it.
    """
    begun = datetime.fromisoformat(faults[0]["start"])
    if begun - context.start < timedelta(seconds=1):
        raise FormatError(
            "format openrca2 has a window before the fault, and this recording begins with it: simulate with --lead-in"
        )
    return begun


def env(context: Context, begun: datetime) -> str:
    """The text of `env.json`: the windows in Unix seconds, as texts."""
    start = int(context.start.timestamp())
    end = start + round(context.length)
    middle = int(begun.timestamp())
    content = {
        "TIMEZONE": "UTC",
        "NAMESPACE": context.topology.name,
        "NORMAL_START": str(start),
        "NORMAL_END": str(middle),
        "ABNORMAL_START": str(middle),
        "ABNORMAL_END": str(max(end, middle + 1)),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

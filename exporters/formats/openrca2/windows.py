"""The split of a recording into the windows before a fault (normal) and since (abnormal)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.registry import FormatError

NORMAL, ABNORMAL = WINDOWS = ("normal", "abnormal")


def roots(truth: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the faults of an answer key that broke a promise to users, in order of start.

    Raises
    ------
    exporters.formats.registry.FormatError
        If there are none.
    """
    faults = [fault for fault in truth["faults"] if not fault["latent"]]
    if not faults:
        raise FormatError("format openrca2 needs an incident, but no fault of this case broke a promise to users")
    return sorted(faults, key=lambda fault: str(fault["start"]))


def split(context: Context, faults: list[Mapping[str, Any]]) -> datetime:
    """Return the start of the first fault.

    Raises
    ------
    exporters.formats.registry.FormatError
        If that is less than a second after the start of the recording, so that there is no window before it.
    """
    begun = datetime.fromisoformat(faults[0]["start"])
    if begun - context.start < timedelta(seconds=1):
        raise FormatError(
            "format openrca2 needs a window before the fault, but the recording begins with it: simulate with --lead-in"
        )
    return begun


def env(context: Context, begun: datetime) -> str:
    """Return the text of `env.json`: the windows in Unix seconds, as strings."""
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

"""The SLO of users, and whether recorded requests met it; nothing here knows of faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from meshquake.agents.telemetry import View
from meshquake.truth import brief
from meshquake.truth.answer_key import Clock
from meshquake.truth.objective import Mask, Promise


@dataclass(frozen=True)
class Kept:
    """Compliance with the SLO up to a moment.

    Attributes
    ----------
    promise
        The counts.
    entries
        The names of the entry operations, in the order of its columns.
    broken
        Whether the SLO was broken in the window that ended with each whole second: for all requests, and for each
        entry.
    """

    promise: Promise
    entries: list[str]
    broken: Mask

    @property
    def since(self) -> int | None:
        """The first second at whose end the SLO was broken; None if it was met."""
        seconds = np.flatnonzero(self.broken.any(axis=1))
        return int(seconds[0]) if len(seconds) else None


def kept(view: View) -> Kept:
    """Compute the compliance up to the moment of a view."""
    objective = view.objective
    found = view.requests.select("operation", "at", "duration_ms", "status", "error_type")
    entries = list(dict.fromkeys([*view.entries, *sorted(found["operation"].unique())]))
    promise = Promise(objective, len(entries), max(1.0, view.elapsed))
    failed = found["status"].to_numpy() != "success"
    unfinished = (found["error_type"] == "unfinished").fill_null(False).to_numpy()
    took = found["duration_ms"].to_numpy() / 1000
    late = ~failed & (took > objective.within) | unfinished
    failed &= ~unfinished
    known = found["at"].to_numpy() / 1e6 + np.where(failed, took, np.minimum(took, objective.within))
    place = {name: number for number, name in enumerate(entries)}
    entry = found["operation"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    promise.add(entry, np.maximum(known, 0.0), failed, late)
    return Kept(promise, entries, promise.broken())


def paged(view: View) -> datetime | None:
    """Return when somebody was first paged for a broken SLO; None if nobody was."""
    since = kept(view).since
    return None if since is None else view.start + timedelta(seconds=since + 1)


def page(view: View) -> str:
    """Return the brief as of the moment of a view."""
    if view.brief is not None and view.now >= view.end:
        return view.brief
    found = kept(view)
    return brief.page(found.promise, found.entries, Clock(view.start), view.elapsed, view.fixture)

"""Checkpoints of databases: when they write changed pages back, how many, and the log lines about it.

A checkpoint happens whenever a certain amount has been logged, as with PostgreSQL's `max_wal_size`, so it follows from
the database's spans alone. Its log lines are written at the moment of the statement that triggered it, however often
metrics are sampled, and `disk_written` counts just the pages that the lines mention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from meshquake.sim.journal import Line
from meshquake.sim.telemetry.hosts.traffic import Traffic
from meshquake.sim.telemetry.logs.catalogue import notices
from meshquake.sim.telemetry.spans.spans import in_order
from meshquake.topology.addresses import address, uniform
from meshquake.topology.special_functions import ndtri

if TYPE_CHECKING:
    from meshquake.sim.telemetry.spans.spans import Mask, Spans
    from meshquake.sim.telemetry.tables import Tables

#: Bytes logged per byte of a change: the row, its index entries, now and then a whole page.
LOGGED = 4.0
#: Bytes logged from one checkpoint to the next.
CHECKPOINT = 2.0**20
#: Bytes of a page.
PAGE = 8192.0
#: Bytes that a checkpoint writes per byte logged: the median, and the standard deviation of the logarithm.
_FLUSHED, _SPREAD = 3.0, 0.4
#: Seconds per page between a checkpoint's first log line and its last.
_A_PAGE = 0.0004


def pages(seed: int, replica: str, number: int) -> int:
    """Return how many pages a database writes at its checkpoint with that number."""
    u = uniform(address(seed, "checkpoint", replica) % 2**64, number)
    return round(CHECKPOINT * _FLUSHED * float(np.exp(_SPREAD * ndtri(max(u, 2.0**-53)))) / PAGE)


def changing(tables: Tables, spans: Spans) -> Mask:
    """Whether each span is of a statement that changed data in a database."""
    changes: Mask = spans.server & tables.site_changes[spans.site] & (spans.worked >= 0)
    return changes


class Checkpoints:
    """The log lines of databases about their checkpoints, made for one period after another."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        #: Bytes that each replica has logged so far, by rank.
        self._logged: dict[int, float] = {}

    def lines(self, spans: Spans) -> list[Line]:
        """Return the lines due to the changes of a period, in order of time, given the spans of all its changes."""
        tables = self._tables
        found: list[Line] = []
        spans = spans.view(in_order(tables, spans, spans.end))
        logged = LOGGED * Traffic(tables, spans, np.zeros(len(spans), dtype=np.int64)).request
        ranks, names = tables.incarnation_rank[spans.incarnation], tables.replica_names
        for rank in np.unique(ranks).tolist():
            own = np.flatnonzero(ranks == rank)
            before = self._logged.get(rank, 0.0)
            after = before + np.cumsum(logged[own])
            self._logged[rank] = float(after[-1])
            passed = np.floor(after / CHECKPOINT)
            for place in np.flatnonzero(np.diff(passed, prepend=np.floor(before / CHECKPOINT))).tolist():
                span = own[place]
                service = int(tables.site_service[spans.site[span]])
                name = str(names[int(spans.incarnation[span])])
                found += self._told(service, name, int(passed[place]), float(spans.end[span]) / 1e6)
        return sorted(found, key=lambda line: line.time)

    def _told(self, service: int, replica: str, number: int, at: float) -> list[Line]:
        if not self._tables.voices[service].stack:
            return []  # without a stack, a service logs only requests and what happens to it
        written = pages(self._tables.seed, replica, number)
        values = {"replica": replica, "pages": written, "logged_kb": round(CHECKPOINT / 1024)}
        logs = notices(self._tables.voices[service])["checkpoint"].logs
        name = self._tables.services[service]
        return [
            Line(at + place * _A_PAGE * written, log, log.text.format(**values), name, replica, None)
            for place, log in enumerate(logs)
        ]

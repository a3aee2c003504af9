"""Event records."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from meshquake.sim.journal import Event
from meshquake.sim.records import EVENT
from meshquake.sim.telemetry.tables import Tables, microseconds


def event_frame(tables: Tables, events: list[Event]) -> pl.DataFrame:
    """Make event records of the journal's events, in their order."""
    micros = microseconds(np.array([event.time for event in events], dtype=np.float64))
    return pl.DataFrame(
        {
            "timestamp": tables.iso(micros),
            "type": [event.type for event in events],
            "service": [event.service for event in events],
            "details": [event.details for event in events],
            "severity": [event.severity for event in events],
            "version": [event.version for event in events],
            "replica": [event.replica for event in events],
            "attributes": [json.dumps(event.attributes, ensure_ascii=False) for event in events],
        },
        schema=EVENT.frame_schema,
    )

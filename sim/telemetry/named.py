"""What a `telemetry:` block may name: what `python -m meshquake.docs.renew` writes for those who read files."""

from __future__ import annotations

from meshquake.sim.telemetry import metric_table, span_attributes
from meshquake.topology.telemetry.vocabulary import Vocabulary


def vocabulary() -> Vocabulary:
    """All of it (`topology.telemetry.vocabulary`)."""
    return Vocabulary(tuple(metric_table.LEVELS), metric_table.known(), span_attributes.NAMES)

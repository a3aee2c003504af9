"""What a `telemetry:` block may name. `python -m meshquake.docs.renew` writes it to a file for the topology loader."""

from __future__ import annotations

from meshquake.sim.telemetry.logs.catalogue import FIELD, catalogue
from meshquake.sim.telemetry.logs.form import LEVELS, VALUES, VITALS
from meshquake.sim.telemetry.logs.own_words import CALLS
from meshquake.sim.telemetry.metrics import metric_table
from meshquake.sim.telemetry.spans import span_attributes
from meshquake.topology.spec import SERVICE_KINDS
from meshquake.topology.telemetry.vocabulary import Vocabulary


def vocabulary() -> Vocabulary:
    """Return everything that a `telemetry:` block may name (`topology.telemetry.vocabulary`)."""
    return Vocabulary(
        levels=tuple(metric_table.LEVELS),
        metrics=metric_table.known(),
        attributes=span_attributes.NAMES,
        kinds=SERVICE_KINDS,
        severities=LEVELS,
        calls=CALLS,
        values=VALUES,
        vitals=VITALS,
        notices=_notices(),
    )


def _notices() -> dict[str, tuple[str, ...]]:
    """Return the notices that have a log line, with the values that are always there: those that their texts name."""
    found = {}
    for name, entry in catalogue()["notices"].items():
        if "log" in entry:
            event = entry.get("event", {})
            logs = entry["log"] if isinstance(entry["log"], list) else [entry["log"]]
            texts = [event.get("text", ""), *(each["text"] for each in logs)]
            named = [field for text in texts for field in FIELD.findall(text)]
            found[name] = tuple(dict.fromkeys(["service", "replica", "version", *event.get("attributes", ()), *named]))
    return found

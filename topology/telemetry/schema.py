"""The JSON Schema of a `telemetry:` block. `topology.loading.telemetry` checks what it cannot express."""

from __future__ import annotations

from meshquake.topology.json_schema import Schema, array, block, choice, either, mapping
from meshquake.topology.key_schema import block_of, keys_schema, matching
from meshquake.topology.telemetry.block import Telemetry
from meshquake.topology.telemetry.expression import LONGEST, SIGNS
from meshquake.topology.telemetry.logs import Chatter, LineChange, LogChanges
from meshquake.topology.telemetry.metrics import NAME, MetricChange
from meshquake.topology.telemetry.traces import TraceChanges
from meshquake.topology.telemetry.vocabulary import vocabulary


def telemetry_schema() -> Schema:
    """Return the schema of the block."""
    # Existing names first: editors suggest them.
    names = either("", choice("", vocabulary().metrics), {"pattern": f"^(?:{NAME.pattern}|[^ ]*[*?][^ ]*)$"})
    one = "|".join(vocabulary().metrics)
    expression = {"type": "string", "maxLength": LONGEST} | matching(
        rf"{SIGNS}*\b(?:{one})\b{SIGNS}*", "an expression over metrics"
    )
    keys = keys_schema(MetricChange, {"is": expression})
    change = either("", {"const": "none"}, block("", {}, keys, dependentRequired={"is": ["unit"]}))
    attributes = mapping("", either("", choice("", vocabulary().attributes), {"pattern": "[*?]"}), {"type": "string"})
    text = either("", {"type": "string", "minLength": 1}, array("", {"type": "string", "minLength": 1}, minItems=1))
    line = block_of(LineChange, {"text": text})
    chatter = block_of(Chatter, {"text": text})
    # A single one may stand alone, without a list.
    lists = {
        word: either("", {"allOf": [one]}, array("", one, minItems=1))
        for word, one in (("lines", line), ("chatter", chatter))
    }
    logs = block_of(LogChanges, lists)
    traces = block_of(TraceChanges, {"attributes": attributes})
    return block_of(Telemetry, {"metrics": mapping("", names, change), "logs": logs, "traces": traces})

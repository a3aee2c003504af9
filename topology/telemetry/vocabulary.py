"""What a `telemetry:` block may name: a list that is made of the tables in `sim.telemetry`.

What is measured, and how, stands there, to the right of this room; who reads files must know the names all the same,
to tell what is wrong with one at its line. So `python -m meshquake.docs.renew` writes `vocabulary.json` of it, and a
test tells when that was forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

FILE = Path(__file__).with_name("vocabulary.json")


@dataclass(frozen=True)
class Known:
    """A metric that can be measured.

    Attributes
    ----------
    unit
        As in its records.
    levels
        What it is measured of (`Vocabulary.levels`).
    exported
        What names in Prometheus and OpenTelemetry are made of.
    """

    unit: str
    levels: tuple[str, ...]
    exported: str


@dataclass(frozen=True)
class Vocabulary:
    """All that may be named: the `levels` of metrics, `metrics` by name, and `attributes` of spans."""

    levels: tuple[str, ...]
    metrics: Mapping[str, Known]
    attributes: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    """What may be named in this version."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    metrics = {
        name: Known(each["unit"], tuple(each["of"]), each["exported"]) for name, each in content["metrics"].items()
    }
    return Vocabulary(tuple(content["levels"]), MappingProxyType(metrics), tuple(content["attributes"]))


def written(known: Vocabulary) -> str:
    """The text of the file, given what may be named."""
    metrics = {
        name: {"unit": each.unit, "of": list(each.levels), "exported": each.exported}
        for name, each in known.metrics.items()
    }
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in metrics.items())
    levels = json.dumps([*known.levels])
    attributes = json.dumps([*known.attributes])
    return f'{{\n "levels": {levels},\n "attributes": {attributes},\n "metrics": {{\n{rows}\n }}\n}}\n'

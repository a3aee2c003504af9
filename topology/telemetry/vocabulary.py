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
    """All that may be named.

    Attributes
    ----------
    levels, metrics
        Of what metrics are, and these by name.
    attributes
        Of spans.
    kinds, severities
        Of services, and of log lines.
    calls
        What a service writes a line of, of calls.
    values
        What a text of such a line may name.
    vitals
        What a text may name that a process writes by itself.
    notices
        What happens besides, of which there is a line, each with what its text may name.
    """

    levels: tuple[str, ...]
    metrics: Mapping[str, Known]
    attributes: tuple[str, ...]
    kinds: tuple[str, ...]
    severities: tuple[str, ...]
    calls: tuple[str, ...]
    values: tuple[str, ...]
    vitals: tuple[str, ...]
    notices: Mapping[str, tuple[str, ...]]


#: What is a list of names in the file.
_LISTS = ("levels", "attributes", "kinds", "severities", "calls", "values", "vitals")


@cache
def vocabulary() -> Vocabulary:
    """What may be named in this version."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    metrics = {
        name: Known(each["unit"], tuple(each["of"]), each["exported"]) for name, each in content["metrics"].items()
    }
    return Vocabulary(
        metrics=MappingProxyType(metrics),
        notices=MappingProxyType({name: tuple(values) for name, values in content["notices"].items()}),
        **{word: tuple(content[word]) for word in _LISTS},
    )


def written(known: Vocabulary) -> str:
    """The text of the file, given what may be named: a line for each thing."""
    metrics = {
        name: {"unit": each.unit, "of": list(each.levels), "exported": each.exported}
        for name, each in known.metrics.items()
    }
    lists = [f" {json.dumps(word)}: {json.dumps([*getattr(known, word)])}" for word in _LISTS]
    tables = [
        f" {json.dumps(word)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in table.items())
        + "\n }"
        for word, table in (("metrics", metrics), ("notices", {name: [*each] for name, each in known.notices.items()}))
    ]
    return "{\n" + ",\n".join([*lists, *tables]) + "\n}\n"

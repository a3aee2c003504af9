"""What a `telemetry:` block may name: a list generated from the tables in `sim.telemetry`.

Those tables say what is measured, but this package must not import them. Readers of files need the names all the same,
to report a wrong one at its line. So `python -m meshquake.docs.renew` writes the names to `vocabulary.json`, and a test
fails if that was forgotten.
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
        The levels at which it is measured (`Vocabulary.levels`).
    exported
        The stem of its names in Prometheus and OpenTelemetry.
    counts
        Whether it is exported as a counter there.
    """

    unit: str
    levels: tuple[str, ...]
    exported: str
    counts: bool


@dataclass(frozen=True)
class Vocabulary:
    """All names that a block may use.

    Attributes
    ----------
    levels, metrics
        The levels of metrics, and the metrics by name.
    attributes
        Attributes of spans.
    kinds, severities
        Kinds of services, and severities of log lines.
    calls
        The calls that a service writes lines about.
    values
        The values that the text of such a line may name.
    vitals
        The values that the text of a line may name that a process writes by itself.
    notices
        What else may happen that has a line, with the values that its text may name.
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


#: Fields that are lists of names in the file.
_LISTS = ("levels", "attributes", "kinds", "severities", "calls", "values", "vitals")


@cache
def vocabulary() -> Vocabulary:
    """Return what may be named in this version."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    metrics = {
        name: Known(each["unit"], tuple(each["of"]), each["exported"], each["counts"])
        for name, each in content["metrics"].items()
    }
    return Vocabulary(
        metrics=MappingProxyType(metrics),
        notices=MappingProxyType({name: tuple(values) for name, values in content["notices"].items()}),
        **{word: tuple(content[word]) for word in _LISTS},
    )


def written(known: Vocabulary) -> str:
    """Return the text of the file for a vocabulary: one line per entry."""
    metrics = {
        name: {"unit": each.unit, "of": list(each.levels), "exported": each.exported, "counts": each.counts}
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

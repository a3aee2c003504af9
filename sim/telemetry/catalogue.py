"""What services write: the texts of log lines, and events with the lines that go with them.

The texts are those of `catalogue.yaml`, and those that an installed package has for services that ask. A service whose
topology says `logs: NAME` writes with the catalogue of that name laid over `catalogue.yaml`: what it holds takes the
place of what is there, and the rest stays. No other service is changed by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from meshquake.sim.telemetry.own_words import spoken
from meshquake.topology.plugins import Extensible
from meshquake.topology.spec import LOGS, SERVICE_KINDS
from meshquake.topology.telemetry.logs import NONE, Words

Book = Mapping[str, Any]

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SEVERITIES = ("info", "warning", "error", "critical")

#: A value in a text.
FIELD = re.compile(r"\{(\w+)\}")
#: The values that a text about a request may name.
VALUES = (
    *("operation", "service", "peer", "duration_ms", "status_code", "attempt"),
    *("version", "replica", "limit", "workers", "timeout_ms"),
)
_WORDING = ("level", "logger", "text")
#: The parts of a catalogue, and what the keys on the way to a wording may be; None for errors and notices of any name.
_PARTS: dict[str, tuple[Collection[str] | None, ...]] = {
    "handled": (SERVICE_KINDS,),
    "slow_after_ms": (SERVICE_KINDS,),
    "slow": (SERVICE_KINDS,),
    "failed": (None, (*SERVICE_KINDS, "any")),
    "retried": (None,),
    "hedged": (None,),
    "gave_up": (None,),
    "missed": (),
    "notices": (None, ("log",)),
}


@dataclass(frozen=True)
class EventText:
    """An event as its record tells it. `attributes` are the values that the record holds besides the text."""

    type: str
    severity: str
    text: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class LogText:
    """A log line; the values in braces are filled in."""

    level: str
    logger: str
    text: str


@dataclass(frozen=True)
class Notice:
    """Something that happens besides requests: an event, log lines, or both."""

    event: EventText | None
    logs: tuple[LogText, ...]


@cache
def catalogue(name: str = "", words: Words = NONE) -> Book:
    """The texts of the services that ask for a catalogue; without a name, of those that ask for none.

    `words` are those that files have for them, over it.

    Raises
    ------
    topology.plugins.PluginError
        If the package that has it offers something else.
    """
    text = resources.files("meshquake.sim.telemetry").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    own: Book = yaml.safe_load(text)
    return spoken(_over(own, CATALOGUES[name]) if name else own, words)


@cache
def notices(name: str = "", words: Words = NONE) -> dict[str, Notice]:
    """What may be noted by services that ask for a catalogue (see there), by name."""
    return {noted: _notice(noted, entry) for noted, entry in catalogue(name, words)["notices"].items()}


def events() -> dict[str, str]:
    """Every `type` of event, with what it means."""
    told = {name: entry["event"] for name, entry in catalogue()["notices"].items() if "event" in entry}
    return {each.get("type", name): each["meaning"] for name, each in told.items() if "meaning" in each}


def _notice(name: str, entry: dict[str, Any]) -> Notice:
    event, log = entry.get("event"), entry.get("log")
    return Notice(
        None
        if event is None
        else EventText(event.get("type", name), event["severity"], event["text"], tuple(event.get("attributes", ()))),
        tuple(LogText(**each) for each in (log if isinstance(log, list) else [log]) if each is not None),
    )


def _over(lower: Book, upper: Book) -> Book:
    """A catalogue over another, key by key down to the wordings, of which the upper one has its own or none."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and "text" not in value:
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged


def _misfit(name: str, value: Any) -> str:
    """Why an object cannot be a catalogue; empty if it can."""
    if not isinstance(value, Mapping):
        return "must be a mapping, as catalogue.yaml is"
    for part, content in value.items():
        if part not in _PARTS:
            return f"{part} is no part of a catalogue: {', '.join(_PARTS)}"
        for mistake in _mistakes(content, _PARTS[part], part):
            return mistake
    return ""


def _mistakes(value: Any, levels: tuple[Collection[str] | None, ...], path: str) -> Iterator[str]:
    """What is wrong at a place of a catalogue and below."""
    if levels:
        if not isinstance(value, Mapping):
            yield f"{path} must be a mapping"
            return
        for key, each in value.items():
            if levels[0] is not None and key not in levels[0]:
                yield f"{path}.{key}: must be one of {', '.join(levels[0])}"
            yield from _mistakes(each, levels[1:], f"{path}.{key}")
    elif path.startswith("slow_after_ms"):
        if not isinstance(value, int) or value < 0:
            yield f"{path} must be a whole number of milliseconds"
    elif isinstance(value, list) and value and not path.startswith("notices"):
        for number, each in enumerate(value):
            yield from _wrong_wording(each, f"{path}[{number}]")
    else:
        yield from _wrong_wording(value, path)


def _wrong_wording(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or set(value) != set(_WORDING) or not all(map(_is_line, value.values())):
        yield f"{path} must be a wording: {{level: INFO, logger: main, text: ...}}, each a line of text"
    elif value["level"] not in LEVELS:
        yield f"{path}.level must be one of {', '.join(LEVELS)}"
    elif not path.startswith("notices"):  # whose values are those of the event
        yield from (
            f"{path}.text: there is no value {{{field}}}; there are {', '.join(VALUES)}"
            for field in FIELD.findall(value["text"])
            if field not in VALUES
        )


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


#: The catalogues that installed packages have.
CATALOGUES: Extensible[Book] = Extensible(LOGS, {}, _misfit)

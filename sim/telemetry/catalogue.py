"""The catalogue of what services write: the texts of log lines, and events with the lines that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class EventText:
    """An event as its record tells it. `details` are the values that the record holds besides the text."""

    type: str
    severity: str
    text: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class LogText:
    """A log line; the values in braces are filled in."""

    level: str
    logger: str
    text: str


@dataclass(frozen=True)
class Notice:
    """Something that happens besides requests: an event, a log line, or both."""

    event: EventText | None
    log: LogText | None


@cache
def catalogue() -> dict[str, Any]:
    """The catalogue, as its file has it."""
    text = resources.files("meshquake.sim.telemetry").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def notices() -> dict[str, Notice]:
    """What may be noted, by name."""
    return {name: _notice(name, entry) for name, entry in catalogue()["notices"].items()}


def events() -> dict[str, str]:
    """Every `type` of event, with what it means."""
    told = {name: entry["event"] for name, entry in catalogue()["notices"].items() if "event" in entry}
    return {each.get("type", name): each["meaning"] for name, each in told.items() if "meaning" in each}


def _notice(name: str, entry: dict[str, Any]) -> Notice:
    event, log = entry.get("event"), entry.get("log")
    return Notice(
        None
        if event is None
        else EventText(event.get("type", name), event["severity"], event["text"], tuple(event.get("details", ()))),
        None if log is None else LogText(**log),
    )

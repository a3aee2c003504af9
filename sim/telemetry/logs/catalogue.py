"""The texts of log lines, and events with the lines that go with them.

A catalogue consists of layers; each replaces entries of the one below and leaves the rest. At the bottom is
`catalogue.yaml`, for services of which nothing is known. For a service with a `stack`, the files in `catalogue/` for
its language and framework, or for its product, come on top. If the topology says `logs: NAME` for a service, the
catalogue of that name, from an installed package, comes on top of that, for that service only. The words of a
`telemetry:` block come last (`own_words`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import inf
from typing import Any

from meshquake.sim.telemetry.logs import callees
from meshquake.sim.telemetry.logs.form import KINDS, OF_CALLS, PARTS, WORDING, misfit
from meshquake.sim.telemetry.logs.own_words import spoken
from meshquake.topology.packaged import packaged
from meshquake.topology.plugins import Extensible
from meshquake.topology.spec import LOGS, SERVICE_KINDS, Service
from meshquake.topology.telemetry.logs import DRAWN as DRAWN
from meshquake.topology.telemetry.logs import FIELD as FIELD
from meshquake.topology.telemetry.logs import NONE, Words
from meshquake.topology.units import parse_duration

Book = Mapping[str, Any]


@dataclass(frozen=True)
class Voice:
    """What decides how a service words its lines: its stack, an installed catalogue, words of files; empty for none."""

    stack: str = ""
    logs: str = ""
    words: Words = NONE

    @classmethod
    def of(cls, service: Service) -> Voice:
        """Return the voice of a service."""
        return cls("" if service.built_with is None else service.built_with.name, service.logs, service.words)


@dataclass(frozen=True)
class EventText:
    """The text of an event. `attributes` names the values that its record holds in addition."""

    type: str
    severity: str
    text: str
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class LogText:
    """The text of a log line; values in braces are filled in."""

    level: str
    logger: str
    text: str


@dataclass(frozen=True)
class Notice:
    """Something that happens besides requests: an event, log lines, or both."""

    event: EventText | None
    logs: tuple[LogText, ...]


@dataclass(frozen=True)
class Remark:
    """A log line about some requests.

    A `share` of them have it: early on if `at` is below 0.5, otherwise at the end, if all went well. If `calls` is not
    empty, only those that may call such a thing have it.
    """

    log: LogText
    at: float
    share: float = 1.0
    topics: tuple[str, ...] = ()
    calls: str = ""


@dataclass(frozen=True)
class Talk:
    """Lines that a process writes outside requests, again and again.

    Attributes
    ----------
    name
        Name in the catalogue.
    every
        Seconds from one time to the next; infinite if only a job's runs have the lines.
    regular
        Whether the interval is exact, or only an average.
    lines
        The lines, each with its delay after the first in seconds.
    job
        The job whose runs have the lines, in services that run it, in place of the schedule; empty if there is none.
    calls
        What a service must call to say it (`callees.py`); empty for nothing.
    probe
        Whether they say that a probe passed: a process that fails its probes has none.
    """

    name: str
    every: float
    regular: bool
    lines: tuple[tuple[float, LogText], ...]
    job: str = ""
    calls: str = ""
    probe: bool = False


@dataclass(frozen=True)
class Beginning:
    """A line that a process writes while it starts, after a share (`at`) of the startup time.

    If `calls` is not empty, only processes of services that call such a thing have it; if `killed` is not None, only
    those after a process that was killed, or was not.
    """

    log: LogText
    at: float
    calls: str = ""
    killed: bool | None = None


@cache
def catalogue(voice: Voice = Voice()) -> Book:
    """Return the texts of services with a voice; by default, of services of which nothing is known.

    Raises
    ------
    topology.plugins.PluginError
        If an installed package offers something that is not a catalogue.
    """
    book = _spread(_read("catalogue.yaml"))
    for layer in _layers(voice.stack):
        book = _over(book, layer)
    if voice.logs:
        book = _over(book, _spread(CATALOGUES[voice.logs]))
    return spoken(book, voice.words)


def _layers(stack: str) -> Iterator[Book]:
    """Yield the layers of a stack, the most general first: of its language and framework, or of its product."""
    if stack:
        yield from _layered("common")
        language, slash, _ = stack.partition("/")
        if slash:
            yield from _layered("written")
            yield from _layered(language)
        yield from _layered(stack.replace("/", "-"))


def _layered(name: str) -> Iterator[Book]:
    """Yield the layer of a file in `catalogue/`, after the one that it is `like`; nothing if there is no such file."""
    if not _FILES.joinpath(f"{name}.yaml").is_file():
        return
    book = dict(_read(f"catalogue/{name}.yaml"))
    below = book.pop("like", None)
    if below is not None:
        yield from _layered(below)
    yield _spread(book)


_PACKAGE = "meshquake.sim.telemetry.logs"
_FILES = resources.files(_PACKAGE).joinpath("catalogue")


def _read(name: str) -> Book:
    book: Book = packaged(_PACKAGE, name)
    return book


def _spread(book: Book) -> Book:
    """Replace `any` in a catalogue by entries for each kind of service that has none of its own.

    For calls that a service made, replace it and `store` by entries for each callee (`callees.py`).
    """
    spread = dict(book)
    for part, levels in PARTS.items():
        if part in book and levels[:1] == (KINDS,) and "any" in book[part]:
            spread[part] = {kind: book[part].get(kind, book[part]["any"]) for kind in SERVICE_KINDS}
    if "failed" in book:
        spread["failed"] = {
            error: {kind: said.get(kind, said["any"]) for kind in KINDS} if "any" in said else said
            for error, said in book["failed"].items()
        }
    if "called" in book:
        spread["called"] = callees.spread(book["called"])
    for part in OF_CALLS.intersection(book):
        spread[part] = {error: callees.spread(said) for error, said in book[part].items()}
    return spread


@cache
def notices(voice: Voice = Voice()) -> dict[str, Notice]:
    """Return the notices of services with a voice, by name."""
    return {noted: _notice(noted, entry) for noted, entry in catalogue(voice)["notices"].items()}


@cache
def remarks(voice: Voice, topic: str) -> tuple[Remark, ...]:
    """Return the lines about requests on a topic other than the one at the end.

    First those that all such requests have, in order, then those that some have.
    """
    book = catalogue(voice)
    steps = book.get("steps", {}).get(topic, ())
    asides = [each for each in book.get("remarks", {}).values() if topic in each.get("topics", (topic,))]
    return (*(_remark(each) for each in steps), *(_remark(each) for each in asides))


@cache
def chatter(voice: Voice) -> tuple[Talk, ...]:
    """Return the lines that processes of services with a voice write outside requests."""
    return tuple(
        Talk(
            name,
            parse_duration(entry.get("every", entry.get("about"))) if {"every", "about"} & entry.keys() else inf,
            "every" in entry,
            tuple((parse_duration(each.get("after", "0s")), _log(each)) for each in _listed(entry["lines"])),
            entry.get("job", ""),
            entry.get("calls", ""),
            entry.get("probe", False),
        )
        for name, entry in catalogue(voice).get("chatter", {}).items()
        if entry
    )


@cache
def startup(voice: Voice) -> tuple[Beginning, ...]:
    """Return the lines that a process writes while it starts."""
    return tuple(
        Beginning(_log(each), each["at"], each.get("calls", ""), each.get("killed"))
        for each in catalogue(voice).get("startup", ())
    )


def _log(wording: Mapping[str, Any]) -> LogText:
    return LogText(*(wording[key] for key in WORDING))


def _remark(wording: Mapping[str, Any]) -> Remark:
    topics = tuple(wording.get("topics", ()))
    return Remark(_log(wording), wording.get("at", 0.0), wording.get("share", 1.0), topics, wording.get("calls", ""))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def events() -> dict[str, str]:
    """Return every `type` of event, with its meaning."""
    told = {name: entry["event"] for name, entry in catalogue()["notices"].items() if "event" in entry}
    return {each.get("type", name): each["meaning"] for name, each in told.items() if "meaning" in each}


def _notice(name: str, entry: dict[str, Any]) -> Notice:
    event, log = entry.get("event"), entry.get("log")
    return Notice(
        None
        if event is None
        else EventText(event.get("type", name), event["severity"], event["text"], tuple(event.get("attributes", ()))),
        () if log is None else tuple(_log(each) for each in _listed(log)),
    )


def _over(lower: Book, upper: Book) -> Book:
    """Lay a catalogue over another, key by key down to the wordings, which are replaced as a whole."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping) and "text" not in value:
            merged[key] = _over(below, value)
        else:
            merged[key] = value
    return merged


#: The catalogues of installed packages.
CATALOGUES: Extensible[Book] = Extensible(LOGS, {}, misfit)

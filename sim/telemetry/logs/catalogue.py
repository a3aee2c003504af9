"""The texts of log lines, and events with the lines that go with them.

A catalogue consists of layers; each replaces entries of the one below and leaves the rest. At the bottom is
`catalogue.yaml`, for services of which nothing is known. For a service with a `stack`, the files in `catalogue/` for
its language and framework, or for its product, come on top. If the topology says `logs: NAME` for a service, the
catalogue of that name, from an installed package, comes on top of that, for that service only. The words of a
`telemetry:` block come last (`own_words`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from meshquake.sim.telemetry.logs import callees
from meshquake.sim.telemetry.logs.own_words import spoken
from meshquake.sim.telemetry.requests.operation_words import TOPICS
from meshquake.topology.packaged import packaged
from meshquake.topology.plugins import Extensible
from meshquake.topology.spec import LOGS, SERVICE_KINDS, Service
from meshquake.topology.telemetry.logs import DRAWN as DRAWN
from meshquake.topology.telemetry.logs import FIELD as FIELD
from meshquake.topology.telemetry.logs import NONE, Words, misdrawn
from meshquake.topology.units import parse_duration

Book = Mapping[str, Any]

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SEVERITIES = ("info", "warning", "error", "critical")

#: The values that a text about a request may name. From the third line on, they are those of `particulars.py`.
VALUES = (
    *("operation", "service", "peer", "duration_ms", "status_code", "attempt"),
    *("version", "replica", "limit", "workers", "timeout_ms"),
    *("user_id", "user_tier", "session_id", "client_address", "user_agent", "order_id", "cart_id", "product_id"),
    *("quantity", "amount", "currency", "method", "route", "path", "statement", "key", "rows", "matches", "bytes"),
    *("worker", "pod", "pod_address", "node"),
    # Names in code: packages and classes of the service and of the one that it calls, and the function that handles the
    # request.
    *("package", "class_name", "peer_class", "handler", "handler_snake", "handler_pascal", "call", "call_pascal"),
)
#: The values that the text of a line outside requests may name (`sim/lifecycle/chatter.py`).
VITALS = (
    *("service", "replica", "version", "package", "class_name", "pod", "pod_address", "node", "address"),
    *("peer", "peer_ready", "workers", "busy", "idle", "queued", "limit", "in_flight", "requests", "threads"),
    *("uptime_s", "startup_s", "since_s", "nth"),
    *("memory_mib", "memory_limit_mib", "memory_percent", "high_percent"),
    *("connections", "connections_idle", "kept", "loop_lag_ms", "blocked_ms"),
    *("pool_peer", "pool_size", "pool_open", "pool_in_use", "pool_idle", "pool_waiting"),
)
_WORDING = ("level", "logger", "text")
_KINDS = (*SERVICE_KINDS, "any")
_CALLEES = (*callees.CALLEES, callees.STORE, callees.ANY)
#: The parts of a catalogue, with the keys allowed at each level above a wording; None for any key.
_PARTS: dict[str, tuple[Collection[str] | None, ...]] = {
    "handled": (_KINDS,),
    "slow_after_ms": (_KINDS,),
    "slow": (_KINDS,),
    "failed": (None, _KINDS),
    "retried": (None, _CALLEES),
    "hedged": (None, _CALLEES),
    "gave_up": (None, _CALLEES),
    "missed": (),
    "called": (_CALLEES,),
    "steps": (TOPICS,),
    "remarks": (None,),
    "chatter": (None, ("every", "about", "lines")),
    "startup": (),
    "notices": (None, ("log",)),
}
#: Optional keys of wordings. `at` says when a line is written: for a request, below 0.5 soon after work on it begins,
#: otherwise at its end if all went well; for a starting process, as a share of its startup time. `after` is the time
#: since the first line of a chatter. `share` is the share of requests with the line, `topics` what they must be about.
_BESIDES = {"steps": {"at"}, "remarks": {"at", "share", "topics"}, "chatter": {"after"}, "startup": {"at"}}


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

    A `share` of them have it: early on if `at` is below 0.5, otherwise at the end, if all went well.
    """

    log: LogText
    at: float
    share: float = 1.0
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Talk:
    """Lines that a process writes outside requests, again and again.

    Attributes
    ----------
    name
        Name in the catalogue.
    every
        Seconds from one time to the next.
    regular
        Whether the interval is exact, or only an average.
    lines
        The lines, each with its delay after the first in seconds.
    """

    name: str
    every: float
    regular: bool
    lines: tuple[tuple[float, LogText], ...]


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


#: The parts about failed calls that a service made, by error and callee.
_OF_CALLS = frozenset({"retried", "hedged", "gave_up"})
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
    for part, levels in _PARTS.items():
        if part in book and levels[:1] == (_KINDS,) and "any" in book[part]:
            spread[part] = {kind: book[part].get(kind, book[part]["any"]) for kind in SERVICE_KINDS}
    if "failed" in book:
        spread["failed"] = {
            error: {kind: said.get(kind, said["any"]) for kind in _KINDS} if "any" in said else said
            for error, said in book["failed"].items()
        }
    if "called" in book:
        spread["called"] = callees.spread(book["called"])
    for part in _OF_CALLS.intersection(book):
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
            parse_duration(entry["every"] if "every" in entry else entry["about"]),
            "every" in entry,
            tuple((parse_duration(each.get("after", "0s")), _log(each)) for each in _listed(entry["lines"])),
        )
        for name, entry in catalogue(voice).get("chatter", {}).items()
        if entry
    )


@cache
def startup(voice: Voice) -> tuple[tuple[float, LogText], ...]:
    """Return the lines that a process writes while it starts, each after a share of its startup time."""
    return tuple((each["at"], _log(each)) for each in catalogue(voice).get("startup", ()))


def _log(wording: Mapping[str, Any]) -> LogText:
    return LogText(*(wording[key] for key in _WORDING))


def _remark(wording: Mapping[str, Any]) -> Remark:
    topics = tuple(wording.get("topics", ()))
    return Remark(_log(wording), wording.get("at", 0.0), wording.get("share", 1.0), topics)


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


def _misfit(name: str, value: Any) -> str:
    """Return why an object is not a catalogue; an empty text if it is one."""
    if not isinstance(value, Mapping):
        return "must be a mapping, as catalogue.yaml is"
    for part, content in value.items():
        if part not in _PARTS:
            return f"there is no part {part} in a catalogue (valid: {', '.join(_PARTS)})"
        for mistake in _mistakes(content, _PARTS[part], part):
            return mistake
    return ""


def _mistakes(value: Any, levels: tuple[Collection[str] | None, ...], path: str) -> Iterator[str]:
    """Yield what is wrong at a place in a catalogue and below it."""
    if len(levels) == 1 and path.partition(".")[0] in _OF_CALLS and (not isinstance(value, Mapping) or "text" in value):
        levels = ()  # the same for any callee
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
    elif path.startswith("chatter") and path.endswith((".every", ".about")):
        yield from _wrong_time(value, path)
    elif isinstance(value, list) and (value or path.startswith(("handled", "slow", "missed", "called", "failed"))):
        for number, each in enumerate(value):
            yield from _wrong_wording(each, f"{path}[{number}]")
    else:
        yield from _wrong_wording(value, path)


def _wrong_wording(value: Any, path: str) -> Iterator[str]:
    part = path.partition(".")[0].partition("[")[0]
    besides = _BESIDES.get(part, set())
    if (
        not isinstance(value, Mapping)
        or set(value) - besides != set(_WORDING)
        or not all(_is_line(value[key], lines=key == "text") for key in _WORDING)
    ):
        yield f"{path} must be a wording: {{level: INFO, logger: main, text: ...}}, each a line of text"
        return
    if value["level"] not in LEVELS:
        yield f"{path}.level must be one of {', '.join(LEVELS)}"
    for name in ("at", "share"):
        if not 0 <= (number if isinstance(number := value.get(name, 0), int | float) else -1) <= 1:
            yield f"{path}.{name} must be a number from 0 to 1"
    if "after" in value:
        yield from _wrong_time(value["after"], f"{path}.after")
    if unknown := set(value.get("topics", ())) - set(TOPICS):
        yield f"{path}.topics: there is no topic {min(unknown)} (valid: {', '.join(TOPICS)})"
    yield from (f"{path}.text: {problem}" for field in FIELD.findall(value["text"]) if (problem := misdrawn(field)))
    if part != "notices":  # their values depend on the notice
        known = VITALS if part in ("chatter", "startup") else VALUES
        yield from (
            f"{path}.text: there is no value {{{field}}} (valid: {', '.join(known)})"
            for field in FIELD.findall(value["text"])
            if field not in known and DRAWN.fullmatch(field) is None
        )


def _wrong_time(value: Any, path: str) -> Iterator[str]:
    try:
        parse_duration(str(value))
    except ValueError:
        yield f"{path} must be a time such as 30s"


def _is_line(value: Any, lines: bool) -> bool:
    """Whether a value is a text of one line or, with `lines`, of several lines with tabs."""
    return isinstance(value, str) and value != "" and (value.translate(_BREAKS) if lines else value).isprintable()


_BREAKS = str.maketrans("", "", "\n\t")

#: The catalogues of installed packages.
CATALOGUES: Extensible[Book] = Extensible(LOGS, {}, _misfit)

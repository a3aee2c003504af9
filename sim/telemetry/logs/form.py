"""The form of a catalogue: its parts, the values that texts may name, and what is wrong with one that has another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from meshquake.sim.telemetry.logs import callees
from meshquake.sim.telemetry.logs.code_lines import NAMES as CODE_LINES
from meshquake.sim.telemetry.requests.operation_words import TOPICS
from meshquake.topology.spec import SERVICE_KINDS
from meshquake.topology.telemetry.logs import DRAWN, FIELD, misdrawn
from meshquake.topology.units import parse_duration

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SEVERITIES = ("info", "warning", "error", "critical")

#: The values that a text about a request may name. From the third line on, they are those of `particulars.py`.
VALUES = (
    *("operation", "service", "peer", "duration_ms", "status_code", "grpc_status", "attempt"),
    *("version", "replica", "limit", "workers", "timeout_ms"),
    *("user_id", "user_tier", "session_id", "client_address", "user_agent", "order_id", "cart_id", "product_id"),
    *("quantity", "amount", "currency", "method", "route", "path", "statement", "key", "rows", "matches", "bytes"),
    *("worker", "pod", "pod_address", "node"),
    # Names in code: packages and classes of the service and of the one that it calls, and the function that handles the
    # request.
    *("package", "class_name", "peer_class", "handler", "handler_snake", "handler_pascal", "call", "call_pascal"),
    *CODE_LINES,
)
#: The values that the text of a line outside requests may name (`sim/lifecycle/chatter.py`).
VITALS = (
    *("service", "replica", "version", "package", "class_name", "pod", "pod_address", "node", "address"),
    *("peer", "peer_ready", "workers", "busy", "idle", "queued", "limit", "in_flight", "requests", "threads"),
    *("uptime_s", "uptime_ms", "startup_s", "since_s", "nth"),
    *("memory_mib", "memory_limit_mib", "memory_percent", "high_percent"),
    *("connections", "connections_idle", "kept", "loop_lag_ms", "blocked_ms"),
    *("pool_peer", "pool_size", "pool_open", "pool_in_use", "pool_idle", "pool_waiting"),
)
WORDING = ("level", "logger", "text")
KINDS = (*SERVICE_KINDS, "any")
_CALLEES = (*callees.CALLEES, callees.STORE, callees.ANY)
#: The parts of a catalogue, with the keys allowed at each level above a wording; None for any key.
PARTS: dict[str, tuple[Collection[str] | None, ...]] = {
    "handled": (KINDS,),
    "slow_after_ms": (KINDS,),
    "slow": (KINDS,),
    "failed": (None, KINDS),
    "retried": (None, _CALLEES),
    "hedged": (None, _CALLEES),
    "gave_up": (None, _CALLEES),
    "missed": (),
    "called": (_CALLEES,),
    "steps": (TOPICS,),
    "remarks": (None,),
    "chatter": (None, ("every", "about", "job", "calls", "probe", "lines")),
    "startup": (),
    "notices": (None, ("log",)),
}
#: Optional keys of wordings. `at` says when a line is written: for a request, below 0.5 soon after work on it begins,
#: otherwise at its end if all went well; for a starting process, as a share of its startup time. `after` is the time
#: since the first line of a chatter. `share` is the share of requests with the line, `topics` what they must be about.
#: With `calls` only those have the line that call such a thing (`callees.py`); with `killed` only a process that starts
#: after one that was killed (`true`), or was not (`false`).
_BESIDES = {
    "steps": {"at", "calls"},
    "remarks": {"at", "share", "topics", "calls"},
    "chatter": {"after"},
    "startup": {"at", "calls", "killed"},
}
#: The parts about failed calls that a service made, by error and callee.
OF_CALLS = frozenset({"retried", "hedged", "gave_up"})


def misfit(name: str, value: Any) -> str:
    """Return why an object is not a catalogue; an empty text if it is one."""
    if not isinstance(value, Mapping):
        return "must be a mapping, as catalogue.yaml is"
    for part, content in value.items():
        if part not in PARTS:
            return f"there is no part {part} in a catalogue (valid: {', '.join(PARTS)})"
        for mistake in _mistakes(content, PARTS[part], part):
            return mistake
    return ""


def _mistakes(value: Any, levels: tuple[Collection[str] | None, ...], path: str) -> Iterator[str]:
    """Yield what is wrong at a place in a catalogue and below it."""
    if len(levels) == 1 and path.partition(".")[0] in OF_CALLS and (not isinstance(value, Mapping) or "text" in value):
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
    elif path.startswith("chatter") and path.endswith(".job"):
        if not _is_line(value, lines=False):
            yield f"{path} must be the name of a job"
    elif path.startswith("chatter") and path.endswith(".probe"):
        if value is not True:
            yield f"{path} must be true, or left out"
    elif path.startswith("chatter") and path.endswith(".calls"):
        yield from _wrong_callee(value, path)
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
        or set(value) - besides != set(WORDING)
        or not all(_is_line(value[key], lines=key == "text") for key in WORDING)
    ):
        yield f"{path} must be a wording: {{level: INFO, logger: main, text: ...}}, each a line of text"
        return
    if value["level"] not in LEVELS:
        yield f"{path}.level must be one of {', '.join(LEVELS)}"
    for name in ("at", "share"):
        if not 0 <= (number if isinstance(number := value.get(name, 0), int | float) else -1) <= 1:
            yield f"{path}.{name} must be a number from 0 to 1"
    if "calls" in value:
        yield from _wrong_callee(value["calls"], f"{path}.calls")
    if not isinstance(value.get("killed", True), bool):
        yield f"{path}.killed must be true or false"
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


def _wrong_callee(value: Any, path: str) -> Iterator[str]:
    if value not in (valid := (*callees.CALLEES, callees.STORE)):
        yield f"{path} must be one of {', '.join(valid)}"


def _wrong_time(value: Any, path: str) -> Iterator[str]:
    try:
        parse_duration(str(value))
    except ValueError:
        yield f"{path} must be a time such as 30s"


def _is_line(value: Any, lines: bool) -> bool:
    """Whether a value is a text of one line or, with `lines`, of several lines with tabs."""
    return isinstance(value, str) and value != "" and (value.translate(_BREAKS) if lines else value).isprintable()


_BREAKS = str.maketrans("", "", "\n\t")

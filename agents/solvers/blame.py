"""Find the service to blame for a bad request, from the user's span down to where time or the response was lost.

This is how a person reads a trace. A failed call leads to its callee, and so does a call that took most of the lost
time. If nothing below explains the problem, it is the service's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Span = Mapping[str, Any]
#: Errors by which a service only reports that something below it failed.
_PASSED_ON = frozenset({"dependency_failed", "cancelled"})
#: Errors of a call that the network returned or that never arrived: the callee is at fault, or the path to it.
UNREACHED = frozenset(
    {"connection_refused", "connection_timeout", "connection_reset", "no_ready_replica", "connect_failed"}
)
#: Errors of a call that the caller never sent.
_NOT_SENT = frozenset(
    {"circuit_open", "bulkhead_full", "pool_full", "pool_timeout", "client_throttled", "concurrency_limited"}
)
#: The share of the lost time that a call must account for to be followed.
_MOST = 0.4


@dataclass(frozen=True)
class Blame:
    """The service to blame for a request.

    Attributes
    ----------
    service
        The service to blame.
    why
        The original error; `slow`; or `network` if the time was lost on the way to the service.
    operation
        The operation, without the name of the service.
    calls
        The client spans of the calls that were followed, from the user downwards.
    last
        The last span: that of the blamed service, or of the call that didn't reach it.
    """

    service: str
    why: str
    operation: str
    calls: Sequence[Span]
    last: Span


class Usual:
    """The usual durations of spans, by operation and kind; any time beyond that is lost."""

    def __init__(self, medians: Mapping[tuple[str, str, str], float]) -> None:
        """Set the usual durations in milliseconds, by service, operation and kind."""
        self._medians = medians

    def lost(self, span: Span) -> float:
        """Return the milliseconds that a span took beyond its usual duration."""
        usual = self._medians.get((span["service"], span["operation"], span["kind"]), 0.0)
        return max(0.0, float(span["duration_ms"]) - usual)


def blame(spans: Sequence[Span], usual: Usual) -> Blame | None:
    """Find the service to blame for a request.

    Parameters
    ----------
    spans
        The spans of its trace.
    usual
        The usual durations of spans.
    """
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span["parent_span_id"], []).append(span)
    root = next((span for span in below.get(None, ()) if span["kind"] == "server"), None)
    if root is None:
        return None
    followed: list[Span] = []
    server = root
    while True:
        call = _followed(server, _calls(server, below), usual)
        if call is None:
            why = server["error_type"] if server["error_type"] and server["error_type"] not in _PASSED_ON else "slow"
            return Blame(server["service"], why, _name(server), followed, server)
        followed.append(call)
        answered = next((each for each in below.get(call["span_id"], ()) if each["kind"] == "server"), None)
        if answered is None or call["error_type"] in UNREACHED:
            return Blame(call["peer"], call["error_type"] or "network", _name(call), followed, call)
        on_the_way = usual.lost(call) - usual.lost(answered)
        if not answered["error_type"] and call["error_type"] != "timeout" and on_the_way > usual.lost(answered):
            return Blame(call["peer"], "network", _name(call), followed, call)
        server = answered


def unlocked(blames: Sequence[Blame]) -> list[Blame]:
    """Redirect the blame for calls that were never sent to where sent calls of the same edge led.

    A caller that protects itself (an open breaker, a full pool) shows only its callee. What was wrong there can be seen
    in the calls of the same edge that were sent.
    """
    beyond: dict[tuple[str, str], Counter[tuple[str, ...]]] = {}
    sample: dict[tuple[str, str, tuple[str, ...]], tuple[Blame, int]] = {}
    for each in blames:
        if each.why in _NOT_SENT:
            continue
        for place, call in enumerate(each.calls):
            edge = call["service"], call["peer"]
            rest = (each.service, each.why, *(after["peer"] for after in each.calls[place + 1 :]))
            beyond.setdefault(edge, Counter())[rest] += 1
            sample.setdefault((*edge, rest), (each, place))
    return [_unlocked(each, beyond, sample) for each in blames]


def _unlocked(
    each: Blame,
    beyond: Mapping[tuple[str, str], Counter[tuple[str, ...]]],
    sample: Mapping[tuple[str, str, tuple[str, ...]], tuple[Blame, int]],
) -> Blame:
    if each.why not in _NOT_SENT or not each.calls:
        return each
    edge = each.calls[-1]["service"], each.calls[-1]["peer"]
    if edge not in beyond:
        return each
    rest = max(beyond[edge], key=lambda way: (beyond[edge][way], way))
    other, place = sample[(*edge, rest)]
    return Blame(other.service, other.why, other.operation, [*each.calls, *other.calls[place + 1 :]], other.last)


def _calls(server: Span, below: Mapping[str | None, list[Span]]) -> list[Span]:
    """Collect the calls that a server made for a request, through internal spans."""
    found, left = [], [server["span_id"]]
    while left:
        for span in below.get(left.pop(), ()):
            if span["kind"] == "client":
                found.append(span)
            elif span["kind"] == "internal":
                left.append(span["span_id"])
    return sorted(found, key=lambda span: (span["at"], span["span_id"]))


def _followed(server: Span, calls: Sequence[Span], usual: Usual) -> Span | None:
    """Return the call that explains a server's error or lost time; None if the cause is its own."""
    failed = [call for call in calls if call["error_type"]]
    if server["error_type"] and (server["error_type"] in _PASSED_ON or failed):
        # Of several attempts, take the one that lost most time: the others came too early or were not sent.
        return max(failed, key=lambda call: (usual.lost(call), call["at"]), default=None)
    lost = usual.lost(server)
    by_callee: dict[str, float] = {}
    for call in calls:
        by_callee[call["peer"]] = by_callee.get(call["peer"], 0.0) + usual.lost(call)
    peer = max(by_callee, key=lambda name: (by_callee[name], name), default=None)
    if peer is None or by_callee[peer] < _MOST * lost or lost == 0:
        return None
    return max((call for call in calls if call["peer"] == peer), key=lambda call: (usual.lost(call), call["at"]))


def _name(span: Span) -> str:
    """Return the name of an operation without its service."""
    return str(span["operation"]).partition(".")[2]

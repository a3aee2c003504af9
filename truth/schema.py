"""The JSON Schemas (draft 2020-12) of the files of an answer key."""

from __future__ import annotations

from meshquake.faults.actions import action_kinds
from meshquake.faults.fault import LEVELS, Fault
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.records import EVENTS, RECORD_KINDS, TIME_PATTERN
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.topology.binder import keys_of
from meshquake.topology.json_schema import (
    Schema,
    array,
    block,
    choice,
    count,
    document,
    flag,
    mapping,
    nullable,
    number,
    text,
)
from meshquake.topology.keys import Key
from meshquake.truth.answer_key import DIFFICULTIES, FORMAT
from meshquake.truth.mechanism import AMPLIFYING, MECHANISMS, OF_LOAD
from meshquake.truth.verdict import EFFECTS, OUTCOMES


def _time(doc: str) -> Schema:
    return text(doc, pattern=TIME_PATTERN, format="date-time")


_SERVICE = text("name of a service")
_TRACE, _SPAN = text("W3C trace id", pattern="^[0-9a-f]{32}$"), text("W3C span id", pattern="^[0-9a-f]{16}$")
_SHARE = number("as a share", minimum=0, maximum=1)
_EVENT = nullable(
    block(
        "the first event that it left in the records; null if it left none",
        {"type": choice("its type", EVENTS), "service": _SERVICE, "timestamp": _time("when")},
    )
)
#: Of a metric, if a file says which are recorded and under which names.
_RECORDED = {"recorded": nullable(text("what the metric is called in the recording; null if it is not recorded"))}
_OF_LOAD, _AMPLIFYING = ", ".join(OF_LOAD), ", ".join(AMPLIFYING)
_PEAK = block(
    "how far the metric moved",
    {
        "at": _time("when"),
        "value": number("its value, in its own unit"),
        "twin": number("what is usual at that time without the fault"),
    },
    _RECORDED,
)


def ground_truth() -> Schema:
    """Of `ground_truth.json`."""
    return document(
        "ground truth",
        block(
            "What was really wrong in a recording.",
            {
                "format": {"const": FORMAT},
                "fixture": text(
                    "which recording: the beginning of a hash of the hashes of its four files", pattern="^[0-9a-f]{12}$"
                ),
                "incident": flag("true if a fault broke a promise to users"),
                "objective": block(
                    "what users are promised",
                    {
                        "share": number("share of good requests", minimum=0, maximum=1),
                        "within_ms": number("a good request succeeds within this many milliseconds"),
                        "window_s": number("length of the window in seconds"),
                        "minimum": count("fewest bad requests in a window that break the promise"),
                    },
                ),
                "recording": block(
                    "the time it covers", {"start": _time("when it starts"), "end": _time("when it ends")}
                ),
                "services": array("all services of the mesh", _SERVICE),
                "requests": block(
                    "the requests of users",
                    {
                        "total": count("all"),
                        "harmed": count("bad, and good without the faults"),
                        "spared": count("good, and bad without the faults"),
                        "background": count("bad with and without the faults"),
                    },
                    {
                        "abandoned": count("given up by users who do next what depends on their answers"),
                        "unmade": count("that such users make without the faults, and didn't"),
                    },
                ),
                "faults": array("what went wrong", _fault()),
                "background": array(
                    "what else happened and is not a fault",
                    block(
                        "one background event",
                        {
                            "id": text("its id"),
                            "kind": choice("its kind", fault_kinds()) | {"format": "fault"},
                            "target": text("what it acted on, as a scenario file has it"),
                            "start": _time("when it began"),
                            "end": _time("when it ended in this run; the end of the recording if it did not"),
                            "event": _EVENT,
                        },
                    ),
                ),
            },
            {
                "actions": _actions(),
                "observability": _observability(),
                "metrics": mapping(
                    "the metrics that a file calls otherwise, by the names that they have in the recording, and what "
                    "they are or are made of",
                    text(),
                    array("", choice("", METRICS)),
                ),
            },
        ),
    )


def _actions() -> Schema:
    return block(
        "what an operator did, and what that did to the harm, where a scenario has actions",
        {
            "harmed_without": count("requests harmed if nobody acts"),
            "saved": count("good, and bad without the actions"),
            "lost": count("bad, and good without the actions"),
            "taken": array(
                "what was done",
                block(
                    "one action",
                    {
                        "id": text("its id"),
                        "kind": choice("its kind", action_kinds()) | {"format": "action"},
                        "target": text("what it acted on, as a scenario file has it"),
                        "parameters": {"type": "object", "description": "what the file sets of it"},
                        "start": _time("when it was done"),
                        "end": _time("when it was over in this run; the end of the recording if it was not"),
                        "event": _EVENT,
                    },
                    {"targets": array("all that it acted on, where it says several", text())},
                ),
            ),
        },
    )


def _observability() -> Schema:
    fates = mapping("how many have each fate that is not to be recorded as they were", text(), count())
    records = block("", {"made": count("by the mesh"), "recorded": count("in the recording"), "fates": fates})
    return block(
        "how well the mesh was observed, where that is not perfectly",
        {
            "settings": {"type": "object", "description": "the settings, in seconds and shares"},
            "clocks_ms": mapping(
                "what the clock of each replica is off by, in milliseconds; of a service, where no replica was reached",
                text(),
                number(),
            ),
            "records": block("what became of the records", dict.fromkeys(RECORD_KINDS, records)),
        },
    )


def _fault() -> Schema:
    step = block(
        "one step: how it spread from one service to another, or what happened within one",
        {
            "from": text(f"where it comes from: the callee (of {_OF_LOAD}: the caller)"),
            "to": text(f"whom it reaches: the caller (of {_OF_LOAD}: the callee); the same within a service"),
            "mechanism": choice("how it took this step", MECHANISMS),
            "onset": _time("the first time"),
            "requests": count("harmed requests that took this step"),
            "evidence": array("the first spans that show it", block("a span", {"trace_id": _TRACE, "span_id": _SPAN})),
        },
        {"factor": number(f"of {_AMPLIFYING}: attempts per call, relative to the run without the fault")},
    )
    target = block(
        "what it acts on; all null for all users",
        {
            "service": nullable(_SERVICE),
            "replica": nullable(text("name of the replica, if it acts on one")),
            "operation": nullable(text("name of the operation, if it acts on one")),
            "edge": {
                "anyOf": [
                    {"type": "null"},
                    block("both ends of an edge", {"caller": _SERVICE, "callee": _SERVICE}),
                ]
            },
        },
    )
    return block(
        "one fault",
        {
            "id": text("its id in the scenario"),
            "kind": choice("its kind", fault_kinds()) | {"format": "fault"},
            "level": choice("what kind of thing it acts on", LEVELS),
            "target": target,
            "root_cause": block(
                "what a diagnosis should name",
                {
                    "service": _SERVICE,
                    "indicator": text("what is wrong with it"),
                    "aliases": block(
                        "what else is accepted",
                        {
                            "services": array("other services", _SERVICE),
                            "indicators": array("other words, metrics among them", text("an indicator")),
                        },
                    ),
                },
            ),
            "parameters": {
                "description": "what the scenario sets for it: seconds, shares from 0 to 1",
                "type": "object",
            },
            "event": _EVENT,
            "start": _time("when it started"),
            "ramp_end": _time("when it reached full strength"),
            "end": _time("when it stopped acting in this run; the end of the recording if it did not"),
            "recovered": nullable(
                _time(
                    "end of the last window in which it broke a promise; "
                    "null if that lasts until the end of the recording"
                )
            ),
            "visible_onset": nullable(_time("when anything it touched first departed from what it would have been")),
            "latent": flag("true if it broke no promise to users"),
            "user_facing": block(
                "what users felt",
                {
                    "moved": flag("true if it broke a promise"),
                    "since": nullable(_time("when it first did")),
                    "entries": array("the entry operations for which it did", text("service.operation")),
                },
            ),
            "mechanism": array("how it reached users, by onset", step),
            "affected": array(
                "the services it reached, by onset",
                block(
                    "one of them",
                    {
                        "service": _SERVICE,
                        "onset": _time(
                            "when a symptom first departed from normal, or it first failed a harmed request"
                        ),
                        "peak": mapping("how far its symptoms went, by metric", choice("", METRICS), _PEAK),
                        "requests": count("harmed requests that got stuck in it or behind it"),
                    },
                ),
            ),
            "blast_radius": block(
                "whom it harmed, from its start until it was over for users",
                {
                    "requests": count("number of requests it harmed"),
                    "share": _SHARE,
                    "entries": array(
                        "by entry operation",
                        block(
                            "one of them",
                            {
                                "entry": text("service.operation"),
                                "requests": count("all"),
                                "harmed": count("those it harmed"),
                                "share": _SHARE,
                            },
                        ),
                    ),
                },
            ),
            "interactions": array(
                "the other faults with which it harmed requests",
                block(
                    "one of them",
                    {
                        "with": text("id of the other fault"),
                        "needed_both": count("harmed requests that would have been good without either one"),
                        "either_enough": count("harmed requests that would have been bad with either one alone"),
                    },
                ),
            ),
            "alerts": array(
                "the alerts that should fire, by time",
                block(
                    "one of them",
                    {
                        "type": choice("on what users feel, or on what the root shows", ["symptom", "cause"]),
                        "service": _SERVICE,
                        "indicator": choice("the metric", METRICS),
                        "entry": nullable(text("for a symptom, the entry operation")),
                        "target": nullable(text("for an edge metric, the callee")),
                        "earliest": _time("the earliest time it could fire"),
                    },
                    _RECORDED,
                ),
            ),
            "moved": array(
                "every metric that it moved, by onset: an alert on one is no false alarm",
                block(
                    "one of them",
                    {
                        "service": _SERVICE,
                        "metric": choice("the metric, of the service or of one of its replicas", METRICS),
                        "target": nullable(text("for an edge metric, the callee")),
                        "onset": _time("when it left what it would have been without the fault"),
                        "until": _time("when it was last far from that"),
                    },
                    _RECORDED,
                ),
            ),
            "red_herrings": array(
                "what looks like a cause and is not",
                block(
                    "one of them",
                    {
                        "kind": choice(
                            "an event, something that left no event, or a service that is louder than the root cause",
                            ["event", "background", "service"],
                        ),
                        "service": _SERVICE,
                        "what": text("the type of the event, the kind of background, or what is loud"),
                        "at": _time("when"),
                        "ruled_out_by": text("why it is not the cause"),
                    },
                ),
            ),
            "difficulty": block(
                "how visible the root cause is",
                {
                    "label": choice(
                        "whether its service is the loudest, one of several loud ones, or silent", DIFFICULTIES
                    ),
                    "rank": count("its rank among the services by loudness", minimum=1),
                    "louder": array("louder services, among those that a fault reached", _SERVICE),
                },
            ),
        },
        {"targets": array("all that it acts on, if that is a group", target)},
    )


def parameters(kind: type[Fault]) -> Schema:
    """Of the `parameters` of a kind of fault: its settings in a scenario file, as numbers and words."""
    return block("", {}, {word: _value(key.grammar) for word, key in keys_of(kind).items()})


def _value(key: Key) -> Schema:
    """The value that a key has set, or null."""
    if key.unit in ("spec", "other"):
        return {}
    if key.unit == "portion":
        return {"type": ["integer", "string", "null"]}
    types = {"count": "integer", "text": "string", "choice": "string", "flag": "boolean"}
    value = {"type": types.get(key.unit, "number")}
    if key.varies:
        return {"type": [value["type"], "object", "null"]}
    return nullable(array("", value) if key.many else value)


def verdict() -> Schema:
    """Of a line of `verdicts.ndjson`."""
    outcomes = OUTCOMES.to_list()
    return document(
        "verdict",
        block(
            "What became of a request, and what would have become of it without the faults.",
            {
                "trace_id": _TRACE,
                "timestamp": _time("when the request arrived"),
                "entry": text("the entry operation: service.operation"),
                "outcome": choice("`success`, or why it failed", outcomes[:-1]),
                "duration_ms": number("how long it took", minimum=0),
                "twin_outcome": choice(
                    "the outcome without the faults; null if the request is not made then", outcomes
                ),
                "twin_duration_ms": nullable(number("the duration without the faults", minimum=0)),
                "effect": choice(
                    "failed or too slow because of the faults, or good only with them; null if they made no difference",
                    EFFECTS.to_list(),
                ),
                "caused_by": array("the faults that made the difference", text("id of a fault")),
                "entered_at": nullable(
                    _SPAN | {"description": "the span in which the effect first entered the request"}
                ),
            },
        ),
    )

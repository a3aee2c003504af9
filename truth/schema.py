"""The JSON Schemas (draft 2020-12) of the files of an answer key."""

from __future__ import annotations

from typing import Any

from meshquake.faults.fault import LEVELS
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.records import TIME_PATTERN
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.truth.answer_key import DIFFICULTIES, FORMAT
from meshquake.truth.mechanism import MECHANISMS
from meshquake.truth.verdict import EFFECTS, OUTCOMES

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def _text(doc: str, **more: Any) -> Schema:
    return {"description": doc, "type": "string"} | more


def _time(doc: str) -> Schema:
    return _text(doc, pattern=TIME_PATTERN)


def _number(doc: str, **more: Any) -> Schema:
    return {"description": doc, "type": "number"} | more


def _count(doc: str) -> Schema:
    return {"description": doc, "type": "integer", "minimum": 0}


def _flag(doc: str) -> Schema:
    return {"description": doc, "type": "boolean"}


def _list(doc: str, items: Schema) -> Schema:
    return {"description": doc, "type": "array", "items": items}


def _choice(doc: str, choices: list[Any]) -> Schema:
    return {"description": doc, "enum": choices}


def _nullable(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _object(doc: str, optional: dict[str, Schema] | None = None, **required: Schema) -> Schema:
    """The schema of an object with just these keys; a key that Python reserves has an underscore after it."""
    properties = {name.removesuffix("_"): schema for name, schema in required.items()}
    return {
        "description": doc,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties | (optional or {}),
    }


_SERVICE = _text("name of a service")
_TRACE, _SPAN = _text("W3C trace id", pattern="^[0-9a-f]{32}$"), _text("W3C span id", pattern="^[0-9a-f]{16}$")
_SHARE = _number("as a share", minimum=0, maximum=1)
_PEAK = _object(
    "how far a metric went",
    at=_time("when"),
    value=_number("its value, in its own unit"),
    twin=_number("its median without the fault"),
)


def ground_truth() -> Schema:
    """Of `ground_truth.json`."""
    return {"$schema": _DRAFT, "title": "ground truth"} | _object(
        "What was really wrong in a recording.",
        format={"const": FORMAT},
        fixture=_text(
            "which recording: the beginning of a hash of the hashes of its four files", pattern="^[0-9a-f]{12}$"
        ),
        incident=_flag("whether a fault moved an indicator that users feel"),
        objective=_object(
            "what users are promised",
            share=_number("share of good requests", minimum=0, maximum=1),
            within_ms=_number("a good request succeeds within so many milliseconds"),
            window_s=_number("in any window of so many seconds"),
            minimum=_count("bad requests in a window that break the promise, at least"),
        ),
        recording=_object("its span of time", start=_time("its start"), end=_time("its end")),
        services=_list("all services of the mesh", _SERVICE),
        requests=_object(
            "the requests of users",
            total=_count("all"),
            harmed=_count("bad, and good without the faults"),
            spared=_count("good, and bad without the faults"),
            background=_count("bad with and without the faults"),
        ),
        faults=_list("what went wrong", _fault()),
        background=_list(
            "what happened besides, and is no fault",
            _object(
                "one such thing",
                id=_text("its id"),
                kind=_choice("its kind", list(fault_kinds())),
                target=_text("what it acted on, as a scenario file has it"),
                start=_time("when it began"),
                end=_time("when it was over in this run; the end of the recording if it wasn't"),
            ),
        ),
    )


def _fault() -> Schema:
    step = _object(
        "one step: how it came from one service to another, or what happened within one",
        {"factor": _number("of a retry amplification: attempts a call, against the run without the fault")},
        from_=_text("where it comes from: the callee (of a retry amplification: the caller)"),
        to=_text("whom it reaches: the caller (of a retry amplification: the callee); the same within a service"),
        mechanism=_choice("how", list(MECHANISMS)),
        onset=_time("the first time"),
        requests=_count("harmed requests that took this step"),
        evidence=_list("the first spans that show it", _object("a span", trace_id=_TRACE, span_id=_SPAN)),
    )
    return _object(
        "one fault",
        id=_text("its id in the scenario"),
        kind=_choice("its kind", list(fault_kinds())),
        level=_choice("what kind of thing it acts on", list(LEVELS)),
        target=_object(
            "what it acts on; all null for all users",
            service=_nullable(_SERVICE),
            replica=_nullable(_text("name of the replica, if it acts on one")),
            operation=_nullable(_text("name of the operation, if it acts on one")),
            edge={"anyOf": [{"type": "null"}, _object("both ends of an edge", caller=_SERVICE, callee=_SERVICE)]},
        ),
        root_cause=_object(
            "what a diagnosis should name",
            service=_SERVICE,
            indicator=_text("what is wrong with it"),
            aliases=_object(
                "what is accepted too",
                services=_list("other services", _SERVICE),
                indicators=_list("other words, metrics among them", _text("an indicator")),
            ),
        ),
        parameters={"description": "what the scenario sets for it: seconds, shares from 0 to 1", "type": "object"},
        start=_time("when it begins"),
        ramp_end=_time("when it has its whole strength"),
        end=_time("when it stopped acting in this run; the end of the recording if it didn't"),
        recovered=_nullable(
            _time("end of the last window in which a promise was broken because of it; null if that goes on to the end")
        ),
        visible_onset=_nullable(_time("when anything it touched first left what it would have been")),
        latent=_flag("whether it broke no promise to users"),
        user_facing=_object(
            "what users felt",
            moved=_flag("whether a promise was broken because of it"),
            since=_nullable(_time("when it first was")),
            entries=_list("the entry operations for which it was", _text("service.operation")),
        ),
        mechanism=_list("how it reached users, by onset", step),
        affected=_list(
            "the services that it reached, by onset",
            _object(
                "one of them",
                service=_SERVICE,
                onset=_time("when a symptom first left what it would have been, or it first let a harmed request down"),
                peak={
                    "description": "how far symptoms went, by metric",
                    "type": "object",
                    "propertyNames": {"enum": list(METRICS)},
                    "additionalProperties": _PEAK,
                },
                requests=_count("harmed requests that got stuck in it or behind it"),
            ),
        ),
        blast_radius=_object(
            "whom it harmed, from its start until users were out of it",
            requests=_count("requests that it harmed"),
            share=_SHARE,
            entries=_list(
                "by entry operation",
                _object(
                    "one of them",
                    entry=_text("service.operation"),
                    requests=_count("all"),
                    harmed=_count("those that it harmed"),
                    share=_SHARE,
                ),
            ),
        ),
        alerts=_list(
            "the alerts that should fire, by time",
            _object(
                "one of them",
                type=_choice("on what users feel, or on what the root shows", ["symptom", "cause"]),
                service=_SERVICE,
                indicator=_choice("the metric", list(METRICS)),
                entry=_nullable(_text("of a symptom, the entry operation")),
                target=_nullable(_text("of an edge metric, the callee")),
                earliest=_time("when it could first fire"),
            ),
        ),
        red_herrings=_list(
            "what looks like a cause and is none",
            _object(
                "one of them",
                kind=_choice(
                    "something that happened, or a service that is louder than the root", ["event", "service"]
                ),
                service=_SERVICE,
                what=_text("the kind of event, or what is loud"),
                at=_time("when"),
                ruled_out_by=_text("why it's none"),
            ),
        ),
        difficulty=_object(
            "how hard the root is to see",
            label=_choice("of all services it's the loudest, one of several, or silent", list(DIFFICULTIES)),
            rank={"description": "its place among the services, by loudness", "type": "integer", "minimum": 1},
            louder=_list("the services that are louder, of those that a fault reached", _SERVICE),
        ),
    )


def verdict() -> Schema:
    """Of a line of `verdicts.ndjson`."""
    outcomes = OUTCOMES.to_list()
    return {"$schema": _DRAFT, "title": "verdict"} | _object(
        "What became of a request, and what would have become of it without the faults.",
        trace_id=_TRACE,
        timestamp=_time("when it came"),
        entry=_text("what the user asked for: service.operation"),
        outcome=_choice("`success`, or why it failed", outcomes[:-1]),
        duration_ms=_number("how long it took", minimum=0),
        twin_outcome=_choice("the same without the faults; null if it isn't made there", outcomes),
        twin_duration_ms=_nullable(_number("the same without the faults", minimum=0)),
        effect=_choice(
            "failed or too slow because of the faults, or good only with them; null if they made no difference",
            EFFECTS.to_list(),
        ),
        caused_by=_list("the faults that made the difference", _text("id of a fault")),
        entered_at=_nullable(_SPAN | {"description": "the span in which the effect first entered the request"}),
    )

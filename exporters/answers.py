"""Answers: what a person, a platform or a model says was wrong, in a JSON file that any of them can write.

`json_schema` is the whole grammar of the file; reading checks by it, and `docs/scoring.md` explains it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from exporters.violations import Formats, violations
from faults.kinds import fault_kinds
from topology.document import DocumentError, Problem, suggestion
from topology.units import shown

#: Errors after which nobody reads on.
_MOST = 20
_ANOTHER = "is this the answer to another fixture?"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an answer."""
    name = r"^[^\x00-\x1f]+$"
    service = _text("a service", "database", name, format="service")
    indicator = _text("what is wrong with it, or the metric that shows it", "latency", r"^[a-z0-9_]+$")
    moment = _text(
        "a moment, with its offset from UTC",
        "2024-01-15T10:31:20.441896+00:00",
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
        format="date-time",
    )
    trace = _text("a request", "0af7651916cd43dd8448eb211c80319c", "^[0-9a-f]{32}$", format="trace")
    kind = {"description": "kind of fault", "type": "string", "enum": list(fault_kinds())}
    root_cause = _object(
        "a root cause",
        {
            "service": service,
            "kind": _optional(kind),
            "indicator": _optional(indicator),
            "operation": _optional(_text("the only operation concerned", "select", name)),
            "replica": _optional(_text("the only replica concerned", "database-0", name)),
        },
        ["service"],
        {"service": "database"},
    )
    edge = _object("from whom to whom it spread", {"from": service, "to": service})
    verdict = _object("a request", {"trace_id": trace, "harmed": {"type": "boolean"}})
    alert = _object("an alert that fired", {"at": moment, "service": service, "indicator": indicator})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "answers",
        **_object(
            "What was wrong, as far as one can tell from a fixture's telemetry; null is as good as leaving it out.",
            {
                "root_causes": _list("root causes, likeliest first; empty if nothing is wrong", root_cause),
                "detected_at": _optional(moment),
                "affected_services": _optional(_list("services that were hit, roots included", service)),
                "propagation": _optional(_list("from callee to caller, as a failure travels", edge)),
                "verdicts": _optional(_list("requests that were harmed; those left out were not", verdict)),
                "alerts": _optional(_list("in any order", alert)),
                "fixture": _optional(
                    _text(
                        "which fixture is answered, as its brief says",
                        "5b0f3c9a17d2",
                        "^[0-9a-f]{12}$",
                        format="fixture",
                    )
                ),
            },
            ["root_causes"],
            {"root_causes": [{"service": "database"}]},
        ),
    }


def _text(description: str, example: str, pattern: str, **more: str) -> dict[str, Any]:
    return {"description": description, "type": "string", "pattern": pattern, **more, "examples": [example]}


def _list(description: str, items: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "type": "array", "items": items}


def _object(
    description: str, properties: dict[str, Any], required: list[str] | None = None, example: Any = None
) -> dict[str, Any]:
    """The schema of an object with these keys and no others; all are required unless it's said which."""
    schema = {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": required or [*properties],
        "properties": properties,
    }
    return schema if example is None else schema | {"examples": [example]}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or null, since many who write JSON write all keys."""
    null = {"type": [schema["type"], "null"]}
    return schema | (null | {"enum": [*schema["enum"], None]} if "enum" in schema else null)


def read(path: Path, truth: Mapping[str, Any], traces: Collection[str]) -> dict[str, Any]:
    """Read and check an answer.

    Parameters
    ----------
    path
        The file.
    truth
        The answer key of the fixture that it answers, as `ground_truth.json` has it.
    traces
        The trace ids of the fixture's requests.

    Raises
    ------
    DocumentError
        If it can't be read, isn't JSON, or isn't an answer to this fixture; with all that is wrong with it.
    """
    content = _load(path)
    found = violations(json_schema(), content, _belongs(truth, traces))
    problems = [Problem(str(path), 0, each.path, each.message) for each in islice(found, _MOST)]
    rest = sum(1 for _ in found)
    if rest:
        problems.append(Problem(str(path), 0, "", f"and {rest} more like these"))
    if problems:
        raise DocumentError(problems)
    answers: dict[str, Any] = content
    return answers


def _load(path: Path) -> Any:
    """The JSON value in a file."""

    def refuse(message: str, line: int = 0) -> NoReturn:
        raise DocumentError([Problem(str(path), line, "", message)]) from None

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_repeats)
    except FileNotFoundError:
        refuse("no such file")
    except IsADirectoryError:
        refuse("is a folder, not a file")
    except OSError as error:
        refuse(f"can't be read: {error.strerror or error}")
    except UnicodeDecodeError:
        refuse("isn't UTF-8 text")
    except json.JSONDecodeError as error:
        refuse(f"isn't JSON: {error.msg}", error.lineno)
    except RecursionError:
        refuse("nests too deep")
    except ValueError as error:
        refuse(str(error))


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; ValueError if a key stands twice, since readers of JSON differ in which one they take."""
    for key, times in Counter(key for key, _ in pairs).items():
        if times > 1:
            raise ValueError(f"key {shown(key)} stands twice in one object")
    return dict(pairs)


def _belongs(truth: Mapping[str, Any], traces: Collection[str]) -> Formats:
    """What tells whether what an answer names is of this fixture."""
    services = list(dict.fromkeys([*truth["services"], *_stand_ins(truth)]))
    start, end = (datetime.fromisoformat(truth["recording"][side]) for side in ("start", "end"))

    def fixture(name: str) -> str:
        return "" if name == truth["fixture"] else f"this is fixture {truth['fixture']}, not {name}; {_ANOTHER}"

    def service(name: str) -> str:
        return "" if name in services else f"no service of this mesh is {shown(name)}{suggestion(name, services)}"

    def trace(name: str) -> str:
        return "" if name in traces else f"no request of this fixture has trace {shown(name)}; {_ANOTHER}"

    def moment(text: str) -> str:
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            return f"{shown(text)} is no moment: {error}"
        if start <= at <= end:
            return ""
        return f"{text} is outside the recording ({start.isoformat()} to {end.isoformat()}); {_ANOTHER}"

    return {"fixture": fixture, "service": service, "trace": trace, "date-time": moment}


def _stand_ins(truth: Mapping[str, Any]) -> Iterator[str]:
    """Whoever may be named for a root cause besides the services: users, for one."""
    for fault in truth["faults"]:
        yield fault["root_cause"]["service"]
        yield from fault["root_cause"]["aliases"]["services"]

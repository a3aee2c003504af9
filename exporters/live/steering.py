"""Requests that steer a live mesh, each checked before anything is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any, Final

from meshquake.sim.live.pace import SLOWEST
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: Limits of a request: its bytes, its values, their nesting, and the characters of a text.
LARGEST, VALUES, DEPTH, CHARACTERS = 16_384, 200, 6, 200
#: What a request may `do`, with the other keys that each needs.
ASKED: Final[dict[str, tuple[str, ...]]] = {
    "pause": (),
    "resume": (),
    "step": (),
    "speed": ("speed",),
    "restart": ("seed",),
    "fault": ("kind", "keys"),
    "action": ("kind", "keys"),
    "finish": (),
}


class Refused(MeshquakeError):  # noqa: N818 - an answer to the client, not an error of the program
    """A request that cannot be done; the message says why. Nothing has changed."""


@dataclass(frozen=True)
class Asked:
    """One request: what to `do`, and its values."""

    do: str
    kind: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    speed: float = 1.0
    seed: int = 0


def read(body: bytes) -> Asked:
    """Parse a request; Refused if it asks for something unknown or is malformed."""
    if len(body) > LARGEST:
        raise Refused(f"a request has at most {LARGEST} bytes")
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"must be JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("do"), str):
        raise Refused('must be an object that says what to do, as in {"do": "pause"}')
    do = content.pop("do")
    if do not in ASKED:
        raise Refused(f"cannot do {shown(do)}{suggestion(do, ASKED)}")
    if set(content) != set(ASKED[do]):
        needs = " and ".join(ASKED[do]) or "nothing besides"
        raise Refused(f"{do} needs {needs}, not {', '.join(map(shown, content)) or 'nothing'}")
    values: dict[str, Any] = {word: _READERS[word](value) for word, value in content.items()}
    return Asked(do, **values)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number")


def _speed(value: Any) -> float:
    if value == "max":
        return inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= 10_000:
        raise Refused(f"speed must be from {SLOWEST} to 10000, or max, not {shown(value)}")
    return float(value)


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise Refused(f"seed must be a whole number from 0 to 2^63 - 1, not {shown(value)}")
    return value


def _kind(value: Any) -> str:
    if not isinstance(value, str) or len(value) > CHARACTERS:
        raise Refused("kind must be a short text")
    return value


def checked_keys(value: Any) -> Mapping[str, Any]:
    """Check the keys of a fault or an action; Refused if they are too many, too long, or not up to the client."""
    if not isinstance(value, dict):
        raise Refused(f"keys must be an object, as in a scenario file, not {shown(value)}")
    for word in ("id", "at"):
        if word in value:
            raise Refused(f"{word} cannot be set: it starts now, with an id of its own")
    if _count(value, DEPTH) > VALUES:
        raise Refused(f"keys have at most {VALUES} values")
    return value


def _count(value: Any, depth: int) -> int:
    """Count the values within a value, and check that all are plain values, lists or objects."""
    if depth == 0:
        raise Refused(f"keys nest at most {DEPTH} levels deep")
    if isinstance(value, dict):
        return sum(_count(word, depth) + _count(each, depth - 1) for word, each in value.items())
    if isinstance(value, list):
        return sum(_count(each, depth - 1) for each in value)
    if isinstance(value, str) and len(value) > CHARACTERS:
        raise Refused(f"a text has at most {CHARACTERS} characters")
    if value is None or (isinstance(value, float) and not isfinite(value)):
        raise Refused(f"{value} is not a value: to turn something off, write `none`")
    return 1


_READERS: Final = {"speed": _speed, "seed": _seed, "kind": _kind, "keys": checked_keys}

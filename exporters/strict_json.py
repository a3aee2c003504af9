"""Parse untrusted JSON as RFC 8259 defines it, and reject what Python's own parser lets pass or chokes on.

That is: NaN and the infinities; numbers that don't fit a float or a 64-bit integer; a key that occurs twice in an
object, which parsers resolve differently; half a surrogate pair; and nesting so deep that it overflows stacks.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from meshquake.topology.units import shown

#: Most levels of nested lists and objects.
DEEPEST = 50


class JsonError(ValueError):
    """Bytes aren't valid JSON; `line` is the line at fault, from 1, or 0 if it isn't known."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        super().__init__(message)


def parse(content: bytes) -> Any:
    """Parse bytes as a JSON value; raises JsonError."""
    try:
        text = content.decode()
        value = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
        _bounded(value)
    except UnicodeDecodeError as error:
        raise JsonError("is not UTF-8 text", content.count(b"\n", 0, error.start) + 1) from None
    except json.JSONDecodeError as error:
        raise JsonError(f"is not JSON: {error.msg}", error.lineno) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
    return value


_TOO_DEEP = f"nests deeper than {DEEPEST} levels"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise JsonError(f"key {shown(key)} appears twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise JsonError(f"is not JSON: {text} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonError(f"number {shown(text)} is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**63:
        raise JsonError(f"number {shown(text)} is too large")
    return value


def _bounded(value: Any) -> None:
    """Reject values that nest too deeply, and strings that can't be encoded."""
    level = [value]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.keys()
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str) and not each.isascii():
                _encodable(each)
        if not below:
            return
        level = below
    raise JsonError(_TOO_DEEP)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsonError(f"{shown(text)} is not valid text: it holds half of a surrogate pair") from None

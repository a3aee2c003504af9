"""Metrics derived from others: a small language that can only do arithmetic.

It's written like Python and parsed by Python's own parser; only listed parts of the language are allowed.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Length of the longest expression: more than anyone reads, and short enough to be evaluated by recursion.
LONGEST = 300
#: The characters of an expression: no quotation marks, brackets, colons or backslashes.
SIGNS = r"[A-Za-z0-9_.+\-*/()<>=!, ]"
_WRITTEN = re.compile(f"{SIGNS}+", re.ASCII)
_ARITHMETIC: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
}
_SIGNED: dict[type[ast.AST], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARED: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
#: Functions by name, with the fewest and the most arguments that each takes.
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (lambda *values: reduce(np.minimum, values), 2, LONGEST),
    "max": (lambda *values: reduce(np.maximum, values), 2, LONGEST),
    "abs": (np.abs, 1, 1),
}
_HAS = "an expression has + - * / ( ), comparisons, min, max and abs"


@dataclass(frozen=True)
class Expression:
    """An expression over metrics.

    Attributes
    ----------
    text
        Its source text.
    names
        The metrics that it names, in order of appearance.
    """

    text: str
    names: tuple[str, ...] = field(compare=False)
    _tree: ast.expr = field(compare=False, repr=False)

    def __call__(self, values: Mapping[str, Floats]) -> Floats:
        """Evaluate the expression, element by element.

        A comparison is 1 where it holds and 0 where it doesn't. The result is nan, which means no sample, wherever a
        value is nan, for 0/0, and for anything else that isn't a number.

        Parameters
        ----------
        values
            The values of the metrics that it names, all of one shape.
        """
        with np.errstate(all="ignore"):
            found = np.asarray(_value(self._tree, values), dtype=np.float64)
        whole: Floats = np.where(np.isfinite(found), found, np.nan)
        return whole


def parse(text: str) -> Expression:
    """Parse an expression; ValueError if it isn't one. Whether the metrics exist is for the caller to check."""
    if len(text) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"is not an expression: {_HAS}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"is not an expression: {_HAS}") from None
    names: dict[str, None] = {}
    _check(tree, names, text.strip())
    if not names:
        raise ValueError("names no metric")
    return Expression(text.strip(), tuple(names), tree)


def _check(node: ast.expr, names: dict[str, None], text: str) -> None:
    """Raise ValueError for anything outside the language; add the metrics that are named to `names`.

    `text` is the whole expression: messages quote it as it is written.
    """
    written = text[node.col_offset : node.end_col_offset]
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not _is_finite(value):
                raise ValueError(f"{_cut(written, 20)} is too large a number")
        case ast.Name(id=name):
            names[name] = None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _check(left, names, text)
            _check(right, names, text)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNED:
            _check(operand, names, text)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            _check(left, names, text)
            _check(right, names, text)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise ValueError(f"unknown function {name}: {_HAS}")
            _, fewest, most = FUNCTIONS[name]
            if not fewest <= len(arguments) <= most:
                raise ValueError(f"{name} takes {'one value' if most == 1 else 'two values or more'}")
            for each in arguments:
                _check(each, names, text)
        case _:
            raise ValueError(f"cannot have {_cut(written, 40)}: {_HAS}")


def _cut(text: str, most: int) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= most else f"{text[:most]}..."


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _value(node: ast.expr, values: Mapping[str, Floats]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return _SIGNED[type(op)](_value(operand, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            one, other = np.asarray(_value(left, values)), np.asarray(_value(right, values))
            holds = _COMPARED[type(op)](one, other).astype(np.float64)
            return np.where(np.isnan(one) | np.isnan(other), np.nan, holds)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name][0](*(_value(each, values) for each in arguments))
    raise AssertionError(f"{ast.dump(node)} was let in")

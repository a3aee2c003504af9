"""The attributes of spans, JSON objects in text, rewritten for other formats a column at a time.

Trace records may have `attributes`, different ones for each span: some hundred thousand objects per minute. Nearly all
are as the simulation writes them: strings with nothing to escape and integers, compact or with the spaces that polars
adds when it reads them. Those are rewritten with regular expressions; any others are parsed and written as JSON, one by
one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import polars as pl

from meshquake.sim.records import RecordKind

#: Patterns: a quoted string with nothing to escape, an integer, a key with either, and an object of these.
_TEXT = r'"[^"\\\x00-\x1f]*"'
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"
_ITEM = rf"{_TEXT}: ?(?:{_TEXT}|{_WHOLE})"
_PLAIN = rf"^\{{(?:{_ITEM}(?:, ?{_ITEM})*)?\}}$"

#: The columns that `told` adds: the keys of a span's attributes, and the text of a database query.
KEYS, QUERY = "told_keys", "told_query"
_NO_KEYS: list[pl.Expr] = [pl.lit(None, dtype=pl.String).alias(name) for name in (KEYS, QUERY)]


def compact(texts: pl.Series) -> pl.Series:
    """Remove spaces between the tokens of JSON objects; null stays null.

    Objects read from files have a space after each key's colon, which polars adds. The simulation writes none, so
    its objects are returned unchanged and unchecked.

    Raises
    ------
    ValueError
        If a text with such a space isn't JSON.
    """
    if not texts.str.contains('": ', literal=True).any():
        return texts

    def plain(column: pl.Expr) -> pl.Expr:
        return column.str.replace_all(rf'"([^"]*)": ?("[^"]*"|{_WHOLE})(,?) ?', '"$1":$2$3')

    return _rewritten(texts, plain, _dumped)


def compacted(kind: RecordKind, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its optional objects made compact."""
    return frame.with_columns(compact(frame[column.name]).alias(column.name) for column in kind.optional)


def items(texts: pl.Series, of_text: str, of_number: str, of_other: Callable[[str, Any], str]) -> pl.Series:
    """Rewrite the items of JSON objects, joined by commas; null stays null.

    Parameters
    ----------
    of_text, of_number
        Templates for an item whose value is a string or an integer: `$k` stands for the key and `$v` for the value,
        as they are between quotes in JSON.
    of_other
        Formats an item with any value, given key and value.
    """

    def plain(column: pl.Expr) -> pl.Expr:
        inner = column.str.slice(1, column.str.len_chars() - 2)
        # A string that looks like a key and a number contains quotes, which plain strings don't.
        texts = inner.str.replace_all(r'"([^"]*)":"([^"]*)"', _groups(of_text))
        return texts.str.replace_all(rf'(^|,)"([^"]*)":({_WHOLE})', "$1" + _groups(of_number, key=2, value=3))

    return _rewritten(compact(texts), plain, lambda value: ",".join(of_other(*item) for item in value.items()))


def told(frame: pl.DataFrame, asked: str | None) -> pl.DataFrame:
    """Add columns with the keys of each span's attributes, joined by spaces, and its query; null if there is none.

    Parameters
    ----------
    frame
        Trace records.
    asked
        The name of the attribute with the text of a query; None if no span has it.
    """
    if frame["attributes"].null_count() == len(frame):
        return frame.with_columns(_NO_KEYS)
    text = pl.col("attributes")
    keys = text.str.extract_all(r'[{,] ?"[^"\\]*":').list.eval(pl.element().str.extract('"(.*)"', 1))
    pattern = rf'[{{,] ?"{re.escape(asked or "")}": ?"((?:[^"\\]|\\.)*)"'
    query = _NO_KEYS[1] if asked is None else text.str.extract(pattern).alias(QUERY)
    return frame.with_columns(keys.list.join(" ").alias(KEYS), query)


def query(text: str) -> str:
    """Unescape a query, given its text between quotes in JSON."""
    asked: str = json.loads(f'"{text}"')
    return asked


def _groups(replacement: str, key: int = 1, value: int = 2) -> str:
    return replacement.replace("$k", f"${{{key}}}").replace("$v", f"${{{value}}}")


def _rewritten(
    texts: pl.Series, plain: Callable[[pl.Expr], pl.Expr], other: Callable[[dict[str, Any]], str]
) -> pl.Series:
    """Rewrite texts: plain ones as a column, the others one by one."""
    is_plain = texts.str.contains(_PLAIN)
    column = pl.lit(texts)
    written = pl.select(pl.when(is_plain).then(plain(column))).to_series()
    odd = (~is_plain).fill_null(False).arg_true()
    if len(odd):
        found = [other(json.loads(texts[place])) for place in odd.to_list()]
        written = written.scatter(odd, found)
    return written


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

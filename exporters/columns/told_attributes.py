"""What spans tell besides their columns, as JSON objects in text, put into other people's words by columns.

A record of a trace may have `attributes`, each span its own: some hundred thousand objects a minute, and no two alike.
Nearly all are as the simulation writes them: of texts without anything to escape and of whole numbers, compact or with
the spaces that polars puts into what it reads. Those are rewritten by regular expressions; one that isn't is read and
written as JSON, one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from meshquake.sim.records import RecordKind

#: A text between quotes that has nothing to escape, and a key with such a text or a whole number.
_TEXT = r'"[^"\\\x00-\x1f]*"'
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"
_ITEM = rf"{_TEXT}: ?(?:{_TEXT}|{_WHOLE})"
_PLAIN = rf"^\{{(?:{_ITEM}(?:, ?{_ITEM})*)?\}}$"

#: The columns of `told`: the keys that a span tells, and what a store is asked.
KEYS, QUERY = "told_keys", "told_query"
_NO_KEYS: list[pl.Expr] = [pl.lit(None, dtype=pl.String).alias(name) for name in (KEYS, QUERY)]
_ASKED = "db.query.text"


def compact(texts: pl.Series) -> pl.Series:
    """JSON objects without needless spaces; null stays null.

    What is read from files has a space behind each key's colon, for polars puts it there. The simulation writes none:
    its texts are what they should be, and are not looked at any closer.

    Raises
    ------
    ValueError
        For a text with such a space that is no JSON.
    """
    if not texts.str.contains('": ', literal=True).any():
        return texts

    def plain(column: pl.Expr) -> pl.Expr:
        return column.str.replace_all(rf'"([^"]*)": ?("[^"]*"|{_WHOLE})(,?) ?', '"$1":$2$3')

    return _rewritten(texts, plain, _dumped)


def compacted(kind: RecordKind, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose optional objects are compact, wherever it comes from."""
    return frame.with_columns(compact(frame[column.name]).alias(column.name) for column in kind.optional)


def items(texts: pl.Series, of_text: str, of_number: str, of_other: Callable[[str, Any], str]) -> pl.Series:
    """The keys and values of JSON objects, one after another, in somebody's words; null stays null.

    Parameters
    ----------
    of_text, of_number
        What is said of a key and its value, as a replacement in which they are `$k` (within quotes in JSON) and `$v`.
    of_other
        The same for any value, given as it is.
    """

    def plain(column: pl.Expr) -> pl.Expr:
        inner = column.str.slice(1, column.str.len_chars() - 2)
        # A text that looks like a number behind a key stands between quotes, which no key has in it.
        texts = inner.str.replace_all(r'"([^"]*)":"([^"]*)"', _groups(of_text))
        return texts.str.replace_all(rf'(^|,)"([^"]*)":({_WHOLE})', "$1" + _groups(of_number, key=2, value=3))

    return _rewritten(compact(texts), plain, lambda value: ",".join(of_other(*item) for item in value.items()))


def told(frame: pl.DataFrame, column: str = "attributes") -> pl.DataFrame:
    """A frame of spans with which keys each tells (between spaces) and what a store is asked; null where nothing is."""
    if frame[column].null_count() == len(frame):
        return frame.with_columns(_NO_KEYS)
    text = pl.col(column)
    keys = text.str.extract_all(r'[{,] ?"[^"\\]*":').list.eval(pl.element().str.extract('"(.*)"', 1))
    return frame.with_columns(
        keys.list.join(" ").alias(KEYS),
        text.str.extract(rf'[{{,] ?"{_ASKED.replace(".", "[.]")}": ?"((?:[^"\\]|\\.)*)"').alias(QUERY),
    )


def query(text: str) -> str:
    """What a store is asked, of which JSON has the text between quotes."""
    asked: str = json.loads(f'"{text}"')
    return asked


def _groups(replacement: str, key: int = 1, value: int = 2) -> str:
    return replacement.replace("$k", f"${{{key}}}").replace("$v", f"${{{value}}}")


def _rewritten(
    texts: pl.Series, plain: Callable[[pl.Expr], pl.Expr], other: Callable[[dict[str, Any]], str]
) -> pl.Series:
    """Texts rewritten: those that are plain by columns, the others one by one."""
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

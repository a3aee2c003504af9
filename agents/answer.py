"""Answers of tools: at most a page each, with a note on what was cut and how to ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: Bytes of the longest answer, as UTF-8; about 4,000 tokens.
MOST: Final = 16_000
#: Bytes of an answer reserved for the note on what was cut.
_SPARE: Final = 400
#: Approximate bytes of text per token.
PER_TOKEN: Final = 4


@dataclass(frozen=True)
class Row:
    """A row of an answer, with the ids of the records that it shows."""

    cells: Sequence[Any]
    records: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """An answer, before it is cut to a page.

    Attributes
    ----------
    told
        Short values besides the rows, by name.
    columns
        The names of the cells of a row.
    rows
        The rows found, from `offset` on, at most `limit` of them.
    total
        The number of rows in all.
    offset
        The number of rows before the first one here.
    narrow
        Arguments that would narrow the answer, as the end of a sentence.
    paged
        Whether the tool takes `offset`, to page through the rest.
    """

    told: Mapping[str, Any]
    columns: Sequence[str] = ()
    rows: Sequence[Row] = ()
    total: int = 0
    offset: int = 0
    narrow: str = ""
    paged: bool = True


@dataclass(frozen=True)
class Page:
    """An answer as it is sent.

    Attributes
    ----------
    content
        The answer as a JSON object.
    records
        Ids of the records in it, in order, without duplicates.
    cut
        Whether more rows follow.
    """

    content: Mapping[str, Any]
    records: Sequence[str] = field(default=())
    cut: bool = False

    @property
    def text(self) -> str:
        """The answer as JSON text, no longer than `MOST`."""
        return text(self.content)


def text(value: Any) -> str:
    """Serialise a JSON value in its shortest form."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def size(value: Any) -> int:
    """Return the length of a JSON value's text in bytes."""
    return len(text(value).encode())


def page(answer: Answer, shown_at: Mapping[str, Any]) -> Page:
    """Cut an answer to a page.

    Parameters
    ----------
    answer
        The answer.
    shown_at
        The current time, with which every answer begins.
    """
    content = {**shown_at, **answer.told}
    if not answer.columns:
        return Page(content)
    room = MOST - _SPARE - size(content) - size(answer.columns)
    kept = _fitting(answer.rows, room)
    content |= {"columns": list(answer.columns), "rows": [list(row.cells) for row in kept]}
    last = answer.offset + len(kept)
    cut = last < answer.total or answer.offset > 0
    if cut:
        content["cut"] = _cut(answer, len(kept), last)
    return Page(content, list(dict.fromkeys(each for row in kept for each in row.records)), last < answer.total)


def _fitting(rows: Iterable[Row], room: int) -> list[Row]:
    """Take as many rows as there is room for."""
    kept = []
    for row in rows:
        room -= size(row.cells) + 1
        if room < 0:
            break
        kept.append(row)
    return kept


def _cut(answer: Answer, count: int, last: int) -> str:
    """Say what was cut, and how to ask for it."""
    if not count and answer.offset >= answer.total:
        return f"there are {answer.total} rows: offset={answer.offset} is past the last one"
    shown = f"rows {answer.offset + 1} to {last} of {answer.total}"
    if last >= answer.total:
        return shown
    ways = [f"offset={last} for the next ones"] * answer.paged + [answer.narrow] * bool(answer.narrow)
    return f"{shown}: ask with {', or with '.join(ways)}"

"""What a tool answers: never more than a page, and with what was cut and how to ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

#: Bytes of the longest answer, as UTF-8: some 4,000 tokens.
MOST: Final = 16_000
#: Bytes that an answer keeps free for what it says of itself.
_SPARE: Final = 400
#: Bytes of text that are about one token.
PER_TOKEN: Final = 4


@dataclass(frozen=True)
class Row:
    """A row of an answer, and the ids of the records that it shows."""

    cells: Sequence[Any]
    records: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """An answer, before it is cut to a page.

    Attributes
    ----------
    told
        What is told besides rows, by name; short.
    columns
        The names of the cells of a row.
    rows
        What was found, from `offset` on, at most `limit` of it.
    total
        How many rows there are in all.
    offset
        How many of them come before the first row here.
    narrow
        What else to ask with for fewer rows, as the end of a sentence.
    paged
        Whether the rest can be had with `offset`.
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
    """An answer as it goes out.

    Attributes
    ----------
    content
        The answer as a JSON object.
    records
        Ids of the records in it, in order, each once.
    cut
        Whether there is more.
    """

    content: Mapping[str, Any]
    records: Sequence[str] = field(default=())
    cut: bool = False

    @property
    def text(self) -> str:
        """The answer as JSON text, no longer than `MOST`."""
        return text(self.content)


def text(value: Any) -> str:
    """A JSON value as short a text as it has."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def size(value: Any) -> int:
    """Bytes of the text of a JSON value."""
    return len(text(value).encode())


def page(answer: Answer, shown_at: Mapping[str, Any]) -> Page:
    """Cut an answer to a page.

    Parameters
    ----------
    answer
        The answer.
    shown_at
        What every answer begins with: when it is.
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
    """The first rows, as many as there is room for."""
    kept = []
    for row in rows:
        room -= size(row.cells) + 1
        if room < 0:
            break
        kept.append(row)
    return kept


def _cut(answer: Answer, count: int, last: int) -> str:
    """What is missing, and how to ask for it."""
    if not count and answer.offset >= answer.total:
        return f"there are {answer.total} rows: offset={answer.offset} is past the last one"
    shown = f"rows {answer.offset + 1} to {last} of {answer.total}"
    if last >= answer.total:
        return shown
    ways = [f"offset={last} for the next ones"] * answer.paged + [answer.narrow] * bool(answer.narrow)
    return f"{shown}: ask with {', or with '.join(ways)}"

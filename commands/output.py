"""Where text for people leaves: line by line, without what a terminal would obey, and never too much of it.

Names and reasons come from outside: from files of others, from receivers, from file systems. All of them leave through
`line`. What programs read leaves as JSON, in which such characters are escapes already.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from meshquake.topology.units import printable

#: Characters of a line that anybody would read, lines of a kind, and lines in all.
LONGEST, OF_A_KIND, MOST = 4_000, 10, 200
_QUOTED, _PLACE = re.compile(r"'[^']*'|\"[^\"]*\""), re.compile(r"[\d./]")


def line(text: str) -> str:
    """A text as a line that may be printed."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"
    return printable(text)


def say(*texts: str) -> None:
    """Print lines on standard output."""
    for text in texts:
        click.echo(line(text))


def complain(texts: Iterable[str]) -> None:
    """Print lines on standard error; of many of a kind, the first ones and how many more there are."""
    for text in condensed(map(line, texts)):
        click.echo(text, err=True)


def condensed(texts: Iterable[str]) -> Iterator[str]:
    """Of many texts of a kind the first ones, each kind followed by how many more there are.

    Two are of a kind if they have the same words besides what they quote, their places and their numbers.
    """
    texts = list(texts)
    kinds = [_kind(text) for text in texts]
    total, told = Counter(kinds), Counter[str]()
    for number, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        if told.total() == MOST:
            yield f"and {len(texts) - number:,} more"
            return
        if told[kind] == OF_A_KIND:
            continue
        yield text
        told[kind] += 1
        if told[kind] == OF_A_KIND < total[kind]:
            yield f"and {total[kind] - OF_A_KIND:,} more of this kind"


def _kind(text: str) -> str:
    return " ".join(word for word in _QUOTED.sub("", text).split() if not _PLACE.search(word))

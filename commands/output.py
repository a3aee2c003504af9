"""Output of text for people: line by line, without terminal control characters, and limited in amount.

Names and reasons may come from outside: from foreign files, receivers and file systems. All of them pass through
`line`. Output for programs is JSON, which escapes such characters anyway.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import click

from meshquake.topology.units import printable

#: Limits: characters in a line, lines of a kind, and lines in all.
LONGEST, OF_A_KIND, MOST = 4_000, 10, 200
_QUOTED, _PLACE = re.compile(r"'[^']*'|\"[^\"]*\""), re.compile(r"[\d./]")


def line(text: str) -> str:
    """Make a text safe to print as one line."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 4 :]}"
    return printable(text)


def say(*texts: str) -> None:
    """Print lines on standard output."""
    for text in texts:
        click.echo(line(text))


def complain(texts: Iterable[str]) -> None:
    """Print lines on standard error; of many similar ones, only the first, and a count of the others."""
    for text in condensed(map(line, texts)):
        click.echo(text, err=True)


def condensed(texts: Iterable[str]) -> Iterator[str]:
    """Yield the first texts of each kind, followed by a count of the others.

    Two texts are of a kind if they differ only in quotations, places and numbers.
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

"""How often a call is repeated: a number, or a distribution of numbers.

A repeated call expands into as many call sites as it can be made times, and one uniform number decides how many of them
a request reaches: the call is made once more while that number is below the share of requests that go on. So counts are
bounded, and a request that is replayed with other probabilities keeps its draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import ClassVar

from meshquake.topology.binder import bind
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.units import number

#: The most times that a call may be repeated.
MOST_TIMES = 1000


class Count:
    """A distribution of the number of times that a call is made."""

    #: Its word in a topology file.
    word: ClassVar[str]

    def beyond(self) -> tuple[float, ...]:
        """Return the probabilities that the call is made more than 0 times, more than once, ...: those above 0."""
        raise NotImplementedError

    def expectation(self) -> float:
        """Return the mean number of times that the call is made."""
        return sum(self.beyond())

    @property
    def most(self) -> int:
        """The largest number of times that the call is made."""
        return len(self.beyond())


@dataclass(frozen=True)
class Fixed(Count):
    """Always the same count."""

    word: ClassVar[str] = "fixed"
    shorthand: ClassVar[str] = "value"
    value: int = key("count", "how often", low=1, high=MOST_TIMES)

    def beyond(self) -> tuple[float, ...]:
        return (1.0,) * self.value

    def __str__(self) -> str:
        return f"{self.value} times"


@dataclass(frozen=True)
class Poisson(Count):
    """A Poisson count, as of independent events; a count above `maximum` becomes `maximum`."""

    word: ClassVar[str] = "poisson"
    shorthand: ClassVar[str] = "mean"
    mean: float = key("number", "the mean", low=0, high=100, above=True)
    maximum: int = key("count", "the largest count", 20, low=1, high=MOST_TIMES)

    def beyond(self) -> tuple[float, ...]:
        shares, term, left = [], exp(-self.mean), 1.0
        for count in range(self.maximum):
            left = max(0.0, left - term)
            shares.append(left)
            term *= self.mean / (count + 1)
        return tuple(share for share in shares if share > 0)

    def __str__(self) -> str:
        return f"{number(self.mean)} times on average, at most {self.maximum}"


@dataclass(frozen=True)
class Geometric(Count):
    """At least once, and once more with the same probability after each call, up to `maximum`: pages, retries."""

    word: ClassVar[str] = "geometric"
    shorthand: ClassVar[str] = "again"
    again: float = key("ratio", "probability of another call after each", low=0, high=1)
    maximum: int = key("count", "the largest count", 20, low=1, high=MOST_TIMES)

    def beyond(self) -> tuple[float, ...]:
        return tuple(share for count in range(self.maximum) if (share := self.again**count) > 0)

    def __str__(self) -> str:
        return f"{number(self.expectation(), digits=3)} times on average, at most {self.maximum}"


@dataclass(frozen=True)
class Observed(Count):
    """One of some observed counts, all equally likely."""

    word: ClassVar[str] = "empirical"
    shorthand: ClassVar[str] = "values"
    values: tuple[int, ...] = key("count", "observed counts, in any order", low=0, high=MOST_TIMES, many=True)

    def beyond(self) -> tuple[float, ...]:
        return tuple(
            sum(value > count for value in self.values) / len(self.values) for count in range(max(self.values))
        )

    def __str__(self) -> str:
        return f"{number(self.expectation(), digits=3)} times on average, at most {self.most}"


ONCE = Fixed(1)

#: Counts by their word in a topology file.
COUNTS: dict[str, type[Count]] = {kind.word: kind for kind in (Fixed, Poisson, Geometric, Observed)}


@dataclass(frozen=True)
class _Word:
    """A block that holds the word of a count and nothing else."""


def count(document: Document, node: Node) -> Count | None:
    """Read a count: a number, or a word with its parameters; None, and errors, if it's refused."""
    if node.kind == "scalar":
        return bind(document, Fixed, node)
    bind(document, _Word, node, also=COUNTS)
    words = [word for word in node.entries if word in COUNTS]
    if len(words) != 1:
        if node.kind == "map" and (words or not node.entries):
            document.error(node, f"must have exactly one of {', '.join(COUNTS)}")
        return None
    found = bind(document, COUNTS[words[0]], node.entries[words[0]])
    if found is not None and not found.most:
        document.error(node, "is always 0: leave the call out")
        return None
    return found

"""How far a set that an answer names agrees with the true one."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Overlap:
    """How far a named set agrees with the true one: the size of each, and of what they share."""

    right: int
    named: int
    true: int

    @property
    def precision(self) -> float | None:
        """Share of the named ones that are right; None if none was named."""
        return self.right / self.named if self.named else None

    @property
    def recall(self) -> float | None:
        """Share of the true ones that were named; None if there are none."""
        return self.right / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall; None if both sets are empty."""
        return 2 * self.right / (self.named + self.true) if self.named + self.true else None

    @classmethod
    def of(cls, named: Iterable[Any], true: AbstractSet[Any], neutral: AbstractSet[Any] = frozenset()) -> Overlap:
        """Compare a set with the true one, ignoring members that are neither right nor wrong."""
        judged = set(named) - (neutral - true)
        return cls(len(judged & true), len(judged), len(true))

    def as_json(self) -> dict[str, float | None]:
        """As a JSON object."""
        return {**asdict(self), "precision": self.precision, "recall": self.recall, "f1": self.f1}

"""Problems in a file: each one with its place, and all of them as one error."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.units import printable


@dataclass(frozen=True)
class Problem:
    """Something wrong, or merely odd (`warning`), at a place in a file.

    `line` counts from 1 and is 0 if no line is to blame; `path` is empty for the document as a whole.
    """

    file: str
    line: int
    path: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return printable(": ".join(filter(None, (place, "warning" * self.warning, self.path, self.message))))


class DocumentError(MeshquakeError):
    """A document that cannot be used; `problems` has every reason, ordered by file and line."""

    def __init__(self, problems: Collection[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        super().__init__(*self.problems)

    def __reduce__(self) -> tuple[type[DocumentError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)  # other errors are made with their lines, this one with its problems


def listed(words: Sequence[str]) -> str:
    """Join words as in a sentence: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def suggestion(name: str, names: Collection[str]) -> str:
    """Return the end of a message about an unknown name: the nearest valid name, or all of them if they are few."""
    nearest = difflib.get_close_matches(name[:80], names, n=1)
    if nearest:
        return f" (did you mean {nearest[0]!r}?)"
    return f" (valid: {', '.join(names)})" if 0 < len(names) <= 32 else ""

"""The base of every error that the user can put right. (How calls fail is in `errors.py`.)"""

from __future__ import annotations

from meshquake.topology.units import printable


class MeshquakeError(Exception):
    """Something asked for, or something in a file, that cannot be used.

    Its text is for whoever asked: what was wrong, where, and what would be right. With several problems it has a line
    for each, and what it was made with are these lines: names come from outside, so no character of a name can end a
    line, or do anything else that a terminal obeys.
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)

"""The base of every error that the user can put right. (For how calls fail see `errors.py`.)"""

from __future__ import annotations

from meshquake.topology.units import printable


class MeshquakeError(Exception):
    """A request, or something in a file, that cannot be used.

    The text is for the user: what is wrong, where, and what would be right. Each argument is one line, one for each
    problem. Names come from outside, so lines are made printable: no character of a name can end a line, or do anything
    else that a terminal obeys.
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)

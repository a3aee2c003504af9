"""The base of every error that the user can put right. (How calls fail is in `errors.py`.)"""

from __future__ import annotations


class MeshquakeError(Exception):
    """Something asked for, or something in a file, that cannot be used.

    Its text is for whoever asked: what was wrong, where, and what would be right. With several problems it has a line
    for each.
    """

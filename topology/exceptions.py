"""What every error of this project is that is for its user to put right."""

from __future__ import annotations


class MeshquakeError(Exception):
    """Something asked for, or something in a file, that can't be used.

    Its text is for whoever asked: what was wrong, where, and what would be right. With several problems it has a line
    for each.
    """

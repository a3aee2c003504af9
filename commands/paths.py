"""Types of values on the command line that name a place: a path on this machine, or also something else.

An empty value is refused everywhere. It comes from a variable of a shell that isn't set, as in `--output "$OUT"`, and
Python takes an empty path for the current folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

#: How an address begins: `s3://`, `file:/`. A single letter is a drive of Windows.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class LocalPath(click.Path):
    """A path on this machine; refuses addresses, which would name folders called `s3:`.

    Parameters
    ----------
    is_file
        Whether to refuse an existing folder.
    """

    def __init__(self, is_file: bool = False) -> None:
        super().__init__(path_type=Path, dir_okay=not is_file)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        text = os.fspath(value)
        _refuse_empty(self, text, param, ctx)
        if _ADDRESS.match(text):
            self.fail("must be a path on this machine, not an address", param, ctx)
        return super().convert(value, param, ctx)


class Place(click.ParamType[str]):
    """A path, an address or a name, whichever the command finds it to be."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        _refuse_empty(self, value, param, ctx)
        return str(value)


def _refuse_empty(
    kind: click.ParamType[Any], text: str, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    if not text:
        kind.fail("must not be empty", param, ctx)

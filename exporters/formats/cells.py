"""Cells of CSV, which spreadsheets take for what they look like.

A text that would begin a formula has an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection),
by which a spreadsheet knows it for text. What is in a message came from outside, and whoever opens the file need not
know. Numbers stay as they are, those below zero too.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as columns

#: What a text may not begin with.
_FORMULA = r"^[=+\-@\t\r]"


def encode(rows: pl.DataFrame) -> bytes:
    """The lines of some rows, without a heading."""
    guarded = rows.with_columns(columns.string().str.replace(_FORMULA, "'$0"))
    return guarded.write_csv(include_header=False).encode()

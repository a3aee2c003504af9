"""Encode CSV cells safely for spreadsheets.

Text that a spreadsheet would read as a formula is prefixed with an apostrophe, which marks it as text
(https://owasp.org/www-community/attacks/CSV_Injection): messages may contain untrusted input. Numbers are left as they
are, negative ones too.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as columns

#: Characters that text must not begin with.
_FORMULA = r"^[=+\-@\t\r]"


def encode(rows: pl.DataFrame) -> bytes:
    """Encode rows as CSV lines, without a header."""
    guarded = rows.with_columns(columns.string().str.replace(_FORMULA, "'$0"))
    return guarded.write_csv(include_header=False).encode()

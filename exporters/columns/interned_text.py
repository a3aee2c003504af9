"""Texts that depend on some columns of a frame, rendered once for each combination of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl


class InternedText:
    """Adds columns of texts to frames.

    Parameters
    ----------
    columns
        The columns that the texts depend on.
    names
        The names of the texts.
    render
        Renders the texts, by name, for a combination of values.
    """

    def __init__(
        self,
        columns: Sequence[str],
        names: Sequence[str],
        render: Callable[[Mapping[str, Any]], Mapping[str, str | None]],
    ) -> None:
        self._columns = list(columns)
        self._names = list(names)
        self._render = render
        self._known: pl.DataFrame | None = None

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with the texts as further columns."""
        combinations = frame.select(self._columns).unique(maintain_order=True)
        if self._known is not None:
            combinations = combinations.join(self._known, on=self._columns, how="anti", nulls_equal=True)
        if len(combinations) or self._known is None:
            said = [self._render(row) for row in combinations.iter_rows(named=True)]
            texts = [pl.Series(name, [each[name] for each in said], dtype=pl.String) for name in self._names]
            new = combinations.with_columns(texts)
            self._known = new if self._known is None else pl.concat([self._known, new])
        return frame.join(self._known, on=self._columns, how="left", nulls_equal=True, maintain_order="left")

"""Texts that rows of a frame share if they have the same values in some columns, made once for each combination."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl


class InternedText:
    """Looks up what is said of rows.

    Parameters
    ----------
    columns
        Those that decide what is said.
    names
        Of the texts.
    render
        The texts of a combination of values, by name.
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
        """The frame with the texts as further columns."""
        combinations = frame.select(self._columns).unique(maintain_order=True)
        if self._known is not None:
            combinations = combinations.join(self._known, on=self._columns, how="anti", nulls_equal=True)
        if len(combinations) or self._known is None:
            said = [self._render(row) for row in combinations.iter_rows(named=True)]
            texts = [pl.Series(name, [each[name] for each in said], dtype=pl.String) for name in self._names]
            new = combinations.with_columns(texts)
            self._known = new if self._known is None else pl.concat([self._known, new])
        return frame.join(self._known, on=self._columns, how="left", nulls_equal=True, maintain_order="left")

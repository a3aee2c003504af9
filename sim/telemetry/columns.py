"""Tables whose columns are arrays of numbers, all of one length."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class Columns:
    """What a dataclass is whose fields are arrays of one length."""

    def __len__(self) -> int:
        column: NDArray[Any] = getattr(self, fields(self)[0].name)  # type: ignore[arg-type]  # each is a dataclass
        return len(column)

    def where(self, chosen: NDArray[Any]) -> Self:
        """The rows at some positions, or where a mask is true."""
        positions = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return type(self)(*(column.take(positions) for column in self._all()))

    def __add__(self, other: Self) -> Self:
        if not len(self):
            return other
        if not len(other):
            return self
        return type(self)(*map(np.concatenate, zip(self._all(), other._all(), strict=True)))

    def _all(self) -> list[NDArray[Any]]:
        return [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]

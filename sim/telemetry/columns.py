"""Tables whose columns are arrays of numbers, all of one length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


class Columns:
    """Base class of dataclasses whose fields are arrays of one length."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __len__(self) -> int:
        column: NDArray[Any] = getattr(self, next(iter(self.__dataclass_fields__)))
        return len(column)

    def where(self, chosen: NDArray[Any]) -> Self:
        """Return the rows at some positions, or where a mask is true."""
        positions = _positions(chosen)
        return type(self)(*(column.take(positions) for column in self._all()))

    def view(self, chosen: NDArray[Any]) -> Self:
        """Like `where`, but take each column when it is first asked for.

        For short-lived uses that need few columns: the view keeps the whole table alive.
        """
        found = object.__new__(type(self))
        found.__dict__["_viewed"] = (self, _positions(chosen))
        return found

    if not TYPE_CHECKING:  # mypy should accept the fields' names only

        def __getattr__(self, name: str) -> NDArray[Any]:
            """Take a column that a view has not taken yet."""
            viewed = self.__dict__.get("_viewed")
            if viewed is None or name not in self.__dataclass_fields__:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            table, positions = viewed
            column = self.__dict__[name] = getattr(table, name).take(positions)
            return column

    def __add__(self, other: Self) -> Self:
        if not len(self):
            return other
        if not len(other):
            return self
        return type(self)(*map(np.concatenate, zip(self._all(), other._all(), strict=True)))

    def _all(self) -> list[NDArray[Any]]:
        return [getattr(self, name) for name in self.__dataclass_fields__]


def _positions(chosen: NDArray[Any]) -> NDArray[Any]:
    return np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen

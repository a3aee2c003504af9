"""Line numbers in the code of services, as stack traces name them.

A place in the code has one number, whichever line of a log names it: a function of the file and of the function in it.
Functions of a file follow each other and do not overlap, and what may fail in one stands on a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: The statements that texts may name: of the function that handles a request, of the one that hands it the request, and
#: of the one of a client that makes a call; and of the function that handles a request, the calls of such a client.
_HANDLER, _CONTROLLER, _CLIENT, _CALL = 5, 3, 2, 2
#: Lines of a function without those of its calls, of one of these, and of a function of the other two kinds.
_BODY, _A_CALL, _SHORT = 30, 3, 12
#: The line on which the first function of a file begins.
_FIRST = 24

#: The values that texts may name: the number of a statement's line.
NAMES = (
    *(f"handler_line_{number}" for number in range(1, _HANDLER + 1)),
    *(f"controller_line_{number}" for number in range(1, _CONTROLLER + 1)),
    *(f"client_line_{number}" for number in range(1, _CLIENT + 1)),
    *(f"call_line_{number}" for number in range(1, _CALL + 1)),
)


class CodeLines:
    """The line numbers of a mesh's code.

    Parameters
    ----------
    operations
        The names of all operations, `SERVICE.OPERATION`, service by service.
    code
        A word of each operation, which decides where its functions stand.
    callers, callees
        The operations that call others, and those that they call, by number; of equal length.
    """

    def __init__(self, operations: Sequence[str], code: NDArray[np.uint64], callers: Ints, callees: Ints) -> None:
        count = len(code)
        #: What operations call, as numbers in order: the caller's times the number of operations, plus the callee's.
        self._calls: Ints = np.unique(callers.astype(np.int64) * count + callees)
        self._count = count
        by = self._calls // max(count, 1)
        self._nth: Ints = np.arange(len(by)) - np.searchsorted(by, by)
        calls = np.bincount(by, minlength=count)
        slack = (code % np.uint64(7)).astype(np.int64)
        self._handlers = _stacked(operations, _BODY + _A_CALL * calls) + slack
        self._others = _stacked(operations, np.full(count, _SHORT)) + (code % np.uint64(4)).astype(np.int64)

    def column(self, name: str, handled: Ints, operation: Ints) -> pl.Series:
        """Return the numbers of the lines of a statement.

        Parameters
        ----------
        name
            One of `NAMES`.
        handled
            The operations whose functions handle the requests.
        operation
            The operations that are called.
        """
        where, _, number = name.rpartition("_line_")
        nth = int(number)
        if where == "handler":
            return pl.Series(self._handlers[handled] + 4 * nth)
        if where == "call":
            call = np.searchsorted(self._calls, handled.astype(np.int64) * self._count + operation)
            nths = self._nth[np.minimum(call, len(self._nth) - 1)] if len(self._nth) else np.zeros_like(handled)
            return pl.Series(self._handlers[handled] + 4 * (_HANDLER + 1) + _A_CALL * nths + nth - 1)
        return pl.Series(self._others[operation if where == "client" else handled] + 2 + nth)


def _stacked(operations: Sequence[str], lengths: Ints) -> Ints:
    """Return where the functions of operations begin if those of a service follow each other in a file."""
    services = [name.rpartition(".")[0] for name in operations]
    first = np.array([service != before for service, before in zip(services, [None, *services], strict=False)])
    before = np.cumsum(lengths) - lengths
    starts: Ints = _FIRST + before - before[np.maximum.accumulate(np.where(first, np.arange(len(lengths)), 0))]
    return starts

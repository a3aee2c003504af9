"""SimPy's clock and heap, with bare callbacks beside events.

A moment in the life of a call ("arrived", "worked", "answered") needs a time and a function, not a Process with its
generator and events: as a callback it costs about a tenth. Both kinds share one heap and one running number,
so ordinary SimPy processes (faults, probes, rollouts) and calls interleave exactly as if all were processes.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from typing import Any

import simpy
from simpy.events import NORMAL, URGENT

#: An entry of the heap: time, priority, running number (which breaks ties in order of scheduling), function, argument.
HeapEntry = tuple[float, int, int, Callable[[Any], None], Any]


class _Horizon(Exception):  # noqa: N818 - a control flow signal, as simpy.core.StopSimulation is
    """Raised by the entry that marks the end of an `advance`."""


class Environment(simpy.Environment):
    """A `simpy.Environment` whose heap also takes callbacks.

    `_queue` and `_eid` are SimPy's own names, kept so that SimPy's processes and events work unchanged.
    """

    _now: float
    _queue: list[HeapEntry]  # type: ignore[assignment]
    _eid: count[int]

    def __init__(self) -> None:
        super().__init__(0.0)

    def schedule(self, event: simpy.Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Schedule a SimPy event `delay` seconds from now (SimPy's own hook)."""
        heappush(self._queue, (self._now + delay, priority, next(self._eid), _occur, event))

    def call_at(
        self, time: float, function: Callable[[Any], None], argument: Any = None, *, urgent: bool = False
    ) -> None:
        """Call `function(argument)` at the simulated `time` (seconds).

        An urgent call comes before everything else of the same time: samples are taken this way.
        """
        heappush(self._queue, (time, URGENT if urgent else NORMAL, next(self._eid), function, argument))

    def recall(self, function: Callable[[Any], None], arguments: Set[Any], latest: float) -> list[Any]:
        """Take back the calls of a function with these arguments: one for each, none of them due after `latest`.

        Returns the arguments in the order in which their calls were scheduled. It looks at little more than the entries
        due by then, since nothing in a heap comes before its parent. Each entry is replaced by one that does nothing,
        so the heap need not be reordered.
        """
        queue = self._queue
        found: list[int] = []
        places = [0]
        while places and len(found) < len(arguments):
            place = places.pop()
            if place >= len(queue) or queue[place][0] > latest:
                continue
            entry = queue[place]
            if entry[3] is function and entry[4] in arguments:
                found.append(place)
            places += (2 * place + 1, 2 * place + 2)
        entries = sorted((queue[place] for place in found), key=itemgetter(2))
        for place in found:
            entry = queue[place]
            queue[place] = (entry[0], entry[1], entry[2], _nothing, None)
        return [entry[4] for entry in entries]

    def step(self) -> None:
        """Process the next entry, as SimPy's own `step` does."""
        if not self._queue:
            raise simpy.core.EmptySchedule
        self._now, _, _, function, argument = heappop(self._queue)
        function(argument)

    def advance(self, horizon: float) -> None:
        """Process everything before the simulated time `horizon` (seconds), and set the clock to it."""
        queue = self._queue
        end: HeapEntry = (horizon, URGENT, -1, _stop, None)
        heappush(queue, end)
        pop = heappop
        try:
            while True:
                self._now, _, _, function, argument = pop(queue)
                function(argument)
        except _Horizon:
            pass


def _stop(_: None) -> None:
    raise _Horizon


def _nothing(_: None) -> None:
    """Do nothing: the call was taken back."""


def _occur(event: simpy.Event) -> None:
    """Run an event's callbacks, as SimPy's `step` does after taking it from the heap."""
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):
        failure: BaseException = event._value
        raise type(failure)(*failure.args) from failure

"""The event loop of a process in which one thread runs everything: how long a callback waits for its turn.

A callback that is due waits until the loop has done all work that came before: the virtual waiting time of a queue that
is served in order of arrival (Kleinrock, Queueing Systems I, 5.7). Work is known when it arrives, so the wait until the
next arrival is known, too: it falls by a second per second, and each piece of work raises it by its length. With
several cores there is a loop on each, and work goes to the loop that is free first (Kiefer and Wolfowitz, "On the
theory of queues with many servers", 1955). While a garbage collection or a CPU quota stops the process, nothing gets
done, and a callback is late by the time for which it has stood still, too.

What the process does besides is not simulated piece by piece: it takes a share a of its core, and other work takes
1 / (1 - a) times as long. Its pieces keep a callback waiting for another a / (1 - a) times the mean residual time of a
piece, the wait in an M/G/1 queue that has nothing but them.

The time average of this is the mean delay of timers that fire at any time (PASTA); Node's `monitorEventLoopDelay`
measures it by a timer that fires every ten milliseconds. Under Poisson arrivals it is the mean wait in an M/G/1 queue.
"""

from __future__ import annotations


class EventLoop:
    """The loops of one process, one on each of its `cores`; `residual` is what is left of a piece of other work (s)."""

    __slots__ = ("_at", "_beside", "_free", "_lap", "_residual", "_stood", "_waited", "stands")

    def __init__(self, cores: int, residual: float = 0.0) -> None:
        self._residual = residual
        #: How long a callback waits for what the process does besides (seconds).
        self._beside = 0.0
        #: When each loop has done all its work, if it does not stand still.
        self._free = [0.0] * cores
        #: Up to when waits are added up; their integral over time until then (seconds squared); for how long the
        #: process has stood still by then.
        self._at = self._waited = self._stood = 0.0
        #: When the last lap began, and the integral by then.
        self._lap = (0.0, 0.0)
        #: Whether the process stands still.
        self.stands = False

    def add(self, now: float, work: float) -> None:
        """Add a piece of work (seconds of a core) that arrives now."""
        self.advance(now)
        free = self._free
        first = free.index(min(free)) if len(free) > 1 else 0
        free[first] = max(free[first], now) + work

    def drop(self, now: float, work: float) -> None:
        """Take back work (seconds of a core) that will not be done."""
        self.advance(now)
        longest = self._free.index(max(self._free))
        self._free[longest] -= work

    def clear(self, now: float) -> None:
        """Forget all work: the process is gone."""
        self.advance(now)
        self._free = [now] * len(self._free)
        self.lap(now)

    def share(self, now: float, besides: float) -> None:
        """From now on, what the process does besides takes this share of each core."""
        self.advance(now)
        self._beside = self._residual * besides / (1.0 - besides)

    def stand(self, now: float, stands: bool) -> None:
        """From now on, the process stands still, or no longer does."""
        self.advance(now)
        self.stands = stands

    def stood(self, since: float, now: float) -> None:
        """The process stood still since some time, and goes on now."""
        self.stand(since, True)
        self.stand(now, False)

    def wait(self, now: float) -> float:
        """Return how long a callback waits that is due now (seconds)."""
        late = now - self._at
        if self.stands:
            return self._wait() + self._stood + late
        return max(0.0, self._wait() - late) + self._beside

    def waited(self, now: float) -> float:
        """Return the integral of the wait over time so far (seconds squared); reading it changes nothing."""
        late, before = now - self._at, self._wait()
        # The wait rises, or falls to nothing, by a second per second.
        if self.stands:
            return self._waited + late * (before + self._stood + late / 2.0)
        lasted = min(late, before)
        return self._waited + lasted * (before - lasted / 2.0) + late * self._beside

    def lap(self, now: float) -> float:
        """Return the mean wait (seconds) since the last call, as of a histogram that is reset when it is read."""
        since, before = self._lap
        after = self.waited(now)
        self._lap = (now, after)
        return (after - before) / (now - since) if now > since else 0.0

    def advance(self, now: float) -> None:
        """Bring everything up to now."""
        late = now - self._at
        if late <= 0.0:
            return
        self._waited = self.waited(now)
        if self.stands:
            self._stood += late
            self._free = [free + late if free > self._at else free for free in self._free]
        else:
            self._stood = 0.0
        self._at = now

    def _wait(self) -> float:
        """How long a callback would have waited at `_at`, had the process not stood still."""
        return max(0.0, min(self._free) - self._at)

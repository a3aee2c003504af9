"""Find which services were hit, and since when: more requests failed, or were slow, than chance explains.

A quiet service can fail all of its requests and show only one or two failures in five seconds, which proves nothing; a
busy one can be in trouble for five seconds, which an hour's figures don't show. So after each slice of five seconds,
stretches of many lengths that end with it are tested, from the slice alone to the whole time since the incident began.
In between, stretches begin where the binary representation of the number of earlier slices says: with 22 = 16 + 4 + 2
of them, after 16 and after 20. Any period of trouble then contains a stretch at least a third as long. There are few
stretches, about half the logarithm of the number of slices for each slice, so correcting for multiple tests costs
little.

This is the scan of G. Walther and A. Perry, "Calibrating the scan statistic: finite sample performance versus
asymptotics", J. R. Stat. Soc. B 84 (2022), with Bonferroni's correction, over stretches that need little memory. The
onset is taken from the stretch with the strongest evidence, as in D. V. Hinkley, "Inference about the change-point in a
sequence of random variables", Biometrika 57 (1970).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, log2

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.significance import p_value
from meshquake.sim.tally import Tally

#: A service is hit if, in some stretch, at least this share of its requests fails ...
HIT_ERRORS = 0.05
#: ... or its p95 is this many times that before the incident. Either must be more than chance explains.
HIT_SLOWER = 3.0
#: The highest probability of a false hit, over all services of a run in which none is hit.
_DOUBT = 0.01
#: The tests of each stretch: errors, and latency.
_SIGNS = 2


@dataclass(frozen=True)
class Hit:
    """A service that was hit: when (seconds from the start of the incident), and the sign of it."""

    service: str
    onset: float
    sign: str


@dataclass(frozen=True)
class _Stretch:
    """The requests of a service in a stretch of time; moments are seconds from the start of the incident.

    Attributes
    ----------
    requests, failed
        Number of requests, and of those that failed.
    slow
        Durations (milliseconds) of the requests that took at least `HIT_SLOWER` times the usual p95.
    first_failed, first_slow
        When the first failed or slow request ended.
    """

    requests: int
    failed: int
    slow: NDArray[np.float64]
    first_failed: float
    first_slow: float

    @classmethod
    def of(cls, requests: pl.DataFrame, p95: float | None) -> _Stretch:
        """Make a stretch of requests, given as spans with `failed` and `end`; `p95` is the usual one, if known."""
        failed, took, end = (requests[name].to_numpy() for name in ("failed", "duration_ms", "end"))
        slow = took >= (inf if p95 is None else HIT_SLOWER * p95)
        return cls(len(took), int(np.count_nonzero(failed)), took[slow], _first(end[failed]), _first(end[slow]))

    def __add__(self, other: _Stretch) -> _Stretch:
        """Merge two stretches."""
        return _Stretch(
            self.requests + other.requests,
            self.failed + other.failed,
            np.concatenate([self.slow, other.slow]),
            min(self.first_failed, other.first_failed),
            min(self.first_slow, other.first_slow),
        )

    @property
    def p95(self) -> float | None:
        """The p95 of their durations in milliseconds; None if it isn't among the slow ones."""
        above = self.requests - 1 - int(0.95 * (self.requests - 1) + 0.5)
        return float(np.sort(self.slow)[-1 - above]) if len(self.slow) > above >= 0 else None


_NOTHING = _Stretch(0, 0, np.zeros(0), inf, inf)


def _first(ends: NDArray[np.float64]) -> float:
    """Return when the first of some requests ended.

    By ends, not by starts: a caller starts before the callee that it waits for.
    """
    return float(ends.min(initial=inf))


@dataclass
class _Service:
    """What is kept of a service.

    Attributes
    ----------
    usual
        Its requests before the incident.
    blocks
        The time since its first request in the incident, cut into blocks that follow the binary representation of the
        number of slices: each with its length in slices, a power of two, the longest and earliest first.
    """

    usual: Tally = field(default_factory=Tally)
    blocks: list[tuple[int, _Stretch]] = field(default_factory=list)

    def stretches(self, latest: _Stretch) -> Iterator[_Stretch]:
        """Yield the stretches that end with the latest slice, the shortest first, then take that slice in."""
        stretch = latest
        yield stretch
        for _, block in reversed(self.blocks):
            stretch = block + stretch
            yield stretch
        length = 1
        while self.blocks and self.blocks[-1][0] == length:
            latest = self.blocks.pop()[1] + latest
            length *= 2
        self.blocks.append((length, latest))


class Hits:
    """Finds the services that are hit.

    Parameters
    ----------
    slices
        Number of slices in which a service may be hit.

    Attributes
    ----------
    found
        The hits found so far, in order of onset.
    """

    def __init__(self, slices: int) -> None:
        self.found: list[Hit] = []
        self._slices = slices
        self._services: dict[str, _Service] = {}

    def learn(self, requests: pl.DataFrame) -> None:
        """Learn what is usual from requests before the incident, given as server spans with `failed`."""
        for service, own in _by_service(requests).items():
            usual = self._services.setdefault(service, _Service()).usual
            usual.count(own["duration_ms"].to_numpy(), own["failed"].to_numpy())

    def look(self, requests: pl.DataFrame) -> None:
        """Look at the next slice.

        A service without requests before the incident can be hit by errors, since one failure in a hundred is then
        taken as usual (`sim.significance`), but not by latency: nothing says what is slow for it.

        Parameters
        ----------
        requests
            Server spans of the slice, with `failed` (an error of the service itself) and `end` in seconds from the
            start of the incident.
        """
        slices = _by_service(requests)
        for name in slices:
            self._services.setdefault(name, _Service())
        known = {hit.service for hit in self.found}
        for name, service in self._services.items():
            if name in known or not (service.blocks or name in slices):
                continue
            p95 = service.usual.latency(0.95)
            latest = _Stretch.of(slices[name], p95) if name in slices else _NOTHING
            signs = [sign for each in service.stretches(latest) for sign in self._signs(name, service.usual, p95, each)]
            if signs:
                _, hit = min(signs, key=lambda sign: sign[0])
                self.found.append(hit)
                service.blocks.clear()
        self.found.sort(key=lambda hit: (hit.onset, hit.service))

    def _signs(self, name: str, usual: Tally, p95: float | None, stretch: _Stretch) -> Iterator[tuple[float, Hit]]:
        """Yield the signs that a service was hit in a stretch, each with the probability that it is chance."""
        failed, requests = stretch.failed, stretch.requests
        if failed and failed >= HIT_ERRORS * requests:
            chance = p_value(failed, requests, usual.errors, usual.requests)
            if chance <= self._doubt:
                yield chance, Hit(name, stretch.first_failed, f"{failed / requests:.0%} errors")
        now = stretch.p95
        if p95 is not None and now is not None:
            chance = p_value(len(stretch.slow), requests, usual.slower(HIT_SLOWER * p95), usual.requests)
            if chance <= self._doubt:
                yield chance, Hit(name, stretch.first_slow, f"p95 {now / p95:.1f}x")

    @property
    def _doubt(self) -> float:
        """The significance level of a single test.

        Every service is tested often, and one false alarm per run would be too many, so each test gets an equal part of
        `_DOUBT` (Bonferroni). On average, at most half of the binary digits of the numbers of slices are ones.
        """
        stretches = self._slices * (1 + log2(max(1, self._slices)) / 2)
        return _DOUBT / (_SIGNS * stretches * len(self._services))


def _by_service(requests: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Group requests by service."""
    parts = requests.partition_by("service", maintain_order=True)
    return {own["service"][0]: own for own in parts if len(own)}

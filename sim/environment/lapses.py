"""Calls that lapse without a fault: they fail (`topology.environment.errors`) or stall (`slow_mode`).

One draw of each call decides both: at its lower end the call fails, at its upper end it stalls, and how far the draw
lies beyond that bound tells for how long. Whole pages of draws are processed at a time, so a call costs nothing.
"""

from __future__ import annotations

import numpy as np

from meshquake.sim.engine.tape import LAPSE, WORK
from meshquake.sim.environment.calendar import Calendar
from meshquake.sim.environment.fluctuating import Fluctuating
from meshquake.topology.distributions import Floats
from meshquake.topology.environment import Environment
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.environment.slow_mode import WORST, SlowMode
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.spec import Service


class _Varying:
    """The rate of lapses at a service over time, as a multiple of the average."""

    def __init__(self, seed: int, name: str, varies: Fluctuation | None) -> None:
        self._amount = None if varies is None else Fluctuating(seed, name, (varies,))

    def amounts(self, count: int, times: Floats | None) -> Floats:
        """Return the multiple for each of `count` requests that come at `times`, at most `WORST`; 1 if constant."""
        if self._amount is None or times is None:
            return np.ones(count)
        return np.minimum(WORST, self._amount.amounts(times))


class Failures:
    """How often calls fail at a service; one amount fluctuates for all its calls."""

    def __init__(self, seed: int, service: Service, errors: BaseErrors) -> None:
        self._kind = service.kind
        self._errors = errors
        self._varying = _Varying(seed, f"errors {service.name}", errors.varies)

    def shares(self, entry: bool) -> dict[str, float]:
        """Return the average share of calls that each error takes; at an `entry`, the callers are users."""
        return self._errors.of(self._kind, entry)

    def among(self, draws: Floats, times: Floats | None) -> Floats:
        """Divide draws by the amounts at their requests' times: the larger the amount, the more of them fail."""
        return draws / self._varying.amounts(len(draws), times)


class Stalls:
    """How often calls stall at a service, and for how long; one amount for both fluctuates for all its calls."""

    def __init__(self, seed: int, service: Service, mode: SlowMode) -> None:
        self._share = mode.share
        self._times = mode.stall(service.kind)
        self._varying = _Varying(seed, f"slow mode {service.name}", mode.varies)

    def fall_on(self, draws: Floats, times: Floats | None) -> None:
        """Lengthen the work of the requests that stall; `times` are when the requests come."""
        amounts = self._varying.amounts(len(draws), times)
        share = self._share * amounts
        beyond = draws[:, LAPSE] - (1.0 - share)
        stalled = np.flatnonzero(beyond >= 0.0)
        if len(stalled):
            draws[stalled, WORK] += amounts[stalled] * self._times.quantile(beyond[stalled] / share[stalled])


class Lapses:
    """The lapses of the calls at one call site.

    Parameters
    ----------
    failures, stalls
        Those of the service, if it has any.
    entry
        Whether the callers are users.
    calendar
        When their requests come.
    """

    def __init__(self, failures: Failures | None, stalls: Stalls | None, entry: bool, calendar: Calendar) -> None:
        shares = {} if failures is None else failures.shares(entry)
        self._bounds = np.cumsum(list(shares.values()))
        self._codes = np.array([*(CODES[error] for error in shares), SUCCESS], dtype=np.float64)
        self._failures = failures
        self._stalls = stalls
        self._calendar = calendar

    def fall_on(self, draws: Floats, first: int) -> None:
        """Replace the lapse draws of requests from number `first` on by their outcomes: an error's code, or 0."""
        times = self._calendar.times(first, len(draws))
        if self._stalls is not None:
            self._stalls.fall_on(draws, times)
        lapses = draws[:, LAPSE] if self._failures is None else self._failures.among(draws[:, LAPSE], times)
        draws[:, LAPSE] = self._codes[np.searchsorted(self._bounds, lapses, side="right")]


class Wear:
    """The lapses of a whole mesh, site by site."""

    def __init__(self, seed: int, environment: Environment, services: tuple[Service, ...]) -> None:
        named = {service.name: service for service in services}
        self._failures = {name: Failures(seed, named[name], errors) for name, errors in environment.errors}
        self._stalls = {name: Stalls(seed, named[name], mode) for name, mode in environment.slow_mode}

    def of(self, service: str, entry: bool, calendar: Calendar) -> Lapses | None:
        """Return the lapses at a site of a service, None if it has none; at an `entry`, the callers are users."""
        failures, stalls = self._failures.get(service), self._stalls.get(service)
        if failures is None and stalls is None:
            return None
        return Lapses(failures, stalls, entry, calendar)

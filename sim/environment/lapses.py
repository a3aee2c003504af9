"""What becomes of some calls by themselves: they fail (`topology.environment.errors`), or stall (`slow_mode`).

Both are decided by one draw that each call has for it: at its lower end it fails, at its upper end it stalls, and how
far it lies beyond that bound tells how long. Whole pages of draws are worked on at a time, so a call costs nothing.
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
    """How many times as many calls as on average meet something at a service, over time."""

    def __init__(self, seed: int, name: str, varies: Fluctuation | None) -> None:
        self._amount = None if varies is None else Fluctuating(seed, name, (varies,))

    def amounts(self, count: int, times: Floats | None) -> Floats:
        """Those of so many requests that come at some times, at most `WORST`; 1 if it is always the same."""
        if self._amount is None or times is None:
            return np.ones(count)
        return np.minimum(WORST, self._amount.amounts(times))


class Failures:
    """How often calls fail at a service: it goes up and down by one amount for all its calls."""

    def __init__(self, seed: int, service: Service, errors: BaseErrors) -> None:
        self._kind = service.kind
        self._errors = errors
        self._varying = _Varying(seed, f"errors {service.name}", errors.varies)

    def shares(self, entry: bool) -> dict[str, float]:
        """The share of the calls that each error takes on average; at an `entry`, it's users who call."""
        return self._errors.of(self._kind, entry)

    def among(self, draws: Floats, times: Floats | None) -> Floats:
        """Where draws lie among the shares, of requests that come at some times: with larger ones, further down."""
        return draws / self._varying.amounts(len(draws), times)


class Stalls:
    """How often calls stall at a service, and for how long: both go up and down by one amount for all its calls."""

    def __init__(self, seed: int, service: Service, mode: SlowMode) -> None:
        self._share = mode.share
        self._times = mode.stall(service.kind)
        self._varying = _Varying(seed, f"slow mode {service.name}", mode.varies)

    def fall_on(self, draws: Floats, times: Floats | None) -> None:
        """Lengthen the work of those that stall, of requests that come at some times."""
        amounts = self._varying.amounts(len(draws), times)
        share = self._share * amounts
        beyond = draws[:, LAPSE] - (1.0 - share)
        stalled = np.flatnonzero(beyond >= 0.0)
        if len(stalled):
            draws[stalled, WORK] += amounts[stalled] * self._times.quantile(beyond[stalled] / share[stalled])


class Lapses:
    """What becomes of the calls at one call site by themselves.

    Parameters
    ----------
    failures, stalls
        Their service's, if it has any.
    entry
        Whether it's users who call.
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
        """Make the draws for lapses of requests from number `first` on what comes of them: an error's code, or 0."""
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
        """Of the calls at a site of a service; None if there are none. At an `entry` it's users who call."""
        failures, stalls = self._failures.get(service), self._stalls.get(service)
        if failures is None and stalls is None:
            return None
        return Lapses(failures, stalls, entry, calendar)

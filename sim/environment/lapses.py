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
from meshquake.topology.environment.slow_mode import WORST, SlowMode
from meshquake.topology.errors import CODES, SUCCESS
from meshquake.topology.spec import Service


class Stalls:
    """How often calls stall at a service, and for how long: both go up and down by one amount for all its calls."""

    def __init__(self, seed: int, service: Service, mode: SlowMode) -> None:
        self._share = mode.share
        self._times = mode.stall(service.kind)
        self._varies = None
        if mode.varies is not None:
            self._varies = Fluctuating(seed, f"slow mode {service.name}", (mode.varies,))

    def fall_on(self, draws: Floats, times: Floats | None) -> None:
        """Lengthen the work of those that stall, of requests that come at some times."""
        varies = self._varies
        amounts = np.ones(len(draws)) if varies is None or times is None else varies.amounts(times)
        amounts = np.minimum(WORST, amounts)
        share = self._share * amounts
        beyond = draws[:, LAPSE] - (1.0 - share)
        stalled = beyond >= 0.0
        draws[stalled, WORK] += amounts[stalled] * self._times.quantile(beyond[stalled] / share[stalled])


class Lapses:
    """What becomes of the calls at one call site by themselves.

    Parameters
    ----------
    failures
        The share of the calls that each error takes.
    stalls
        Their service's, if it has any.
    calendar
        When their requests come.
    """

    def __init__(self, failures: dict[str, float], stalls: Stalls | None, calendar: Calendar) -> None:
        self._bounds = np.cumsum(list(failures.values()))
        self._codes = np.array([*(CODES[error] for error in failures), SUCCESS], dtype=np.float64)
        self._stalls = stalls
        self._calendar = calendar

    def fall_on(self, draws: Floats, first: int) -> None:
        """Make the draws for lapses of requests from number `first` on what comes of them: an error's code, or 0."""
        if self._stalls is not None:
            self._stalls.fall_on(draws, self._calendar.times(first, len(draws)))
        draws[:, LAPSE] = self._codes[np.searchsorted(self._bounds, draws[:, LAPSE], side="right")]


class Wear:
    """The lapses of a whole mesh, site by site."""

    def __init__(self, seed: int, environment: Environment, services: tuple[Service, ...]) -> None:
        self._services = {service.name: service for service in services}
        self._errors = dict(environment.errors)
        modes = dict(environment.slow_mode)
        self._stalls = {name: Stalls(seed, self._services[name], mode) for name, mode in modes.items()}

    def of(self, service: str, entry: bool, calendar: Calendar) -> Lapses | None:
        """Of the calls at a site of a service; None if there are none. At an `entry` it's users who call."""
        errors, stalls = self._errors.get(service), self._stalls.get(service)
        if errors is None and stalls is None:
            return None
        failures = {} if errors is None else errors.of(self._services[service].kind, entry)
        return Lapses(failures, stalls, calendar)

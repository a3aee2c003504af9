"""Estimate how long a run will take, before it starts: valid input may ask for more than anyone will wait for."""

from __future__ import annotations

from meshquake.faults.scenario import Scenario
from meshquake.topology.estimates import expected_visits
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration, rate

#: Roughly what a core does per second: calls, probes, and samples of one replica or edge (all of its metrics).
_CALLS, _PROBES, _LOOKS = 100_000, 200_000, 50_000
#: Runs longer than this (seconds of real time) get a warning.
_LONG = 3600.0


def forecast(topology: Topology, scenario: Scenario, interval: float) -> str:
    """Return a warning that a run will take very long, and why; an empty text if it won't.

    Parameters
    ----------
    topology, scenario
        The mesh, at the rate of the run, and the scenario played on it.
    interval
        Time between samples of metrics in seconds.
    """
    length = scenario.length
    # Requests to a healthy mesh, in seconds of its usual rate: those of the recording, plus those that crowds add.
    usual = length + sum(
        fault.crowd * (window.end - window.start)
        for fault in (*scenario.faults, *scenario.background)
        for window in (scenario.window(fault),)
    )
    calls = topology.workload.rate * usual * sum(expected_visits(topology).values())
    probes = sum(service.replicas * length / service.readiness.period for service in topology.services)
    looks = length / interval * (sum(service.replicas for service in topology.services) + len(topology.edges))
    takes = {
        f"{_count(calls)} calls at {rate(topology.workload.rate, digits=2)}": calls / _CALLS,
        f"{_count(probes)} readiness probes": probes / _PROBES,
        f"metrics of {_count(looks)} replicas and edges, one by one, every {duration(interval)}": looks / _LOOKS,
    }
    total = sum(takes.values())
    if total < _LONG:
        return ""
    most = max(takes, key=takes.__getitem__)
    return f"this may take {_time(total)} of real time or more for a recording of {duration(length)}: {most}"


def _count(number: float) -> str:
    for scale, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= scale:
            return f"{number / scale:,.3g} {word}"
    return f"{number:,.0f}"


def _time(seconds: float) -> str:
    for scale, word in ((365 * 86400.0, "year"), (86400.0, "day"), (3600.0, "hour")):
        if seconds >= scale:
            count = round(seconds / scale)
            return f"{count:,} {word}{'' if count == 1 else 's'}"
    return duration(seconds, digits=2)

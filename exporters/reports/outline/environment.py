"""Ambient behaviour of a mesh: fluctuating users, background load, base errors and stalls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import wrap
from typing import Any

from meshquake.exporters.blocks import Block, Facts
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation, high
from meshquake.topology.environment.load import AmbientLoad
from meshquake.topology.environment.slow_mode import SlowMode
from meshquake.topology.spec import Service, Topology
from meshquake.topology.units import duration, number, ratio

_WIDTH = 90


def environment(topology: Topology) -> list[Block]:
    """Describe each ambient behaviour on a line; empty for a mesh without any."""
    rows = list(_rows(topology))
    return ["At all times, with or without faults:", Facts(rows, indent=2)] if rows else []


def _rows(topology: Topology) -> Iterator[tuple[str, str]]:
    users = topology.environment.users
    if users:
        most = number(high(users), digits=2)
        yield "users", f"vary by {_scales(users)}: up to {most} times as many as usual"
    yield from _of_services(topology, "work", topology.environment.load, _load)
    yield from _of_services(topology, "fail", topology.environment.errors, _errors)
    yield from _of_services(topology, "stall", topology.environment.slow_mode, _slow_mode)


def _of_services(
    topology: Topology, name: str, told: tuple[tuple[str, Any], ...], show: Callable[[Any, Service], str]
) -> Iterator[tuple[str, str]]:
    """Yield the descriptions of one behaviour, each with all services that share it."""
    alike: dict[str, list[str]] = {}
    for service, concern in told:
        alike.setdefault(show(concern, topology.service(service)), []).append(service)
    for place, (text, names) in enumerate(alike.items()):
        whom = "all services" if len(names) == len(topology.services) > 1 else ", ".join(names)
        first, *more = wrap(f"{text}: {whom}", _WIDTH, break_on_hyphens=False, subsequent_indent="  ")
        yield ("" if place else name), first
        yield from (("", line) for line in more)


def _load(load: AmbientLoad, service: Service) -> str:
    return f"on other things: {ratio(load.cores)} of the cores, {ratio(load.workers)} of the workers"


def _errors(errors: BaseErrors, service: Service) -> str:
    error = "" if errors.error is None else f" with {errors.error}"
    return f"{ratio(errors.share, digits=2)} of calls{error}{_varies(errors.varies)}"


def _slow_mode(mode: SlowMode, service: Service) -> str:
    longer = duration(mode.stall(service.kind).median)
    return f"{ratio(mode.share, digits=2)} of calls for {longer}{_varies(mode.varies)}"


def _varies(fluctuation: Fluctuation | None) -> str:
    return "" if fluctuation is None else f", varying by {_scales((fluctuation,))}"


def _scales(parts: tuple[Fluctuation, ...]) -> str:
    return " and ".join(f"{ratio(each.cv, digits=2)} over {duration(each.over)}" for each in parts)

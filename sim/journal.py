"""What happens besides calls: events, and the log lines that are not derived from a call's row.

There are few of them, so each is made when it happens, with the values of that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it happened."""

    time: float
    type: str
    service: str
    message: str
    severity: str
    version: str | None
    replica: str | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: the name of its text in the catalogue, and the values that belong in it.

    `call` is (site, number, attempt_path) of the attempt it belongs to, or None outside any request.
    """

    time: float
    name: str
    service: str
    replica: str | None
    call: tuple[int, int, int] | None
    values: dict[str, Any]


class Journal:
    """Collects events and lines until telemetry takes them."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.events: list[Event] = []
        self.lines: list[Line] = []

    def event(
        self,
        type: str,
        service: Service,
        message: str,
        severity: str,
        *,
        replica: Replica | None = None,
        version: str | None = None,
        **details: Any,
    ) -> None:
        """Something happened to a service or one of its replicas."""
        if version is None:
            version = replica.version if replica is not None else service.replicas[0].version
        name = replica.name if replica is not None else None
        self.events.append(Event(self._env._now, type, service.spec.name, message, severity, version, name, details))

    def log(
        self, name: str, service: Service, *, replica: Replica | None = None, call: Call | None = None, **values: Any
    ) -> None:
        """A process writes a line."""
        where = None if call is None else (call.site.index, call.number, call.attempt_path)
        replica_name = replica.name if replica is not None else None
        self.lines.append(Line(self._env._now, name, service.spec.name, replica_name, where, values))

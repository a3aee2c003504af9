"""The tracks of a trace, as a tree: a service, its replicas, and below each what it handles, calls and measures."""

from __future__ import annotations

from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.perfetto.packets import Packets
from meshquake.topology.placement import NODES


class Tracks:
    """Makes tracks on first use.

    Parameters
    ----------
    packets
        Takes the descriptors of tracks.
    context
        The context, for its services, each of which is a process, and for units of metrics.
    """

    def __init__(self, packets: Packets, context: Context) -> None:
        self._packets = packets
        self._titles = {service.name: service.title for service in context.topology.services}
        self._units = {name: metric.unit for name, metric in context.metrics.items()}
        self._processes = {name: number for number, name in enumerate((*self._titles, NODES), start=1)}
        self._made = 0
        self._owners: dict[tuple[str, str | None], int] = {}
        self._others: dict[tuple[str, str | None, str, str | None], int] = {}

    def owner(self, service: str, replica: str | None) -> int:
        """Return the track of a service, or of one of its replicas, which is below it."""
        found = self._owners.get((service, replica))
        if found is None:
            above = None if replica is None else self.owner(service, None)
            found = self._owners[service, replica] = self.below(above, replica or "")
            if replica is None:
                self._described.process.pid = self._processes[service]
                self._described.process.process_name = self._titles.get(service, service)
        return found

    def below(self, above: int | None, name: str) -> int:
        """Make a track below another one. Perfetto merges the display of siblings with the same name."""
        self._made += 1
        self._described = self._packets.track()
        self._described.uuid = self._made
        if above is not None:
            self._described.parent_uuid = above
        if name:
            self._described.name = name
        return self._made

    def counter(self, service: str, replica: str | None, metric: str, target: str | None) -> int:
        """Return the track of a metric."""
        key = (service, replica, metric, target)
        if key not in self._others:
            name = metric if target is None else f"{metric} -> {target}"
            self._others[key] = self.below(self.owner(service, replica), name)
            self._described.counter.unit_name = self._units[metric]
        return self._others[key]

    def events(self, service: str, replica: str | None) -> int:
        """Return the track of the events of a service or a replica."""
        key = (service, replica, "", None)
        if key not in self._others:
            self._others[key] = self.below(self.owner(service, replica), "events")
        return self._others[key]

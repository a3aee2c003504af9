"""Startup and liveness probes that kill a process before it has started, and restart pauses that do not grow."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import duration


def impatient(mesh: Mesh) -> Iterator[Finding]:
    """Startup and liveness probes that kill a process before it has started."""
    for service in mesh.topology.services:
        if service.startup_probe is not None:
            patience = service.startup_probe.patience
            if service.startup > patience:
                yield (
                    f"services.{service.name}.startup_probe",
                    f"a restarted process takes {duration(service.startup)} to start, but is killed after "
                    f"{duration(patience)}: it never comes up",
                )
            continue  # liveness is not probed before that
        probe = service.liveness
        if probe is None:
            continue
        patience = probe.initial_delay + probe.period * (probe.failure_threshold - 1)
        if service.startup >= patience:
            yield (
                f"services.{service.name}.liveness",
                f"a restarted process takes {duration(service.startup)} to start, but may be killed after "
                f"{duration(patience)}: a longer initial_delay lets it come up",
            )


def steady(mesh: Mesh) -> Iterator[Finding]:
    """Pauses between restarts that do not grow."""
    for service in mesh.topology.services:
        backoff = service.restart_backoff
        if backoff is not None and backoff.base > backoff.maximum:
            yield (
                f"services.{service.name}.restart_backoff",
                f"its pauses do not grow: the base of {duration(backoff.base)} is above the maximum of "
                f"{duration(backoff.maximum)}",
            )

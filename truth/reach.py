"""How far faults reached: the services that they affected, and the edges along which they spread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from meshquake.truth.mechanism import OF_LOAD


def faults_of(truth: Mapping[str, Any], *, latent: bool) -> list[Mapping[str, Any]]:
    """The faults of a key that users felt, or those that users did not feel."""
    return [fault for fault in truth["faults"] if fault["latent"] == latent]


def affected(faults: Iterable[Mapping[str, Any]]) -> set[str]:
    """The services that faults reached, those at fault included."""
    return {each["service"] for fault in faults for each in fault["affected"]}


def edges(faults: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The edges along which the faults spread, from origin to the service reached.

    Steps in which callers add load do not count: they go from caller to callee, and make things worse there.
    """
    steps = [step for fault in faults for step in fault["mechanism"] if step["mechanism"] not in OF_LOAD]
    return {(step["from"], step["to"]) for step in steps if step["from"] != step["to"]}


def service_in(name: str, services: Collection[str]) -> str | None:
    """The service that a name begins with, as in `SERVICE.OPERATION`; None if there is none."""
    while name and name not in services:  # both may contain dots
        name = name.rpartition(".")[0]
    return name or None

"""How far faults reached: the services that they affected, and the edges along which they spread."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from meshquake.truth.mechanism import OF_LOAD


def faults_of(truth: Mapping[str, Any], *, latent: bool) -> list[Mapping[str, Any]]:
    """The faults of a key that users felt, or those that they did not."""
    return [fault for fault in truth["faults"] if fault["latent"] == latent]


def affected(faults: Iterable[Mapping[str, Any]]) -> set[str]:
    """The services that faults reached, those at fault included."""
    return {each["service"] for fault in faults for each in fault["affected"]}


def edges(faults: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """The edges along which the faults spread, from where they came to whom they reached.

    What callers do to the load is no step of that way: it goes from the caller to the callee, and makes it worse there.
    """
    steps = [step for fault in faults for step in fault["mechanism"] if step["mechanism"] not in OF_LOAD]
    return {(step["from"], step["to"]) for step in steps if step["from"] != step["to"]}


def service_in(name: str, services: Collection[str]) -> str | None:
    """The service that a name begins with, as that of an operation does, `SERVICE.OPERATION`; None if none does."""
    while name and name not in services:  # there may be dots in both
        name = name.rpartition(".")[0]
    return name or None

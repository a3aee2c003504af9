"""Settings for all services, for a kind, or for one service: in a file the most specific wins, key by key."""

from __future__ import annotations

from typing import Protocol, TypeVar


class Concern(Protocol):
    """A frozen type of settings for services, with keys made by `topology.keys.key` and a `shorthand`.

    Each key has a default, since a layer may set some and leave the others to the layers below.
    """

    @property
    def idle(self) -> bool:
        """Whether it has no effect, so that a service might as well not have it."""

    @property
    def problem(self) -> str:
        """What is wrong with the settings although each key is valid; empty if nothing is."""


T = TypeVar("T", bound=Concern)

#: The settings of services, by name, in file order.
ByService = tuple[tuple[str, T], ...]

"""What is said of all services at once, of a kind of them, or of one: in a file the nearer wins, key by key."""

from __future__ import annotations

from typing import Protocol, TypeVar


class Concern(Protocol):
    """A frozen type of what services have, of keys made by `topology.keys.key` and with a `shorthand`.

    Each key has a default, since a layer may set some and leave others to those below.
    """

    @property
    def idle(self) -> bool:
        """Whether it does nothing, so that a service might as well not have it."""

    @property
    def problem(self) -> str:
        """What is wrong with it though its keys are right; empty if nothing is."""


T = TypeVar("T", bound=Concern)

#: What services have, by their names, in the order of the file.
ByService = tuple[tuple[str, T], ...]

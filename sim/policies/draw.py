"""A policy's own draws: each belongs to a call and a purpose, so that no other draw changes with it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from meshquake.topology.addresses import address, uniform

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call


def draw(call: Call, purpose: str) -> float:
    """Return a uniform in [0, 1) that belongs to the call: the same in every run of a seed, whatever else happens.

    Each purpose has one number per call. Name it after the policy, as in `retry-cap.jitter`.
    """
    return uniform(call.site.address ^ _of(purpose), call.number, call.attempt_path)


@cache
def _of(purpose: str) -> int:
    return address(0, "policy", purpose) % 2**64

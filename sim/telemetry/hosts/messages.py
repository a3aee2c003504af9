"""Sizes of messages: a function of the call alone, heavy-tailed, with a median that depends on the operation.

Sizes on the web are lognormal in the body with an even heavier tail (Barford and Crovella, "Generating representative
web workloads", 1998); a lognormal with a sigma of .9 has a p99 of eight times the median. The engine knows nothing of
sizes: large calls take no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.telemetry.ids import Words, mix, request_words
from meshquake.topology.addresses import address, uniform
from meshquake.topology.special_functions import ndtri

if TYPE_CHECKING:
    from meshquake.sim.engine.call_site import CallSite
    from meshquake.topology.spec import Operation, Service

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Median bytes of requests and answers, headers included, by kind of service.
_USUAL = {
    "gateway": (700.0, 6000.0),
    "service": (400.0, 1500.0),
    "external": (800.0, 1000.0),
    "cache": (60.0, 600.0),
    "database": (250.0, 900.0),
}
#: Bytes of an answer that reports an error.
ERROR = 200.0
#: Median answers of operations of one kind of service differ by up to this factor either way.
_BREADTH = 4.0
#: Factors between messages and the median: quantiles of a lognormal, equally likely.
_SIGMA, _SHARES = 0.9, 4096
_FACTORS: Floats = np.exp(_SIGMA * ndtri((np.arange(_SHARES) + 0.5) / _SHARES))


@dataclass(frozen=True)
class Medians:
    """Median sizes of messages in bytes, by call site."""

    request: Floats
    answer: Floats

    @classmethod
    def of(cls, sites: list[CallSite]) -> Medians:
        """Return the medians of the operations that are called at some sites."""
        found: dict[tuple[int, int], tuple[float, float]] = {}
        for site in sites:
            key = site.service.index, site.operation
            if key not in found:
                spec = site.service.spec
                found[key] = median(spec, spec.operations[site.operation])
        both = np.array([found[site.service.index, site.operation] for site in sites], dtype=np.float64)
        return cls(both[:, 0].copy(), both[:, 1].copy())


def median(service: Service, operation: Operation) -> tuple[float, float]:
    """Return the median sizes of an operation's requests and answers, in bytes."""
    request, answer = _USUAL[service.kind]
    lot = uniform(address(0, "size", service.name, operation.name), 0)
    answer *= _BREADTH ** (2 * lot - 1)
    size = operation.size
    if size is None:
        return request, answer
    return size.request or request, size.answer or answer


def sizes(calls: Words, request: Floats, answer: Floats) -> tuple[Floats, Floats]:
    """Return the bytes of each call's request and answer, given its word and the medians."""
    first = (calls >> np.uint64(52)).astype(np.int64)
    second = ((calls >> np.uint64(40)) & np.uint64(_SHARES - 1)).astype(np.int64)
    return np.rint(request * _FACTORS[first]), np.rint(answer * _FACTORS[second])


def words(entries: Words, sites: Words, numbers: Ints) -> Words:
    """Return a word for each call, the same for all attempts, given keys of its entry and site, and request numbers."""
    return mix(request_words(entries, numbers) ^ sites)

"""Runs with their twins: a short incident of each kind of fault, and plays small enough to check by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import polars as pl
from stage import Stage, take_rows

from meshquake.faults.loader import Options, parse
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.answer_key import Clock, ground_truth, since
from meshquake.truth.brief import brief
from meshquake.truth.calls import Tree
from meshquake.truth.floors import Loudness
from meshquake.truth.twins import Twins

#: The name that each fault would get.
FIXTURE = "0123456789ab"
#: A fault of each kind, placed where it has an effect.
FAULTS = {
    "configure": "configure: {target: auth-service}",
    "drop": "drop: {target: order-service -> database}",
    "delay": "delay: {target: order-service -> database, by: 600ms}",
    "deploy": "deploy: {target: product-service, share: 100%, unhealthy: 90%, patience: 5s}",
    "fail": "fail: {target: database, share: 70%, error: database_error}",
    "flip": "flip: {target: order-service -> database, set: {timeout: 2ms}}",
    "flush": "flush: {target: cache-service}",
    "handshake": "handshake: {target: user-service -> database}",
    "hang": "hang: {target: inventory-service, share: 30%}",
    "hog_cpu": "hog_cpu: {target: product-service, share: 97%}",
    "job": "job: {target: user-service, share: 20%}",
    "leak": "leak: {target: user-service, rate: 60MiB}",
    "miss": "miss: {target: cache-service, share: 100%}",
    "pause": "pause: {target: database, length: 2500ms, every: 3s}",
    "probe": "probe: {target: auth-service, share: 100%}",
    "refuse": "refuse: {target: database}",
    "reset": "reset: {target: order-service -> database, every: 100ms}",
    "restart": 'restart: {target: "product-service[1]"}',
    "scale": "scale: {target: product-service, to: 1}",
    "shrink_pool": "shrink_pool: {target: order-service -> database, to: 0%}",
    "slow": "slow: {target: database, factor: 80}",
    "stop": "stop: {target: auth-service}",
    "surge": "surge: {target: api-gateway.checkout, factor: 30, for: 6s}",
    "throttle": "throttle: {target: product-service, to: 1%}",
}
#: Faults that harm somebody here; the others are harmless or leave enough headroom.
_UNFELT = ("configure", "flush", "handshake", "job", "miss", "reset", "restart", "scale", "shrink_pool")
HARMFUL = [kind for kind in FAULTS if kind not in _UNFELT]
BEGIN = 8.0
OPTIONS = Options(lead_in=BEGIN, duration=16.0, recovery=8.0, rate=30.0)


@dataclass(frozen=True, eq=False)
class Compared:
    """A run compared with its twins: its records by kind, its verdict records, and the key."""

    twins: Twins
    frames: dict[str, pl.DataFrame]
    verdicts: pl.DataFrame
    key: dict[str, Any]
    brief: str

    @property
    def changed(self) -> pl.DataFrame:
        """Return the verdicts on requests that are good in one run and bad in the other."""
        return self.verdicts.filter(pl.col("effect").is_not_null())

    @property
    def spans(self) -> dict[str, dict[str, Any]]:
        """The spans by id."""
        return _spans(self)

    def without(self, *faults: str) -> dict[str, pl.DataFrame]:
        """Return the records of the same run without some faults."""
        return frames(self.twins.simulation.without(faults).batches())


@lru_cache(maxsize=2)  # the largest objects that a run keeps
def _spans(run):
    return {span["span_id"]: span for span in run.frames["traces"].iter_rows(named=True)}


def frames(batches):
    """Return the records of some batches, by kind."""
    batches = list(batches)
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}


def compare(simulation):
    """Play a simulation with its twins."""
    verdicts: list[pl.DataFrame] = []
    twins = Twins(simulation, verdicts.append)
    records = frames(twins.batches())
    clock = Clock(simulation.start)
    loudest = {finding.fault.id: loudness(records["traces"], clock(since(finding))) for finding in twins.findings}
    return Compared(twins, records, pl.concat(verdicts), ground_truth(twins, loudest, FIXTURE), brief(twins, FIXTURE))


def loudness(spans, since):
    """Return how loud each service's symptoms are."""
    found = Loudness(since)
    found.take(spans)
    return found.ranked()


def simulation(*faults, mesh=None, options=OPTIONS, seed=7, **settings):
    """Return a run with some faults, given as in a scenario file, on the ten services or a mesh given as a text."""
    text = f"name: incident\nfaults: [{', '.join(f'{{{fault}}}' for fault in faults)}]\n"
    found = None if mesh is None else topology_loader.parse(mesh, "mesh.yaml")
    loaded = parse(text, "incident.yaml", replace(options, seed=seed), mesh=found)
    return Simulation.of(loaded, **settings)


@lru_cache(maxsize=len(FAULTS))
def incident(kind):
    """Return a short incident with one fault of a kind."""
    return compare(simulation(FAULTS[kind]))


class Play:
    """One request (or several) in a small mesh with one entry, with a fault and without it.

    Parameters
    ----------
    text
        The mesh.
    requests
        When requests arrive, in milliseconds; the last one is examined.
    fault
        Acts throughout.
    """

    def __init__(self, text, fault, *requests):
        self.mesh, self.fact = self._run(text, requests, fault)
        self.sites = self.mesh.sites
        _, self.other = self._run(text, requests, None)

    def _run(self, text, requests, fault):
        stage = Stage(text)
        stage.request(*requests)
        if fault is not None:
            stage.fault(fault, 0, 600_000)
        stage.mesh.env.advance(900)
        assert not stage.mesh.engine.live
        rows = [row for row in take_rows(stage.mesh).tolist() if row[5] == len(requests) - 1]
        return stage.mesh, Tree(stage.mesh.sites, rows)

    def span(self, half):
        """Describe a span in words: its process, and the call."""
        site = self.sites[half.site]
        callee = site.service.spec.name
        return callee if half.server else f"{site.parent.service.spec.name}>{callee}"

"""Runs of the shipped scenarios as frames, for tests of the recorded telemetry."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import polars as pl

from meshquake.faults import loader as scenario_loader
from meshquake.faults.scenario import Scenario
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import DEFAULT_START, Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.environment import Environment
from meshquake.topology.spec import Topology

#: Parts that can be removed from the ten services, as edits of their text.
POLICIES = {
    "breakers": r"(?<=breaker: )\{[^{}]*\}",
    "retries": r"(?<=retry: )\{(?:[^{}]|\{[^{}]*\})*\}",
}


@dataclass(frozen=True, eq=False)
class Run:
    """The records of one run.

    Besides its own columns each frame has `at`, whole microseconds since the recording began, and `t`, seconds since
    the incident began; traces also have `end`, the end of the span on the same scale as `at`.
    """

    scenario: Scenario
    topology: Topology
    metrics: pl.DataFrame
    logs: pl.DataFrame
    traces: pl.DataFrame
    events: pl.DataFrame

    def within(self, frame: pl.DataFrame, start: float, end: float) -> pl.DataFrame:
        """Return the records that begin in [start, end), in seconds since the incident began."""
        return frame.filter(pl.col("t").is_between(start, end, closed="left"))

    def incident(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the records from during the incident."""
        return self.within(frame, 0, self.scenario.duration)

    def before(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the records from before the incident."""
        return self.within(frame, -self.scenario.lead_in, 0)

    @property
    def roots(self) -> pl.DataFrame:
        """The root spans: requests of users."""
        return self.traces.filter(pl.col("parent_span_id").is_null())

    @property
    def halves(self) -> pl.DataFrame:
        """The client and server halves of calls, reparented as if there were no spans inside processes."""
        inside = self.traces.filter(kind="internal").select(parent_span_id="span_id", above="parent_span_id")
        halves = self.traces.filter(pl.col("kind") != "internal")
        for _ in range(2):  # twice, since a call to a store has two internal spans above it: its own and its handler's
            halves = halves.join(inside, on="parent_span_id", how="left", maintain_order="left")
            halves = halves.with_columns(parent_span_id=pl.coalesce("above", "parent_span_id")).drop("above")
        return halves

    def handled(self, service: str) -> pl.DataFrame:
        """Return the requests that a service handled."""
        return self.traces.filter(kind="server", service=service)

    def asked(self, service: str) -> pl.DataFrame:
        """Return the attempts that others made at a service."""
        return self.traces.filter(kind="client", peer=service)

    def metric(self, service: str, name: str) -> pl.DataFrame:
        """Return the service-wide samples of a metric. A sample at time t describes the interval that ended then."""
        return self.metrics.filter(pl.col("replica").is_null(), service=service, metric=name)

    def events_of(self, kind: str) -> pl.DataFrame:
        """Return the events of a type."""
        return self.events.filter(type=kind)


def record(scenario: Scenario, mesh: Topology, **options: object) -> Run:
    """Play a scenario on a mesh."""
    batches = list(Simulation(scenario, mesh, **options).batches())
    frames = {
        kind: pl.concat([batch.frame(kind) for batch in batches]).pipe(_timed, scenario.lead_in)
        for kind in RECORD_KINDS
    }
    length = (pl.col("duration_ms") * 1000).round().cast(pl.Int64)
    frames["traces"] = frames["traces"].with_columns(end=pl.col("at") + length)
    return Run(scenario, mesh, **frames)


def _timed(frame: pl.DataFrame, lead_in: float) -> pl.DataFrame:
    moment = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z", time_unit="us", time_zone="UTC")
    at = (moment - pl.lit(DEFAULT_START, dtype=pl.Datetime("us", "UTC"))).dt.total_microseconds()
    return frame.with_columns(at=at).with_columns(t=pl.col("at") / 1e6 - lead_in)


def play(name: str, seed: int = 42, *, severity: float = 1.0, without: str = "", even: bool = False) -> Run:
    """Play a shipped scenario on the ten services, or on a variant `without` breakers or retries.

    Without faults the same users ask for the same things while nothing goes wrong. On an `even` mesh users arrive
    evenly, no call fails or stalls by itself, and background load is constant.
    """
    return _play(name, seed, severity, without, even)


@lru_cache(maxsize=8)  # a run takes some 30 MB
def _play(name: str, seed: int, severity: float, without: str, even: bool) -> Run:
    loaded = scenario_loader.load(
        scenario_loader.shipped()[name], scenario_loader.Options(severity=severity, seed=seed)
    )
    scenario, mesh = loaded.scenario, loaded.topology
    if without == "faults":
        scenario = replace(scenario, faults=())
    elif without:
        text, changes = re.subn(POLICIES[without], "none", mesh.source)
        assert changes
        mesh = topology_loader.parse(text, f"{mesh.name} without {without}").topology
    if even:
        load = tuple((name, replace(each, cv=0.0)) for name, each in mesh.environment.load)
        mesh = replace(mesh, environment=Environment(load=load))
    return record(scenario, mesh)

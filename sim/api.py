"""The Python API: a function for each scenario, and one for all."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

from meshquake.faults.loader import Options, load, shipped
from meshquake.faults.scenario import DEFAULT_SEED
from meshquake.sim.records import RECORD_KINDS, Batch
from meshquake.sim.simulation import DEFAULT_INTERVAL, DEFAULT_START, Simulation
from meshquake.topology.problems import suggestion

Record = dict[str, Any]


class Records(NamedTuple):
    """The records of a run: plain dicts, like the lines of the files, each list in time order."""

    metrics: list[Record]
    logs: list[Record]
    traces: list[Record]
    events: list[Record]


class Settings(TypedDict, total=False):
    """The settings that every function takes, all optional.

    `duration`, `lead_in` and `recovery` are seconds; `rate` is requests per second; `confounders` is `none`, `some` or
    `many`: how many harmless things happen besides (default: as the scenario says); `observability` is how well the
    mesh is observed: `perfect`, `typical` or `poor` (likewise); with `calm`, the mesh does nothing by itself;
    `severity` in (0, 1] scales every fault; `topology` is a file or the name of a shipped mesh; `interval` is the
    seconds between samples of metrics (if it is longer than the recording there are none, and a `UserWarning`);
    `start` is the wall time of the first moment (UTC if it has no zone).
    """

    seed: int
    duration: float
    lead_in: float
    recovery: float
    rate: float
    severity: float
    confounders: str
    observability: str
    calm: bool
    topology: str | Path
    interval: float
    start: datetime


def simulate(scenario: str | Path, *, batch: int | None = None, **settings: Unpack[Settings]) -> Iterator[Batch]:
    """Play a scenario; yields its records in batches, in time order, in memory that does not grow with the run.

    Parameters
    ----------
    scenario
        The name of a shipped scenario (normal, degradation, outage, cascade, deployment, transient, high_volume,
        intermittent), or a scenario file.
    batch
        Approximate number of records in a batch: changes when records come, not what they are.
    settings
        See `Settings`.

    Yields
    ------
    Batch
        A polars frame for each kind of record; `batch.records(kind)` gives plain dicts.

    Raises
    ------
    topology.problems.DocumentError
        If the scenario or topology file is invalid; lists every problem.
    TypeError, ValueError
        For an unknown setting; for an unknown scenario, or a setting out of bounds.
    """
    return _played(prepare(scenario, batch=batch, **settings))


def _played(simulation: Simulation) -> Iterator[Batch]:
    """The batches of a run, and a warning at the end if something never ended."""
    yield from simulation.batches()
    if simulation.leftover:
        warnings.warn(simulation.leftover, stacklevel=2)


def prepare(scenario: str | Path, *, batch: int | None = None, **settings: Unpack[Settings]) -> Simulation:
    """A run, ready to be played. See `simulate` for the parameters and errors."""
    for name in settings:
        if name not in Settings.__annotations__:
            raise TypeError(f"there is no setting {name!r}{suggestion(name, list(Settings.__annotations__))}")
    start = settings.get("start", DEFAULT_START)
    options = Options(
        duration=settings.get("duration"),
        lead_in=settings.get("lead_in"),
        recovery=settings.get("recovery"),
        rate=settings.get("rate"),
        severity=settings.get("severity", 1.0),
        topology=settings.get("topology"),
        confounders=settings.get("confounders"),
        observability=settings.get("observability"),
        calm=settings.get("calm", False),
        seed=settings.get("seed", DEFAULT_SEED),
    )
    loaded = load(_file(scenario), options)
    more = {} if batch is None else {"batch": batch}
    simulation = Simulation.of(
        loaded,
        start=start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC),
        interval=settings.get("interval", DEFAULT_INTERVAL),
        **more,
    )
    for warning in simulation.warnings:
        warnings.warn(warning, stacklevel=3)
    return simulation


def normal(**settings: Unpack[Settings]) -> Records:
    """Nothing goes wrong. See `simulate` for the settings and errors."""
    return _collect("normal", settings)


def degradation(**settings: Unpack[Settings]) -> Records:
    """A dependency gets slower and slower. See `simulate` for the settings and errors."""
    return _collect("degradation", settings)


def outage(**settings: Unpack[Settings]) -> Records:
    """The database fails. See `simulate` for the settings and errors."""
    return _collect("outage", settings)


def cascade(**settings: Unpack[Settings]) -> Records:
    """A slow database takes half the mesh down with it. See `simulate` for the settings and errors."""
    return _collect("cascade", settings)


def deployment(**settings: Unpack[Settings]) -> Records:
    """A bad version rolls out and is rolled back. See `simulate` for the settings and errors."""
    return _collect("deployment", settings)


def noise(noise_type: str, **settings: Unpack[Settings]) -> Records:
    """Noise that resembles an incident but harms no user: transient, high-volume or intermittent. See `simulate`."""
    if noise_type not in NOISES:
        raise ValueError(f"unknown noise {noise_type!r}{suggestion(noise_type, list(NOISES))}")
    return _collect(NOISES[noise_type], settings)


#: The scenario of each kind of noise.
NOISES = {"transient": "transient", "high-volume": "high_volume", "intermittent": "intermittent"}


def _collect(scenario: str, settings: Settings) -> Records:
    records = Records([], [], [], [])
    for batch in simulate(scenario, **settings):
        for kind, collected in zip(RECORD_KINDS, records, strict=True):
            collected += batch.records(kind)
    return records


def _file(scenario: str | Path) -> Path:
    known = shipped()
    if str(scenario) in known:
        return known[str(scenario)]
    path = Path(scenario)
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        raise ValueError(f"unknown scenario {str(scenario)!r}{suggestion(str(scenario), list(known))}")
    return path

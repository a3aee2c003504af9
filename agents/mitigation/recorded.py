"""The telemetry that a live mesh has recorded so far, in the form that the reading tools use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

import polars as pl

from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.telemetry import View, timed
from meshquake.exporters.fixtures import manifest, recording
from meshquake.exporters.formats.ndjson import Written
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation

#: The name of every recording.
NAME = "incident"
Frames = Mapping[str, pl.DataFrame]


class Later(Mapping[str, pl.DataFrame]):
    """Frames by kind of record, made when the first of them is read."""

    def __init__(self, make: Callable[[], Frames]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Frames:
        return self._make()

    def __getitem__(self, kind: str) -> pl.DataFrame:
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(RECORD_KINDS)

    def __len__(self) -> int:
        return len(RECORD_KINDS)


class Recorded:
    """The records of a live incident.

    The scenario so far is played to its end, as if nothing more were done, and records after the current moment are
    left out. So agents see exactly what a fixture of it shows at that moment, including records lost or delayed by its
    observability. The run is repeated only after a further action.
    """

    def __init__(self, incident: LiveIncident) -> None:
        self._incident = incident
        self._text = ""
        self._whole = self._now = self._base(Later(dict))

    def told(self) -> dict[str, Any]:
        """Return the metadata of the mesh and its recording, as for a case whose truth is withheld."""
        run, nothing = self._incident.simulation, Written(0, 0, sha256(b"").hexdigest())
        content = manifest.manifest(run, {f"{kind}.ndjson": nothing for kind in RECORD_KINDS}, [])
        return recording.told(content, run.topology) | {"scenario": {"name": NAME}}

    def view(self, withheld: frozenset[str] = frozenset()) -> View:
        """Return what can be seen now; records are made on first use."""
        script, start = self._incident.script, self._whole.start
        now = start + timedelta(seconds=self._incident.now)
        if script.text != self._text:
            self._text, loaded = script.text, script.loaded
            self._whole = replace(self._whole, frames=Later(lambda: _records(Simulation.of(loaded, start=start))))
        elif now == self._now.now and withheld == self._now.withheld:
            return self._now
        whole = self._whole
        self._now = replace(whole, now=now, frames=Later(lambda: whole.until(now).frames), withheld=withheld)
        return self._now

    def _base(self, frames: Frames) -> View:
        """Return the view at the end of the recording, with these records."""
        run, workload = self._incident.simulation, self._incident.simulation.topology.workload
        end = run.start + timedelta(seconds=self._incident.length)
        return View(
            services=recording.mesh(self.told()).services,
            start=run.start,
            now=end,
            end=end,
            interval=run.interval_us / 1e6,
            table=run.metrics.metrics,
            frames=frames,
            objective=workload.objective,
            entries=tuple(f"{entry.service}.{entry.operation}" for entry in workload.mix),
        )


def _records(run: Simulation) -> Frames:
    """Return all records of a run in the form of a `View`."""
    batches = list(run.batches())
    return {kind: timed(kind, pl.concat([each.frame(kind) for each in batches]), run.start) for kind in RECORD_KINDS}

"""The version that a replica ran when it wrote a line or was measured, followed through its restarts."""

from __future__ import annotations

import polars as pl

from meshquake.sim.records import Batch
from meshquake.sim.telemetry.timestamps import microseconds
from meshquake.topology.spec import Topology


class Versions:
    """Follows the versions of replicas through the batches of a run."""

    def __init__(self, topology: Topology) -> None:
        first: dict[str, str] = {}
        for service in topology.services:
            running = service.versions_at_first
            first |= {f"{service.name}-{index}": version for index, version in enumerate(running)}
        self._first = first
        self._changes = pl.DataFrame(schema={"at": pl.Int64, "replica": pl.String, "version": pl.String})

    def take(self, batch: Batch) -> None:
        """Take the restarts of a batch, before `add` is called for its records; batches must come in order."""
        latest = self._changes.group_by("replica", maintain_order=True).last().select("at", "replica", "version")
        restarts = batch.events.filter(type="restart").select(microseconds().alias("at"), "replica", "version")
        self._changes = pl.concat([latest, restarts]).sort("at", maintain_order=True)

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add a column `version` to records of the batch, which have `replica`, and `at` in microseconds.

        It is null for records of a service as a whole. The records must be in order of time.
        """
        known = frame.join_asof(self._changes, on="at", by="replica", check_sortedness=False)
        first = pl.col("replica").replace_strict(self._first, default=None, return_dtype=pl.String)
        return known.with_columns(version=pl.coalesce("version", first))

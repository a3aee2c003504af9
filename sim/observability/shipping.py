"""Exports of spans and log lines by replicas, each with a fate of its own.

A replica exports at regular intervals: spans from within its process, log lines through an agent beside it. An export
may be lost, as when a collector's queue is full. One of log lines may also come late, after retries, or twice, after a
lost acknowledgement (at-least-once delivery). What a killed process had not exported yet is gone.
"""

from __future__ import annotations

from math import ceil

import polars as pl

from meshquake.faults.observability import Observability
from meshquake.topology.addresses import address, uniform

#: Fates of records that are not recorded unchanged.
LOST, DIED, LATE, TWICE = "export lost", "process killed", "late", "duplicated"


class Shipping:
    """The exports of all replicas."""

    def __init__(self, seed: int, spec: Observability) -> None:
        self._seed = seed
        self._spec = spec
        self._every = round(max(spec.export_every, 1.0) * 1e6)
        #: When each replica was killed (microseconds), in order.
        self._killed: dict[str, list[int]] = {}
        self._keys: dict[tuple[str, str], tuple[int, int]] = {}

    def note_killed(self, replica: str, moment: int) -> None:
        """Note that a replica's process was killed at a moment (microseconds)."""
        self._killed.setdefault(replica, []).append(moment)

    def fates(self, kind: str, frame: pl.DataFrame, made: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the fate of each record (null if it is recorded unchanged), and how late it is (us).

        `made` has the moments at which they were made (us).
        """
        host = frame.select(pl.coalesce("replica", "service").alias("host")).to_series()
        cases = pl.DataFrame({"host": host, "made": made}).with_row_index()
        export = cases.with_columns(number=self._number(kind, cases))
        drawn = {
            (name, number): self._fate(kind, name, number)
            for name, number in export.select("host", "number").unique(maintain_order=True).iter_rows()
        }
        keys = pl.DataFrame(
            [(name, number, *fate) for (name, number), fate in drawn.items()],
            schema={"host": pl.String, "number": pl.Int64, "fate": pl.String, "late": pl.Int64},
            orient="row",
        )
        found = export.join(keys, on=["host", "number"], how="left", maintain_order="left")
        fate, late = found["fate"], found["late"]
        if kind == "traces" or self._spec.agents_die:
            died = self._died(kind, export)
            fate = fate.zip_with(~died, pl.Series([DIED] * len(fate), dtype=pl.String)) if died.any() else fate
        return fate, late

    def _number(self, kind: str, cases: pl.DataFrame) -> pl.Series:
        """Return the number of the export that each record leaves with. Replicas don't export in step."""
        phase = {name: self._of(kind, name)[1] for name in cases["host"].unique(maintain_order=True)}
        return (cases["made"] - cases["host"].replace_strict(phase, return_dtype=pl.Int64)) // self._every

    def _of(self, kind: str, host: str) -> tuple[int, int]:
        """Return the key of a replica's draws and the phase of its exports in microseconds."""
        if (kind, host) not in self._keys:
            key = address(self._seed, "export", kind, host) % 2**64
            self._keys[kind, host] = key, int(uniform(key, 0) * self._every)
        return self._keys[kind, host]

    def _fate(self, kind: str, host: str, number: int) -> tuple[str | None, int]:
        spec, key = self._spec, self._of(kind, host)[0]
        draw = uniform(key, 1, number)
        if draw < spec.lost:
            return LOST, 0
        if kind != "logs":
            return None, 0
        if draw < spec.lost + spec.duplicated:
            return TWICE, 0
        if draw < spec.lost + spec.duplicated + spec.late:
            return LATE, ceil(uniform(key, 2, number) * spec.late_by * 1e6)
        return None, 0

    def _died(self, kind: str, export: pl.DataFrame) -> pl.Series:
        """Return whether the process was killed between each record and its export."""
        died = [False] * len(export)
        if not self._spec.export_every:
            return pl.Series(died)
        for host, killed in self._killed.items():
            phase = self._of(kind, host)[1]
            for moment in killed:
                number = (moment - phase) // self._every
                hit = export.filter(
                    (pl.col("host") == host) & (pl.col("number") == number) & (pl.col("made") <= moment)
                )
                for row in hit["index"]:
                    died[row] = True
        return pl.Series(died, dtype=pl.Boolean)

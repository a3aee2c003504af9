"""Scrapes of metrics: each replica is scraped separately, scrapes may fail, and the number of series may be limited."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from meshquake.faults.observability import Observability
from meshquake.sim.observability.window import AT
from meshquake.topology.addresses import address, uniform

FAILED, DOWN, STARTING, OVER = "scrape failed", "replica down", "replica starting", "series over the limit"


@dataclass(slots=True)
class _Silence:
    """A time in which a replica's process doesn't listen, so that it cannot be scraped (microseconds).

    There was no process `since` then, one was `started`, and it `listens` from then on; None for what is to come.
    """

    since: int
    started: int | None = None
    listens: int | None = None


class Scraping:
    """The scrapes of all replicas.

    Parameters
    ----------
    seed, spec
        Seed of every draw, and how well the mesh is observed.
    of_pods
        Names of metrics about pods: the orchestrator is scraped for them, so they are there while a process is down.
    of_containers
        Names of metrics about containers: the kubelet is scraped for them, so they are there while a process starts.
    """

    def __init__(
        self, seed: int, spec: Observability, of_pods: Collection[str] = (), of_containers: Collection[str] = ()
    ) -> None:
        self._seed = seed
        self._spec = spec
        self._of_pods = list(of_pods)
        self._of_containers = list(of_containers)
        self._keys: dict[str, int] = {}
        #: When each replica was silent, in order.
        self._silent: dict[str, list[_Silence]] = {}
        self._series: set[tuple[str | None, ...]] = set()

    def note_down(self, replica: str, moment: int) -> None:
        """Note that a replica's process ended unexpectedly at a moment (microseconds)."""
        silent = self._silent.setdefault(replica, [])
        if not silent or silent[-1].started is not None:
            silent.append(_Silence(moment))

    def note_start(self, replica: str, moment: int, listens: int) -> None:
        """Note that a replica's process was started at a moment, and when it listens unless it ends before."""
        silent = self._silent.setdefault(replica, [])
        if not silent or silent[-1].started is not None:
            silent.append(_Silence(moment))  # it took the place of another at once, or is the replica's first
        silent[-1].started, silent[-1].listens = moment, listens

    def fates(self, frame: pl.DataFrame) -> pl.Series:
        """Return the fate of each sample; null if it is recorded."""
        scrapes = frame.select("replica", AT).unique(maintain_order=True).drop_nulls()
        drawn = [
            (replica, at, self._state(replica, at), self._failed(replica, at)) for replica, at in scrapes.iter_rows()
        ]
        schema = {"replica": pl.String, AT: pl.Int64, "state": pl.String, "failed": pl.String}
        keys = pl.DataFrame(drawn, schema=schema, orient="row")
        found = frame.join(keys, on=["replica", AT], how="left", maintain_order="left")
        told = pl.col("metric").is_in(self._of_pods) | (
            pl.col("metric").is_in(self._of_containers) & (pl.col("state") == STARTING)
        )
        # Whoever is scraped for a pod or a container is scraped whether or not there is a process.
        silent = pl.when(~told.fill_null(False)).then("state")
        fate = found.select(pl.coalesce(silent, "failed")).to_series()
        limit = self._spec.series_limit
        return fate if limit is None else self._limited(frame, fate, limit)

    def _state(self, replica: str, at: int) -> str | None:
        """Return why the process cannot be scraped at a moment; None if it can."""
        if not self._spec.scraped:
            return None
        state = None
        for silence in self._silent.get(replica, ()):
            if silence.since < at and (silence.started is None or at <= silence.started):
                return DOWN
            if silence.started is not None and silence.started < at <= (silence.listens or 0):
                state = STARTING
        return state

    def _failed(self, replica: str, at: int) -> str | None:
        if replica not in self._keys:
            self._keys[replica] = address(self._seed, "scrape", replica) % 2**64
        return FAILED if uniform(self._keys[replica], at) < self._spec.scrape_failures else None

    def _limited(self, frame: pl.DataFrame, fate: pl.Series, limit: int) -> pl.Series:
        """Refuse new series once the limit is reached; known series continue."""
        names = frame.select("service", "metric", "replica", "target")
        for series in names.filter(fate.is_null()).unique(maintain_order=True).iter_rows():
            if series in self._series or len(self._series) < limit:
                self._series.add(series)
        known = pl.DataFrame(list(self._series), schema=names.schema, orient="row").with_columns(known=True)
        held = names.join(known, on=names.columns, how="left", nulls_equal=True, maintain_order="left")["known"]
        refused = held.is_null() & fate.is_null()
        return fate.zip_with(~refused, pl.Series([OVER] * len(fate), dtype=pl.String))

"""Scrapes of metrics: each replica is scraped separately, scrapes may fail, and the number of series may be limited."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from meshquake.faults.observability import Observability
from meshquake.sim.observability.window import AT
from meshquake.topology.addresses import address, uniform

FAILED, DOWN, OVER = "scrape failed", "replica down", "series over the limit"


class Scraping:
    """The scrapes of all replicas.

    Parameters
    ----------
    seed, spec
        Seed of every draw, and how well the mesh is observed.
    of_pods
        Names of metrics about pods: the orchestrator is scraped for them, so they are there while a process is down.
    """

    def __init__(self, seed: int, spec: Observability, of_pods: Collection[str] = ()) -> None:
        self._seed = seed
        self._spec = spec
        self._of_pods = list(of_pods)
        self._keys: dict[str, int] = {}
        #: By replica, the periods in which it was down, in order (microseconds); the end is None while one lasts.
        self._down: dict[str, list[tuple[int, int | None]]] = {}
        self._series: set[tuple[str | None, ...]] = set()

    def note_down(self, replica: str, moment: int) -> None:
        """Note that a replica went down at a moment (microseconds)."""
        stays = self._down.setdefault(replica, [])
        if not stays or stays[-1][1] is not None:
            stays.append((moment, None))

    def note_up(self, replica: str, moment: int) -> None:
        """Note that a replica was up again at a moment (microseconds)."""
        stays = self._down.get(replica)
        if stays and stays[-1][1] is None:
            stays[-1] = (stays[-1][0], moment)

    def fates(self, frame: pl.DataFrame) -> pl.Series:
        """Return the fate of each sample; null if it is recorded."""
        scrapes = frame.select("replica", AT).unique(maintain_order=True).drop_nulls()
        drawn = [(replica, at, self._fate(replica, at)) for replica, at in scrapes.iter_rows()]
        keys = pl.DataFrame(drawn, schema={"replica": pl.String, AT: pl.Int64, "fate": pl.String}, orient="row")
        fate = frame.join(keys, on=["replica", AT], how="left", maintain_order="left")["fate"]
        told = frame["metric"].is_in(self._of_pods) & (fate == DOWN).fill_null(False)
        fate = fate.zip_with(~told, pl.Series([None] * len(fate), dtype=pl.String))
        limit = self._spec.series_limit
        return fate if limit is None else self._limited(frame, fate, limit)

    def _fate(self, replica: str, at: int) -> str | None:
        if self._spec.scraped and any(
            since < at and (until is None or at <= until) for since, until in self._down.get(replica, ())
        ):
            return DOWN
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

"""The spans of some requests in the twin: the run is played once more without the faults.

No file keeps these spans: there are too many to show, and the page selects its requests only after recording. Playing
the twin costs a fraction of the recording, because only these spans are turned into records.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.exporters.fixtures.manifest import ManifestError
from meshquake.exporters.fixtures.replay import reload
from meshquake.exporters.page.sources import Sources
from meshquake.exporters.page.traces import Words, waterfall
from meshquake.sim.engine.call import ROW
from meshquake.sim.journal import Wait
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.spans.spans import trace_words
from meshquake.sim.telemetry.tables import Ints, Tables
from meshquake.topology.problems import DocumentError


def beside(sources: Sources, words: Words, waterfalls: list[dict[str, Any]]) -> bool:
    """Add the spans without the faults to waterfalls, as `spans` of their `twin`.

    Parameters
    ----------
    sources
        The recording.
    words
        The table of texts.
    waterfalls
        The waterfalls of the page (`traces.traces`). One whose request does not happen without the faults gets no
        spans.

    Returns
    -------
    bool
        False if the run cannot be played here, or its outcome differs from the key; then no waterfall gets spans.
    """
    wanted = {trace["id"]: trace["twin"] for trace in waterfalls if trace["twin"] and trace["twin"]["ms"] is not None}
    try:
        reloaded = reload(sources.folder)
    except (ManifestError, DocumentError):
        return False
    simulation = reloaded.simulation(reloaded.loaded)
    wrong = [each.id for each in (*simulation.scenario.faults, *simulation.scenario.actions)]
    found = played(simulation.without(wrong), wanted).with_columns(start=sources.moments.since())
    traces = {
        rows["trace_id"][0]: waterfall(rows.to_dicts(), words)
        for rows in found.sort("start", "span_id").partition_by("trace_id", maintain_order=True)
    }
    told = {name: (trace["outcome"], trace["ms"]) for name, trace in traces.items()}
    if told != {name: (twin["outcome"], twin["ms"]) for name, twin in wanted.items()}:
        return False
    for name, twin in wanted.items():
        twin["spans"] = traces[name]["spans"]
    return True


def played(simulation: Simulation, trace_ids: Collection[str]) -> pl.DataFrame:
    """Play a simulation for the sake of some requests, and return all of their trace records, without sampling."""
    # The first half of a trace id identifies the request.
    wanted = np.array([int(each[:16], 16) for each in trace_ids], dtype=np.uint64)
    tables = Tables(simulation.mesh, simulation.start)

    def chosen(site: Ints, number: Ints) -> NDArray[np.bool_]:
        return np.isin(trace_words(tables, site, number)[0], wanted)

    simulation.hush()
    simulation.samplers = []
    kept: list[bytes] = []
    waits: list[Wait] = []
    for cut in simulation.cuts():
        rows = np.frombuffer(cut.rows, dtype=ROW)
        kept.append(rows[chosen(rows["site"], rows["number"])].tobytes())
        if cut.waits:
            site, _, number, _ = np.array([each.call for each in cut.waits], dtype=np.int64).T
            waits += compress(cut.waits, chosen(site, number))
    whole = replace(cut, rows=b"".join(kept), waits=waits, lines=[], events=[], attributes={})
    return simulation.recorder.batch(whole).traces

"""Reads a case without its truth: the four files of records, the brief, and the metadata of the mesh.

A fixture in a single folder counts as a case too. Its manifest contains the scenario; only the fields that
`recording.json` has for a case without truth are read from it.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from meshquake.agents.telemetry import View, timed
from meshquake.exporters.fixtures import layout, manifest, reading
from meshquake.exporters.fixtures.answer_key import name_of
from meshquake.sim.records import RECORD_KINDS, RecordKind
from meshquake.topology import outside
from meshquake.topology.spec import Objective
from meshquake.truth.brief import promised

#: Records read at a time; larger chunks cost less per record.
_AT_ONCE = 50_000


def read(folder: Path, withheld: frozenset[str] = frozenset()) -> View:
    """Read everything recorded of a case, as seen at the end of the recording.

    Parameters
    ----------
    folder
        The case of a data set, with or without its truth, or a fixture.
    withheld
        Kinds of record to hide.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError, topology.problems.DocumentError
        If it is no fixture, or its files are invalid.
    OSError
        If a file can't be read.
    """
    content = manifest.verified(folder)
    told = reading.context(folder)
    page = layout.path(folder, layout.BRIEF)
    brief = page.read_text(encoding="utf-8") if outside.is_file(page) else None
    objective, entries = promised(brief or "") or (Objective(), [])
    end = told.start + timedelta(seconds=told.length)
    whole = View(
        services=told.topology.services,
        start=told.start,
        now=end,
        end=end,
        interval=told.interval,
        table=told.metrics,
        frames={name: timed(name, _records(folder, kind), told.start) for name, kind in RECORD_KINDS.items()},
        fixture=name_of({name: each["sha256"] for name, each in content["files"].items()}),
        objective=objective,
        entries=tuple(entries),
        brief=brief,
        withheld=withheld,
    )
    return whole.until(end)


def _records(folder: Path, kind: RecordKind) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=kind.frame_schema), *reading.records(folder, kind, _AT_ONCE)])

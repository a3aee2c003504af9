"""The content of the page, as one JSON object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from meshquake.exporters.fixtures import layout, recording
from meshquake.exporters.page import happenings, story, twin
from meshquake.exporters.page.calls import calls, pairs
from meshquake.exporters.page.flame import flame
from meshquake.exporters.page.logs import logs
from meshquake.exporters.page.mesh import mesh
from meshquake.exporters.page.propagation import propagation
from meshquake.exporters.page.remake import remake
from meshquake.exporters.page.series import SHOWN, series
from meshquake.exporters.page.sources import Sources
from meshquake.exporters.page.traces import Words, traces
from meshquake.exporters.page.users import users
from meshquake.topology import outside
from meshquake.topology.units import counted, duration


def content(sources: Sources, beside: Sources | None = None, exercise: bool = False) -> dict[str, Any]:
    """Collect the data of the page.

    Parameters
    ----------
    sources
        The recording.
    beside
        A second recording, shown in place of the twin: a what-if.
    exercise
        Whether the page is an exercise and gives nothing away, not even the names of scenarios and folders.
    """
    words = Words()
    notes = _notes(sources)
    faulty = beside is None and sources.truth is not None and bool(sources.truth["faults"])
    with ThreadPoolExecutor(1) as besides:
        # Half of the time goes into metrics, mostly outside of Python, so another core can read them meanwhile.
        besides.submit(getattr, sources, "samples")
        waterfalls = traces(sources, words)
        if faulty and not twin.beside(sources, words, waterfalls):
            notes.append(
                "The run without the faults gives another result here than when it was recorded, so the page shows "
                "how long requests took in it, but not their spans."
            )
    runs = [_run(sources, words, waterfalls, _name(sources, exercise))]
    if beside is not None:
        same = [trace["id"] for trace in waterfalls]
        runs.append(_run(beside, words, traces(beside, words, same), _name(beside, exercise)))
    acting = happenings.faults(sources)
    told = {
        "live": False,
        "title": _title(sources, exercise),
        "summary": _summary(sources),
        "exercise": exercise,
        "notes": notes,
        "story": None if sources.truth is None else story.story(sources.truth),
        "brief": _brief(sources) if sources.truth is None else None,
        "objective": None if sources.truth is None else sources.truth["objective"],
        "axis": sources.moments.as_json(),
        "incident": _incident(acting, sources.moments.length),
        "mesh": mesh(sources.topology, pairs(sources)),
        "metrics": SHOWN,
        "runs": runs,
        "faults": acting,
        "background": happenings.background(sources),
        "alerts": happenings.alerts(sources),
        "events": happenings.events(sources),
        "propagation": propagation(sources),
        "flame": flame(sources, words),
        "logs": logs(sources, words),
        "remake": None if exercise else remake(sources),
    }
    return told | {"words": list(words)}


def _run(sources: Sources, words: Words, waterfalls: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "users": users(sources),
        "series": series(sources),
        "calls": calls(sources),
        "traces": waterfalls,
        "requests": len(sources.roots),
        "spans": len(sources.spans),
    }


def _name(sources: Sources, exercise: bool) -> str:
    return "the recording" if exercise else str(sources.told["scenario"]["name"])


def _title(sources: Sources, exercise: bool) -> str:
    mesh = sources.topology.name
    return f"What is wrong in {mesh}?" if exercise else f"{sources.told['scenario']['name']} on {mesh}"


def _summary(sources: Sources) -> str:
    axis = sources.moments
    parts = [
        f"{axis.start:%Y-%m-%d %H:%M:%S} UTC",
        duration(axis.length),
        counted(len(sources.topology.services), "service"),
        counted(len(sources.roots), "request"),
    ]
    return ", ".join(parts)


def _notes(sources: Sources) -> list[str]:
    """List the caveats of what the page shows."""
    axis, notes = sources.moments, []
    if axis.step > sources.interval * (1 + 1e-9):
        notes.append(
            f"Metrics are thinned: a step of the slider is {duration(axis.step)}, and the page keeps its highest and "
            f"lowest samples. Figures show the highest."
        )
    if sources.partly_observed:
        notes.append(
            "The mesh was not observed perfectly: counts of edges, traces and log lines cover only what was recorded."
        )
    elif recording.is_withheld(dict(sources.told)):
        notes.append("The topology is withheld: the edges shown are those of the recorded calls.")
    return notes


def _incident(acting: list[dict[str, Any]], length: float) -> list[float] | None:
    """Return the start and end of the incident: while faults acted or users felt them. None without faults."""
    if not acting:
        return None
    felt = [length if fault["recovered"] is None else fault["recovered"] for fault in acting if not fault["latent"]]
    return [min(fault["from"] for fault in acting), max([*felt, *(fault["to"] for fault in acting)])]


def _brief(sources: Sources) -> dict[str, Any] | None:
    """Parse the brief for the person on call into heading, paragraphs and table."""
    path = layout.path(sources.folder, layout.BRIEF)
    if not outside.is_file(path):
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {
        "heading": lines[0].lstrip("# "),
        "paragraphs": [line for line in lines[1:] if line and not line.startswith("|")],
        "table": [row for row in cells if set("".join(row)) != {"-"}],
    }

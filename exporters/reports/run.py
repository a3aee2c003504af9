"""The summary of a run, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.faults.observability import Observability
from meshquake.faults.scenario import Scenario
from meshquake.sim.hits import Hit
from meshquake.sim.summary import Phase, Summary
from meshquake.topology.units import counted, duration, ratio

_QUANTILES = (0.5, 0.95, 0.99)


def blocks(summary: Summary, played: Scenario, folder: Path, title: str, speed: float) -> list[Block]:
    """Report a run to people.

    Parameters
    ----------
    summary
        The run's figures.
    played
        The scenario that was played.
    folder
        The folder of its fixture.
    title
        Its title.
    speed
        Simulated seconds per second of wall time.
    """
    columns = ("at the entry", "requests", "errors", *(f"p{100 * quantile:.0f} ms" for quantile in _QUANTILES))
    rows = [(f"{phase.name} ({duration(phase.seconds)})", *_figures(phase)) for phase in summary.phases]
    return [title, Table(columns, rows), Facts(list(_facts(summary, played, folder, speed)))]


def _figures(phase: Phase) -> Iterator[str]:
    yield f"{phase.requests}"
    yield "-" if phase.error_share is None else f"{phase.error_share:.1%}"
    for quantile in _QUANTILES:
        value = _known(phase.latency(quantile))
        yield "-" if value is None else f"{value:.0f}"


def _facts(summary: Summary, played: Scenario, folder: Path, speed: float) -> Iterator[tuple[str, str]]:
    if found := _found(played):
        yield "targets", "; ".join(f"{', '.join(targets)} ({role})" for role, targets in found.items())
    if summary.hits:
        yield "hit", ", ".join(map(_hit, summary.hits))
    if summary.opened:
        yield (
            "breakers",
            ", ".join(f"{caller} -> {callee} x{n}" for (caller, callee), n in sorted(summary.opened.items())),
        )
    if kept := _kept(played.observability):
        yield "sampled", f"{kept}; the figures above are of what is kept"
    yield "records", ", ".join(counted(count, kind.removesuffix("s")) for kind, count in summary.records.items())
    yield "speed", f"{speed:.0f} simulated seconds per second"
    yield "folder", str(folder)


def _kept(observability: Observability) -> str | None:
    """Describe trace sampling, if any; errors are overrepresented in what tail sampling keeps."""
    head, tail = observability.head_sampling, observability.tail_sampling
    some = "traces" if head == 1 else f"{ratio(head)} of all traces"
    if tail is None:
        return None if head == 1 else some
    kept = f"those that failed or took over {duration(tail.slow)}, and {ratio(tail.keep)} of the rest"
    return f"{some}: {kept}"


def _found(played: Scenario) -> dict[str, list[str]]:
    """Return what has each of the roles that the scenario names."""
    found: dict[str, list[str]] = {}
    for _, role, target in _roles(played):
        targets = found.setdefault(role, [])
        if target not in targets:
            targets.append(target)
    return found


def _roles(played: Scenario) -> Iterator[tuple[str, str, str]]:
    """Yield id, role and resolved target of the faults and actions that name their target by role."""
    for cause in played.causes:
        if cause.id in played.roles:
            yield cause.id, played.roles[cause.id], str(cause.target)


def _hit(hit: Hit) -> str:
    return f"{hit.service} at {hit.onset:+.0f}s ({hit.sign})"


def _known(latency: float | None) -> float | None:
    """Round a latency to its significant digits: the summary has a precision of 1%."""
    return None if latency is None else float(f"{latency:.3g}")


def as_json(
    summary: Summary, played: Scenario, folder: Path, content: dict[str, Any], unfinished: int
) -> dict[str, Any]:
    """Report a run to programs, as a JSON object without any wall-clock figures.

    `content` is the fixture's manifest; `unfinished` counts the requests that never completed.
    """
    return {
        "scenario": content["scenario"]["name"],
        "topology": content["topology"]["name"],
        "seed": content["seed"],
        "start": content["start"],
        "options": content["options"],
        "targets": [{"fault": fault, "role": role, "target": target} for fault, role, target in _roles(played)],
        "folder": str(folder),
        "records": summary.records,
        "entry": {
            phase.name: {
                "seconds": phase.seconds,
                "requests": phase.requests,
                "errors": phase.errors,
                "error_share": None if phase.error_share is None else round(phase.error_share, 6),
                **{f"p{100 * quantile:.0f}_ms": _known(phase.latency(quantile)) for quantile in _QUANTILES},
            }
            for phase in summary.phases
        },
        "unfinished": unfinished,
        "hit": [{"service": hit.service, "onset_s": round(hit.onset, 6), "sign": hit.sign} for hit in summary.hits],
        "breakers_opened": [
            {"service": caller, "target": callee, "count": count}
            for (caller, callee), count in sorted(summary.opened.items())
        ],
        "files": content["files"],
        "formats": content["formats"],
    }

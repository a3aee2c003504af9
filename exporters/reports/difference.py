"""The effect of a what-if change, as text and as JSON: the two runs side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.exporters.fixtures.replay import reload
from meshquake.exporters.reports.markup import markup
from meshquake.topology.units import counted
from meshquake.truth.whatif import Difference, Figures, compare

_HEAD = ("requests", "bad", "p50 ms", "p95 ms")


@dataclass(frozen=True)
class Compared:
    """Two runs side by side.

    Attributes
    ----------
    difference
        How requests and services fared in each run.
    change
        A description of the change.
    """

    difference: Difference
    change: str

    def _repr_html_(self) -> str:
        """Both runs as tables, for notebooks."""
        return markup(blocks(self.difference, self.change))


def compared(folder: Path, without: tuple[str, ...] = (), settings: tuple[str, ...] = ()) -> Compared:
    """Run a fixture again with a change. Parameters and errors are those of `fixtures.fixture.Fixture.whatif`."""
    reloaded = reload(folder)
    changed = reloaded.recipe.load_with(settings, None, without)
    found = compare(reloaded.simulation(reloaded.loaded), reloaded.simulation(changed), lambda second: None)
    return Compared(found, ", ".join([*(f"without {name}" for name in without), *settings]) or "nothing")


def blocks(difference: Difference, change: str) -> list[Block]:
    """Report the effect of a change to people; `change` describes it."""
    whole = [
        (name, str(each.requests), str(each.failed), str(each.slow), _ms(each.p50), _ms(each.p95))
        for name, each in (("actual run", difference.before), ("changed run", difference.after))
    ]
    time = [(f"{start:+g}s", *_cells(before), "|", *_cells(after)) for start, before, after in difference.stretches]
    return [
        Facts(list(_facts(difference, change))),
        "",
        Table(("", "requests", "failed", "too slow", "p50 ms", "p95 ms"), whole),
        "",
        "actual run | changed run, by arrival time of requests (seconds from the start of the incident):",
        Table(("from", *_HEAD, "|", *_HEAD), time),
    ]


def _facts(difference: Difference, change: str) -> Iterator[tuple[str, str]]:
    saved, lost = counted(difference.saved, "request"), str(difference.lost)
    yield "changed", change
    yield (
        "saved",
        f"{_turned(saved, difference.saved, 'bad', 'good')}, {_turned(lost, difference.lost, 'good', 'bad')}",
    )
    sides = (("before", difference.only_before), ("after", difference.only_after))
    unmatched = [f"{each.requests} only {when} the change ({each.bad} bad)" for when, each in sides if each.requests]
    if unmatched:
        yield "unmatched", f"{', '.join(unmatched)}: neither saved nor lost"
    yield "spared", ", ".join(difference.spared) or "no service"
    if difference.newly_hit:
        yield "newly hit", ", ".join(difference.newly_hit)
    yield "still hit", ", ".join(name for name in difference.hit if name in difference.hit_after) or "no service"


def _turned(told: str, count: int, before: str, after: str) -> str:
    """Phrase a count of requests whose outcome changed."""
    were, are = ("was", "is") if count == 1 else ("were", "are")
    return f"{told} that {were} {before} {are} {after}"


def as_json(difference: Difference, changes: dict[str, Any]) -> dict[str, Any]:
    """Report the effect to programs; `changes` are what was changed."""
    return {
        "changes": changes,
        "before": _figures(difference.before),
        "after": _figures(difference.after),
        "saved": difference.saved,
        "lost": difference.lost,
        "made_only": {"before": asdict(difference.only_before), "after": asdict(difference.only_after)},
        "services": {
            "before": difference.hit,
            "after": difference.hit_after,
            "spared": difference.spared,
            "newly_hit": difference.newly_hit,
        },
        "over_time": [
            {"from_s": start, "before": _figures(before), "after": _figures(after)}
            for start, before, after in difference.stretches
        ],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {name + ("_ms" if name.startswith("p") else ""): value for name, value in asdict(figures).items()} | {
        "bad_share": None if figures.bad is None else round(figures.bad, 6)
    }


def _cells(figures: Figures) -> tuple[str, ...]:
    bad = "-" if figures.bad is None else f"{figures.bad:.1%}"
    return str(figures.requests), bad, _ms(figures.p50), _ms(figures.p95)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"

"""How real the telemetry is: `python benchmarks/realism.py [--mesh NAME] [--observability LEVEL]`.

Runs `normal` and compares its telemetry with that of real systems: each statistic with the published figure, its
source, and whether ours is inside the band around it. Statistics that depend only on the architecture of a public
system are shown as `shape` but do not count. `--renew` writes the tables into docs/realism.md.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from math import isnan
from multiprocessing import get_context
from pathlib import Path

from meshquake import Settings, simulate
from meshquake.benchmarks import telemetry_statistics as stats
from meshquake.benchmarks.bands import Row, rows
from meshquake.benchmarks.kept_rows import KeptRows
from meshquake.benchmarks.systems import System
from meshquake.benchmarks.telemetry_counts import Counts, Run, Window, count, merged
from meshquake.faults.observability import LEVELS
from meshquake.sim.simulation import DEFAULT_START
from meshquake.topology.loader import DEFAULT, shipped

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "realism.md"
_TABLE = re.compile(r"(<!-- tables -->\n).*?(<!-- end -->)", re.DOTALL)
#: Metrics move over buckets of five minutes, as in the published figures; over halves of shorter recordings.
_BUCKET = 300.0


# The table.


def figure(value: float) -> str:
    """Format a figure with three significant digits."""
    return "none" if isnan(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def table(found: list[Row]) -> Iterator[str]:
    """Format the rows as lines of Markdown."""
    yield "| statistic | ours | real | band | source | inside |"
    yield "|---|---|---|---|---|---|"
    for row in found:
        band = f"{figure(row.band.low)} to {figure(row.band.high)}"
        verdict = "shape: " * row.shape + ("yes" if row.inside else "no")
        yield f"| {row.name} | {figure(row.value)} | {row.band.real} | {band} | {row.band.source} | {verdict} |"
    yield ""
    yield f"{inside(found)} rows inside{', not counting shape' if any(row.shape for row in found) else ''}."


def inside(found: list[Row], shape: bool = False) -> str:
    """Count the rows inside their bands, either of those that count or of those that are shape."""
    those = [row for row in found if row.shape == shape]
    return f"{sum(row.inside for row in those)} of {len(those)}"


#: The summary of a mesh, in one line.
_BRIEF = {
    "spans per trace, p50": "spans p50",
    "spans per trace, p99": "p99",
    "children per span, p99": "children p99",
    "depth of calls, p99": "depth p99",
    "sigma of ln latency per operation, median": "sigma",
    "p99/p50 of latency per operation, median": "p99/p50",
    "CV over buckets: requests": "CV of requests",
    "cores in use, median over services, %": "cores, %",
    "workers in use, median over services, %": "workers, %",
    "log templates": "templates",
}


def summary(meshes: dict[str, list[Row]]) -> Iterator[str]:
    """Yield one line per mesh."""
    yield f"| mesh | rows inside | shape rows inside | {' | '.join(_BRIEF.values())} |"
    yield "|---" * (len(_BRIEF) + 3) + "|"
    for name, found in meshes.items():
        values = {row.name: row.value for row in found}
        both = f"{inside(found)} | {inside(found, shape=True)}"
        yield f"| {name} | {both} | {' | '.join(figure(values[each]) for each in _BRIEF)} |"


# Playing.


def play(mesh: Path, seeds: int, duration: float, bucket: float, observability: str | None) -> Counts:
    """Play `normal` with seeds 1, 2, ... and count the telemetry."""
    settings: Settings = {"duration": duration, "topology": mesh}
    if observability is not None:
        settings["observability"] = observability
    start = round(DEFAULT_START.timestamp() * 1e6)
    known: list[Counts] = []
    for seed in range(1, seeds + 1):
        settings["seed"] = seed
        run, window = Run(seed, start, bucket), Window()
        for batch in simulate("normal", **settings):
            whole = window.settled(batch.traces, batch.logs)
            known = [merged([*known, count(batch.traces, batch.logs, batch.metrics, whole, run)])]
        none = batch.traces.clear(), batch.logs.clear()
        known = [merged([*known, count(*none, batch.metrics.clear(), window.settled(*none, last=True), run)])]
    return known[0]


def found_of(mesh: Path, seeds: int, duration: float, observability: str | None, keep: Path | None) -> list[Row]:
    """Return the rows of a mesh: the cached ones, or those of playing it, which are then cached."""
    kept = KeptRows(keep, f"{seeds} {duration} {observability} {stats.drain()}")
    found = kept[mesh]
    if found is None:
        bucket = length(duration)
        counts = play(mesh, seeds, duration, bucket, observability)
        found = kept[mesh] = list(rows(counts, int(duration // bucket), System.of(mesh)))
    return found


def length(duration: float) -> float:
    """Return the length of a recording's buckets in seconds."""
    return min(_BUCKET, duration / 2)


def made(seeds: int, duration: float, observability: str | None) -> str:
    """Say what was run to get the figures."""
    which = "seed 1" if seeds == 1 else f"seeds 1 to {seeds}"
    by = "mined by Drain" if stats.drain() else "counted by logger, level and wording, ignoring numbers and names"
    return (
        f"`normal`, {duration:g} s, {which}, observability {observability or 'perfect'}; "
        f"{length(duration):g} s buckets; log templates {by}."
    )


def main() -> None:
    """Run the meshes and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--duration", type=float, default=1800.0, help="length of each recording in seconds")
    parser.add_argument("--seeds", type=int, default=5, help="number of recordings of each mesh")
    parser.add_argument("--mesh", action="append", help="name or topology file; may be repeated (default: all)")
    parser.add_argument("--observability", choices=tuple(LEVELS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the results in this folder, and skip meshes that already have results there",
    )
    parser.add_argument("--renew", action="store_true", help="write the tables into docs/realism.md")
    options = parser.parse_args()
    known = shipped()
    first, *others = options.mesh or [DEFAULT, *(name for name in known if name != DEFAULT)]
    found: dict[str, list[Row]] = {}
    paths = [known.get(name, Path(name)) for name in (first, *others)]
    given = (repeat(each) for each in (options.seeds, options.duration, options.observability, options.keep))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for name, each in zip((first, *others), pool.map(found_of, paths, *given), strict=True):
            found[name] = each
            print("", f"## {name}", "", *table(found[name]), sep="\n", flush=True)
    how = made(options.seeds, options.duration, options.observability)
    print("", *summary(found), "", how, sep="\n")
    if options.renew:
        one_line_each = summary({name: found[name] for name in others})
        lines = [how, "", f"## {first}", "", *table(found[first]), "", "## The other meshes", "", *one_line_each, ""]
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda match: match[1] + "\n".join(lines) + match[2], page), encoding="utf-8")


if __name__ == "__main__":
    main()

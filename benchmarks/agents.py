"""How agents without a model score on a data set that they were not developed on. Updates the table in docs/agents.md.

    python benchmarks/agents.py --sets FOLDER [--cases 60] [--seed 1] [--renew]

Makes the set in the folder, or uses the one that is already there; likewise for the solvers' runs, one of each solver
on each case. The score is worth something if agents that look more closely get more: the oracle more than BARO's
scorer, BARO more than the loudest service, and that more than chance. Prints the paired differences, and fails if the
mean scores are not in this order.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from meshquake.agents.solvers.running import SOLVERS, solve
from meshquake.ensembles.intervals import Interval
from meshquake.exporters.fixtures import dataset, places
from meshquake.exporters.reports.way import runs as run_folders
from meshquake.exporters.reports.way.marking import Case, mark
from meshquake.exporters.reports.way.runs import Run
from meshquake.exporters.reports.way.summary import summary
from meshquake.topology import loader

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "agents.md"
_TABLES = re.compile(r"(<!-- tables -->\n).*?(<!-- end -->)", re.DOTALL)
#: Solvers from the lowest mean mark to the highest.
ORDER = ("chance", "loudest", "baro", "oracle")
_SHOWN = {
    "mark": "mark",
    "roots": "roots F1",
    "nodes": "services F1",
    "edges": "edges F1",
    "path": "path",
    "evidence": "evidence",
}


def made(options: argparse.Namespace) -> Path:
    """Return the folder of the set, making the set if it is missing."""
    folder: Path = options.sets / f"mixed-{options.cases}-{options.seed}"
    if not (folder / dataset.INDEX).exists():
        meshes = (loader.load(loader.named(loader.DEFAULT)),)
        order = dataset.Order(options.cases, options.seed, meshes, False, difficulty="mixed")
        engine = dataset.processes(options.processes)
        told = partial(print, "made", flush=True)
        dataset.generate(order, places.at(str(folder)), engine, lambda case: told(case.public["case"]), resume=True)
    return folder


def looked_at(folder: Path, agent: str) -> Path:
    """Return the folder with one run of a solver on each case of a set, running the solver if it is missing."""
    runs = folder.with_name(f"{folder.name}-{agent}")
    if not (runs / "done").exists():
        for run in solve(folder, SOLVERS[agent], runs):
            print(agent, run.parent.name, flush=True)
        (runs / "done").touch()
    return runs


def by_case(runs: Mapping[str, Path]) -> dict[str, dict[str, list[Run]]]:
    """Return the runs of each solver, by case."""
    cases = [path.name for path in next(iter(runs.values())).iterdir() if path.is_dir()]
    found = {agent: run_folders.runs(place, cases) for agent, place in runs.items()}
    return {case: {agent: each[case] for agent, each in found.items()} for case in sorted(cases)}


def table(marks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Format the mean marks, with the interval of each, as lines of Markdown."""
    yield f"| agent | {' | '.join(_SHOWN.values())} |"
    yield "|---" * (len(_SHOWN) + 1) + "|"
    for agent, row in marks.items():
        cells = [_cell(row.get(name), name == "mark") for name in _SHOWN]
        yield f"| {agent if agent == 'chance' else f'`{agent}`'} | {' | '.join(cells)} |"


def _cell(found: Interval | float | None, whole: bool) -> str:
    if not isinstance(found, Interval):
        return "" if found is None else f"{found:.2f}"
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})" if whole else f"{found.estimate:.2f}"


def differences(cases: dict[str, Case]) -> Iterator[str]:
    """Compare each solver with the one before it in the order, case by case."""
    for less, more in pairwise(ORDER[1:]):
        found = summary(cases, [less, more], None).differences["mark"]
        yield f"`{more}` minus `{less}` {found.mean:.2f} ({found.low:.2f} to {found.high:.2f})"


def main() -> None:
    """Make the set and the runs, score them and print the results; with `--renew`, also write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True, help="folder for the data set and the runs")
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--renew", action="store_true", help="write the table into docs/agents.md")
    options = parser.parse_args()
    folder = made(options)
    runs = {agent: looked_at(folder, agent) for agent in SOLVERS}
    cases = {case: mark(folder / "telemetry" / case, found) for case, found in by_case(runs).items()}
    found = summary(cases, [*SOLVERS], None)
    marks: dict[str, Mapping[str, Any]] = {"chance": found.floors["chance"], **found.estimates}
    quiet = sum(not case.incident for case in cases.values())
    command = f"dataset --cases {options.cases} --difficulty mixed --seed {options.seed}"
    said = f"{options.cases} cases (`{command}`), {quiet} of them with nothing wrong:"
    lines = [
        said,
        "",
        *table(marks),
        "",
        f"Paired differences by case, with 95% intervals: {', '.join(differences(cases))}.",
    ]
    print(*lines, sep="\n")
    if options.renew:
        page = PAGE.read_text(encoding="utf-8")
        text = "\n".join(lines)
        PAGE.write_text(_TABLES.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page), encoding="utf-8")
    means = [found.floors["chance"]["mark"] or 0.0, *(found.estimates[agent]["mark"].estimate for agent in ORDER[1:])]
    if sorted(means) != means:
        sys.exit(f"mean marks are not in the expected order: {dict(zip(ORDER, means, strict=True))}")


if __name__ == "__main__":
    main()

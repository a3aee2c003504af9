"""How hard a data set is: what the floors find in it. `python benchmarks/difficulty.py` renews docs/difficulty.md.

A diagnosis is worth something if it finds more than looking at the loudest service does; and a data set is worth
something if that doesn't find everything, nor nothing.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from meshquake.exporters.fixtures import dataset
from meshquake.exporters.reports import marking
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.truth.score import Mark

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "difficulty.md"
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
#: The floors, as a mark names them.
FLOORS = ("chance", "most central", "worst symptom first")
Case = tuple[dict[str, Any], Mark]


def study(cases: int, seed: int, processes: int) -> tuple[list[Case], dict[str, Any]]:
    """Make a data set and mark the floors on each case with an incident; returns these, and how the set was made."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "set"
        order = dataset.Order(cases, seed, load(shipped()[DEFAULT]), latent=False)
        content = dataset.generate(order, place, processes, lambda made: None)
        answers = map(json.loads, (place / "truth" / "index.ndjson").read_text(encoding="utf-8").splitlines())
        nothing = place / "nothing.json"
        nothing.write_text('{"root_causes": []}', encoding="utf-8")
        marked = [
            (answer, marking.mark_fixture(place / "telemetry" / answer["case"], nothing))
            for answer in answers
            if answer["incident"]
        ]
    return marked, content


def constants(marked: list[Case], services: list[str]) -> dict[str, float]:
    """The share of cases in which naming always the same service is right, by service."""
    return {name: mean(name in _names(answer) for answer, _ in marked) for name in services}


def _names(answer: dict[str, Any]) -> set[str]:
    causes = [fault["root_cause"] for fault in answer["faults"] if not fault["latent"]]
    return {cause["service"] for cause in causes}.union(*(cause["aliases"]["services"] for cause in causes))


def _felt(answer: dict[str, Any]) -> dict[str, Any]:
    """The first of its faults that users felt."""
    fault: dict[str, Any] = next(fault for fault in answer["faults"] if not fault["latent"])
    return fault


def table(marked: list[Case], content: dict[str, Any]) -> Iterator[str]:
    """The results, as lines of Markdown."""
    again = content["drawn_again"]
    yield (
        f"{content['cases']} cases of seed {content['seed']}: {content['incidents']} with an incident, "
        f"{content['cases'] - content['incidents']} without. {again['latent']} draws were dropped because no user felt "
        f"them, {again['felt']} because users felt what was meant as noise."
    )
    yield from ("", "| floor | AC@1 | AC@3 | AC@5 | Avg@5 |", "|---|---|---|---|---|")
    for name in FLOORS:
        found = [mark.floors[name] for _, mark in marked]
        figures = (mean(getattr(each, figure) for each in found) for figure in ("at_1", "at_3", "at_5", "average"))
        yield f"| {name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |"
    guesses = constants(marked, content["services"])
    best = max(guesses, key=lambda name: guesses[name])
    yield from (
        "",
        f"Naming the same service every time is right in {mean(guesses.values()):.2f} of the cases on average over the "
        f"services, and in {guesses[best]:.2f} for the best one ({best}).",
    )
    for title, group in (("kind of fault", "kind"), ("visibility", "difficulty"), ("level", "level")):
        yield from _grouped(title, group, marked)


def _grouped(title: str, group: str, marked: list[Case]) -> Iterator[str]:
    """What the worst symptom finds, by something that an answer says of a fault."""
    groups = {str(_felt(answer)[group]) for answer, _ in marked}
    yield from ("", f"| {title} | cases | worst symptom first: AC@1 | AC@3 |", "|---|---|---|---|")
    for value in sorted(groups):
        found = [mark.floors["worst symptom first"] for answer, mark in marked if _felt(answer)[group] == value]
        first, third = mean(each.at_1 for each in found), mean(each.at_3 for each in found)
        yield f"| {value} | {len(found)} | {first:.2f} | {third:.2f} |"


def main() -> None:
    """Run the study and print its table; without `--print` into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--print", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    text = "\n".join(table(*study(options.cases, options.seed, options.processes)))
    print(text)
    if not options.print:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLE.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()

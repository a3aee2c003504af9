"""How hard data sets are: how well the floors and four methods of RCAEval do on them. Updates docs/difficulty.md.

    python benchmarks/difficulty.py --sets FOLDER --environment FOLDER --python PYTHON3.12

For each level of difficulty, makes a data set in `--sets`, or uses the one that is already there. A set has only two or
three cases of each kind of fault, too few to say how well that kind is diagnosed; so for each kind given with
`--alone`, makes another `mixed` set that has only this kind. The methods run in an environment of their own
(`benchmarks/rcaeval`), which is created if missing. A method is worth something if it finds more root causes than the
guess "the loudest service". A set is worth something if that guess finds some root causes, but not all.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from meshquake.benchmarks.rcaeval import methods
from meshquake.exporters.fixtures import answer_key, dataset, places
from meshquake.exporters.reports import marking
from meshquake.faults.levels import LEVELS, VISIBILITIES
from meshquake.topology import loader
from meshquake.truth import score
from meshquake.truth.score import Accuracy

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "difficulty.md"
_TABLES = re.compile(r"(<!-- tables -->\n).*?(<!-- end -->)", re.DOTALL)
#: The floors, by their names in a mark, and the methods.
FLOORS = ("chance", "most central", "worst symptom first")
GUESSES = (*FLOORS, *methods.NAMES)
#: A guess that ranks nothing.
_NONE = Accuracy(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Case:
    """A case with an incident: its answer from the index, and how well each guess finds the roots."""

    answer: dict[str, Any]
    marks: Mapping[str, Accuracy]
    failed: frozenset[str]

    @property
    def kind(self) -> str:
        """The kind of the first fault that users felt."""
        return str(next(fault["kind"] for fault in self.answer["faults"] if not fault["latent"]))

    @property
    def visibility(self) -> str:
        """How loud its root is."""
        return str(self.answer["loudness"]["found"])


@dataclass(frozen=True)
class Study:
    """A set, how it was made, and its cases with an incident."""

    title: str
    content: dict[str, Any]
    cases: list[Case]


def study(title: str, folder: Path, interpreter: Path | None) -> Study:
    """Mark all guesses on an existing set; without an interpreter for the methods, only the floors."""
    content = json.loads((folder / "truth" / "dataset.json").read_text(encoding="utf-8"))
    lines = (folder / "truth" / "index.ndjson").read_text(encoding="utf-8").splitlines()
    answers = [answer for answer in map(json.loads, lines) if answer["incident"]]
    places = [folder / "telemetry" / answer["case"] for answer in answers]
    rankings = {} if interpreter is None else methods.rankings(places, interpreter)
    nothing = folder.with_suffix(".nothing.json")
    nothing.write_text('{"root_causes": []}', encoding="utf-8")
    cases = []
    for answer, place in zip(answers, places, strict=True):
        truth = answer_key.read_ground_truth(place)
        found = rankings.get(answer["case"], {})
        marks = dict(marking.mark_fixture(place, nothing).floors)
        marks |= {name: _mark(truth, ranked or ()) for name, ranked in found.items()}
        cases.append(Case(answer, marks, frozenset(name for name, ranked in found.items() if ranked is None)))
    return Study(title, content, cases)


def _mark(truth: dict[str, Any], ranked: Any) -> Accuracy:
    """Mark a ranking of roots as an answer would be marked."""
    mark = score.mark(truth, {}, {"root_causes": [{"service": name} for name in ranked]}, None)
    return mark.accuracy or _NONE


# -- tables ------------------------------------------------------------------------------------------------------------


def tables(studies: list[Study]) -> Iterator[str]:
    """Format the results as lines of Markdown."""
    for each in studies:
        yield from ("", f"## {each.title}", "")
        yield from _told(each)
        yield from ("", "| guess | AC@1 | AC@3 | Avg@5 |", "|---|---|---|---|")
        for name in _guesses(each):
            yield f"| {name} | {' | '.join(_figures(each.cases, name))} |"
        yield from ("", "AC@1, AC@3 and Avg@5 by kind of the first fault, and by loudness of the root:", "")
        yield f"| | cases | {' | '.join(_guesses(each))} |"
        yield "|---|---|" + "---|" * len(_guesses(each))
        for group in _groups(each.cases):
            cells = (" ".join(_figures(group.cases, name)) for name in _guesses(each))
            yield f"| {group.title} | {len(group.cases)} | {' | '.join(cells)} |"
        if len(_guesses(each)) > len(FLOORS):
            yield from _beaten(each)


def _guesses(each: Study) -> list[str]:
    return [name for name in GUESSES if name in each.cases[0].marks]


def _told(each: Study) -> Iterator[str]:
    """Describe in words how the set was made."""
    content, target = each.content, each.content["target"]
    again = content["drawn_again"]
    meshes = ", ".join(mesh["name"] for mesh in content["topologies"])
    yield (
        f"{content['cases']} cases on {meshes}, seed {content['seed']}: {content['incidents']} with an incident "
        f"({target['with_two_roots']} of them with two roots), {content['cases'] - content['incidents']} without. "
        f"Dropped draws: {again['latent']} with a fault that no user felt, {again['felt']} with noise that users felt, "
        f"{again['background']} with background events that users felt, {again['loudness']} with a root outside its "
        f"loudness band. {target['harder']} roots are harder to find than intended, {target['missed']} easier."
    )
    replaced = content["replaced"]
    if replaced:
        kinds = ", ".join(f"{kind} ({number})" for kind, number in replaced.items())
        yield f"Kinds replaced by other kinds, since no draw was suitable: {kinds}."
    failed = Counter(name for case in each.cases for name in case.failed)
    if failed:
        yield f"Failed runs of methods, scored as if they had named nothing: {_list(failed)}."
    yield (
        f"Worst symptom first finds the root in "
        f"{fmean(case.marks['worst symptom first'].at_1 for case in each.cases):.2f} of the incidents; the limit is "
        f"{target['at_most']:.2f}."
    )


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def _figures(cases: list[Case], name: str) -> list[str]:
    """Return AC@1, AC@3 and Avg@5 of a guess over some cases."""
    marks = [case.marks[name] for case in cases]
    return [f"{fmean(getattr(mark, figure) for mark in marks):.2f}" for figure in ("at_1", "at_3", "average")]


@dataclass(frozen=True)
class Group:
    """Cases that have something in common."""

    title: str
    cases: list[Case]


def _groups(cases: list[Case]) -> Iterator[Group]:
    """Group cases by kind of fault and by how loud the root is."""
    by: tuple[tuple[Callable[[Case], str], list[str]], ...] = (
        (lambda case: case.kind, sorted({case.kind for case in cases})),
        (lambda case: case.visibility, list(VISIBILITIES)),
    )
    for of, values in by:
        for value in values:
            group = [case for case in cases if of(case) == value]
            if group:
                yield Group(value, group)


def _beaten(each: Study) -> Iterator[str]:
    """List which floors each method beats by AC@1, and where."""
    yield from (
        "",
        "Where each method beats each floor on AC@1:",
        "",
        f"| | {' | '.join(FLOORS)} |",
        "|---|" + "---|" * len(FLOORS),
    )
    for name in _guesses(each)[len(FLOORS) :]:
        cells = []
        for floor in FLOORS:
            groups = [Group("all", each.cases), *_groups(each.cases)]
            better = [group.title for group in groups if _first(group, name) > _first(group, floor) + 1e-9]
            cells.append(", ".join(better) or "nowhere")
        yield f"| {name} | {' | '.join(cells)} |"


def _first(group: Group, name: str) -> float:
    return fmean(case.marks[name].at_1 for case in group.cases)


# -- running -----------------------------------------------------------------------------------------------------------


def made(level: str, kinds: tuple[str, ...], options: argparse.Namespace) -> Path:
    """Return the folder of a set of a level, restricted to some kinds of fault if named, making it if missing."""
    folder: Path = options.sets / "-".join((level, *kinds))
    if not (folder / dataset.INDEX).exists():
        meshes = tuple(loader.load(loader.named(mesh)) for mesh in options.topology or [loader.DEFAULT])
        order = dataset.Order(
            options.cases, options.seed, meshes, False, difficulty=level, kinds=kinds, lead_in=options.lead_in
        )
        engine = dataset.processes(options.processes)
        told = partial(print, level, flush=True)
        dataset.generate(order, places.at(str(folder)), engine, lambda case: told(case.public["case"]), resume=True)
    return folder


def main() -> None:
    """Run the study and print its tables; with `--renew`, also write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, required=True, help="folder for the data sets")
    parser.add_argument("--environment", type=Path, help="environment for the methods (default: score only the floors)")
    parser.add_argument("--python", default="python3.12", help="Python to create the environment with")
    parser.add_argument("--level", action="append", choices=list(LEVELS), help="may be repeated (default: all)")
    parser.add_argument("--alone", action="append", default=[], help="kind of fault for one more `mixed` set")
    parser.add_argument("--topology", action="append", help="mesh; may be repeated (default: ten-services)")
    parser.add_argument("--cases", type=int, default=60, help="cases in each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lead-in", type=float, default=300.0, help="healthy seconds before each incident")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--renew", action="store_true", help="write the tables into docs/difficulty.md")
    options = parser.parse_args()
    interpreter = None if options.environment is None else methods.environment(options.environment, options.python)
    sets: list[tuple[str, str, tuple[str, ...]]] = [(name.capitalize(), name, ()) for name in options.level or LEVELS]
    sets += [(f"Mixed, `{kind}` only", "mixed", (kind,)) for kind in options.alone]
    studies = [study(title, made(level, kinds, options), interpreter) for title, level, kinds in sets]
    text = "\n".join(tables(studies)).strip("\n")
    print(text)
    if options.renew:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_TABLES.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()

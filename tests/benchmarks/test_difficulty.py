"""The tables of the difficulty of data sets, on few enough marks to count by hand."""

import sys

import pytest

from meshquake.benchmarks import difficulty
from meshquake.benchmarks.difficulty import FLOORS, Case, Study, tables
from meshquake.benchmarks.rcaeval import methods
from meshquake.truth.score import Accuracy


def mark(first, third):
    return Accuracy(first, third, 1.0, (first + third) / 2)


def case(kind, found, failed=(), **marks):
    answer = {"faults": [{"kind": kind, "latent": False}], "loudness": {"found": found}}
    named = {"chance": 0.1, "most central": 0.0, "worst symptom first": 0.0, "BARO": 0.0}
    named |= {name.replace("_", " "): first for name, first in marks.items()}
    return Case(answer, {name: mark(first, 1.0) for name, first in named.items()}, frozenset(failed))


CONTENT = {
    "cases": 5,
    "seed": 1,
    "incidents": 4,
    "topologies": [{"name": "one"}, {"name": "two"}],
    "drawn_again": {"latent": 7, "felt": 1, "background": 2, "loudness": 3},
    "replaced": {"surge": 1},
    "target": {"difficulty": "hard", "at_most": 0.45, "harder": 1, "missed": 0, "with_two_roots": 2},
}
CASES = [
    case("fail", "loudest", worst_symptom_first=1.0, BARO=1.0),
    case("fail", "one of several", BARO=1.0),
    case("stop", "silent", failed=("BARO",)),
    case("slow", "silent"),
]


@pytest.fixture(scope="module")
def lines():
    return list(tables([Study("Hard", CONTENT, CASES)]))


def test_each_guess_has_its_means_over_all_cases(lines):
    assert "| chance | 0.10 | 1.00 | 0.55 |" in lines
    assert "| worst symptom first | 0.25 | 1.00 | 0.62 |" in lines
    assert "| BARO | 0.50 | 1.00 | 0.75 |" in lines


def test_each_kind_and_each_band_has_its_number_of_cases_and_the_figures_of_each_guess(lines):
    fail = next(line for line in lines if line.startswith("| fail | 2 |"))
    assert fail == "| fail | 2 | 0.10 1.00 0.55 | 0.00 1.00 0.50 | 0.50 1.00 0.75 | 1.00 1.00 1.00 |"
    assert [line.split(" | ")[1] for line in lines if line.startswith(("| silent", "| loudest", "| one of"))] == [
        "1",
        "1",
        "2",
    ]


def test_it_says_where_a_method_beats_a_floor_and_where_it_does_not(lines):
    felt = "all, fail, loudest, one of several"
    assert lines[-1] == f"| BARO | {felt} | {felt} | all, fail, one of several |"


def test_it_says_how_the_set_was_made_and_what_is_wrong_with_it(lines):
    text = "\n".join(lines)
    assert "5 cases on one, two, seed 1: 4 with an incident (2 of them with two roots), 1 without." in text
    assert "Kinds replaced by other kinds, since no draw was suitable: surge (1)." in text
    assert "Failed runs of methods, scored as if they had named nothing: BARO 1." in text
    assert "Worst symptom first finds the root in 0.25 of the incidents; the limit is 0.45." in text


def test_without_methods_the_floors_stand_alone():
    floors = [Case(each.answer, {name: each.marks[name] for name in FLOORS}, frozenset()) for each in CASES]
    text = "\n".join(tables([Study("Hard", CONTENT, floors)]))
    assert "BARO" not in text and "beats" not in text


def test_the_page_has_a_place_for_the_tables():
    assert difficulty._TABLES.search(difficulty.PAGE.read_text(encoding="utf-8"))


def test_an_environment_is_not_made_with_a_python_on_which_the_methods_do_not_load(tmp_path):
    if sys.version_info[:2] in ((3, 10), (3, 12)):
        pytest.skip("they load on this one")
    with pytest.raises(
        SystemExit, match=r"RCAEval's methods need Python 3\.12 or 3\.10; .* name another with --python"
    ):
        methods.environment(tmp_path / "none", sys.executable)
    with pytest.raises(SystemExit, match="no-such-python is no Python at all"):
        methods.environment(tmp_path / "none", "no-such-python")

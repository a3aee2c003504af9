"""Data sets: the same bytes from any number of processes, answers apart, and cases that are what they shall be."""

import json
from itertools import pairwise

import pytest
from small_cases import CASES, SMALL, make

import topology.loader
from exporters import dataset, key
from exporters.dataset import NoCaseError
from sim.records import KINDS
from topology.loader import DEFAULT, parse, shipped

MESH = topology.loader.load(shipped()[DEFAULT])


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_telemetry_and_answers_are_in_trees_of_their_own(small_cases):
    folder, _, _ = small_cases
    cases = [line["case"] for line in lines(folder / "index.ndjson")]
    telemetry = [
        f"telemetry/{case}/{name}" for case in cases for name in (*(f"{kind}.ndjson" for kind in KINDS), key.BRIEF)
    ]
    truth = [
        f"truth/{case}/{name}" for case in cases for name in ("ground_truth.json", "verdicts.ndjson", "manifest.json")
    ]
    own = ["index.ndjson", "truth/index.ndjson", "truth/dataset.json"]
    assert sorted(files(folder)) == sorted([*telemetry, *truth, *own])


def test_nothing_outside_of_the_truth_tells_what_was_wrong(small_cases):
    folder, _, _ = small_cases
    for answer in lines(folder / "truth" / "index.ndjson"):
        public = json.dumps(next(line for line in lines(folder / "index.ndjson") if line["case"] == answer["case"]))
        public += (folder / "telemetry" / answer["case"] / key.BRIEF).read_text(encoding="utf-8")
        for fault in answer["faults"]:
            assert fault["id"] not in public
        assert "seed" not in public
        assert "incident" not in json.loads(public[: public.index("}}}") + 3])


def test_cases_with_an_incident_are_felt_and_quiet_ones_are_not(small_cases):
    folder, _, content = small_cases
    answers = lines(folder / "truth" / "index.ndjson")
    assert [answer["incident"] for answer in answers].count(False) == sum(
        dataset.case(parse(SMALL, "small.yaml").topology, 3, number, 0).quiet for number in range(CASES)
    )
    for answer in answers:
        assert answer["incident"] == any(not fault["latent"] for fault in answer["faults"])
        truth = json.loads((folder / "truth" / answer["case"] / "ground_truth.json").read_text(encoding="utf-8"))
        assert truth["incident"] == answer["incident"]
    assert content["incidents"] == sum(answer["incident"] for answer in answers)


def test_the_indexes_list_the_cases_in_order_with_what_their_files_hold(small_cases):
    folder, heard, _ = small_cases
    public = lines(folder / "index.ndjson")
    assert public == [each.public for each in heard]
    assert lines(folder / "truth" / "index.ndjson") == [each.answer for each in heard]
    for line in public:
        for name, each in line["files"].items():
            assert (folder / "telemetry" / line["case"] / name).stat().st_size == each["bytes"]
    starts = [line["start"] for line in public]
    assert starts == sorted(set(starts))
    assert all(one["end"] < other["start"] for one, other in pairwise(public))


def test_two_processes_make_the_same_bytes_as_one(small_cases, tmp_path):
    folder, _, _ = small_cases
    make(tmp_path / "set", processes=2)
    assert files(tmp_path / "set") == files(folder)


def test_cases_do_not_depend_on_how_many_there_are(small_cases, tmp_path):
    folder, _, _ = small_cases
    make(tmp_path / "set", cases=2)
    fewer, all_files = files(tmp_path / "set"), files(folder)
    cases = {name: content for name, content in fewer.items() if "case-" in name}
    assert cases
    assert cases == {name: all_files[name] for name in cases}


def test_latent_cases_are_counted_and_kept_only_where_asked(small_cases, tmp_path):
    _, _, content = small_cases
    heard, kept = make(tmp_path / "set", latent=True)
    assert kept["drawn_again"]["latent"] == 0
    assert kept["incidents"] <= content["incidents"]
    assert content["drawn_again"]["latent"] == sum(each.latent for each in small_cases[1])
    assert len(heard) == CASES


def test_a_mesh_in_which_no_user_feels_anything_is_refused(tmp_path):
    forgiving = SMALL.replace("rate: 10/s", "rate: 10/s, objective: {share: 0.001%, within: 1h, minimum: 100000}")
    with pytest.raises(NoCaseError, match="users felt none of them"):
        make(tmp_path / "set", mesh=parse(forgiving, "small.yaml"))
    assert not (tmp_path / "set").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.tex").write_text("years of work")
    with pytest.raises(OSError, match=r"it holds thesis\.tex, which is no part of a data set"):
        make(tmp_path / "set")
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["thesis.tex"]

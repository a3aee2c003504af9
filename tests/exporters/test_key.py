"""The files of an answer key: what was found, written beside the telemetry and read again, and explained."""

import json
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from twin_runs import FAULTS, FIXTURE, OPTIONS, incident, simulation

from exporters import key, writing
from exporters.key import KeySink, TruthError, locate, read_ground_truth, scan_verdicts
from exporters.schemas import FOLDER as SCHEMAS
from run import main
from sim.records import KINDS
from sim.truth import schema
from sim.truth.mechanism import MECHANISMS

PAGE = (Path(__file__).parents[2] / "docs" / "truth.md").read_text(encoding="utf-8")


def write(simulation, folder, truth=True):
    writing.write(simulation, folder, 1.0, lambda batch: None, truth)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The fixture of a short incident."""
    return write(simulation(FAULTS["stop"]), tmp_path_factory.mktemp("made") / "stop")


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it that may be harmed."""
    return copytree(made, tmp_path / "stop")


def contents(folder):
    """The texts of its key."""
    return [(folder / name).read_text(encoding="utf-8") for name in key.FILES]


def called(folder):
    """What the last line of its brief says that it is called."""
    return re.search(r"\n\nFixture: ([0-9a-f]{12})\n$", (folder / key.BRIEF).read_text(encoding="utf-8"))[1]


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


# -- written ----------------------------------------------------------------------------------------------------------


def test_the_files_hold_what_was_found(made):
    run = incident("stop")
    brief, truth, verdicts = (content.replace(called(made), FIXTURE) for content in contents(made))
    assert (brief, json.loads(truth), verdicts) == (run.brief, run.key, run.verdicts.write_ndjson())


def test_a_fixture_is_called_by_a_hash_of_what_is_given_away_of_it(made):
    hashes = [sha256((made / f"{kind}.ndjson").read_bytes()).hexdigest() for kind in KINDS]
    assert sha256("".join(hashes).encode()).hexdigest().startswith(called(made))
    assert called(made) == read_ground_truth(made)["fixture"]


def test_every_file_is_valid_by_the_schema_that_ships(made):
    ground_truth, verdict = (
        Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")))
        for name in ("ground_truth", "verdicts")
    )
    ground_truth.validate(json.loads((made / key.GROUND_TRUTH).read_text(encoding="utf-8")))
    for line in (made / key.VERDICTS).read_text(encoding="utf-8").splitlines():
        verdict.validate(json.loads(line))


def test_without_a_key_there_is_the_telemetry_alone_and_the_same(made, tmp_path):
    alone = write(simulation(FAULTS["stop"]), tmp_path / "alone", truth=False)
    telemetry = [f"{kind}.ndjson" for kind in KINDS]
    assert sorted(path.name for path in alone.iterdir()) == sorted([*telemetry, "manifest.json"])
    assert all((alone / name).read_bytes() == (made / name).read_bytes() for name in telemetry)


def test_the_same_run_with_another_interval_has_the_same_key_but_for_what_it_is_called(made, tmp_path):
    again = write(simulation(FAULTS["stop"], interval=5.0), tmp_path / "again")
    assert [content.replace(called(again), called(made)) for content in contents(again)] == contents(made)


def test_fixtures_of_one_seed_are_told_apart_by_what_they_are_called(made, tmp_path):
    same = write(simulation(FAULTS["stop"]), tmp_path / "incident")
    others = [write(simulation(*faults), tmp_path / f"{len(faults)}") for faults in ([], [FAULTS["fail"]])]
    assert called(made) == called(same)
    assert len({*map(called, [made, *others])}) == 3
    answer = tmp_path / "answers.json"
    answer.write_text(json.dumps({"root_causes": [], "fixture": called(made)}))
    assert call("score", same, "--answers", answer).exit_code == 0
    for other in others:
        refused = call("score", other, "--answers", answer)
        assert (refused.exit_code, refused.stdout) == (2, "")
        told = f"this is fixture {called(other)}, not {called(made)}; is this the answer to another fixture?"
        assert refused.stderr == f"{answer}: fixture: {told}\n"


def test_the_telemetry_does_not_say_which_fault_it_was(made):
    """No id of a fault, no effect, no word of a key stands in the four files."""
    for kind in KINDS:
        text = (made / f"{kind}.ndjson").read_text(encoding="utf-8")
        assert not re.search(r"stop-1|caused_by|ground_truth|root_cause|twin|harmed", text)


def test_a_run_that_ends_badly_leaves_nothing(tmp_path):
    def fail(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write(simulation(FAULTS["stop"]), tmp_path / "stop", 1.0, fail)
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_nobodys_requests_is_whole(tmp_path):
    """Where no user comes, there's nothing to harm."""
    quiet = replace(OPTIONS, rate=1e-6)
    folder = write(simulation(FAULTS["stop"], options=quiet), tmp_path / "quiet")
    truth = read_ground_truth(folder)
    assert truth["requests"] == dict.fromkeys(("total", "harmed", "spared", "background"), 0)
    assert [fault["latent"] for fault in truth["faults"]] == [True]
    assert (folder / key.VERDICTS).read_bytes() == b""
    assert len(scan_verdicts(folder).collect()) == 0


def test_verdicts_that_are_none_write_nothing(tmp_path):
    sink = KeySink(tmp_path)
    sink.write(incident("stop").verdicts.head(0))
    sink.discard()
    assert (tmp_path / key.VERDICTS).read_bytes() == b""


# -- read -------------------------------------------------------------------------------------------------------------


def test_what_is_read_is_what_was_written(made):
    run = incident("stop")
    assert locate(made) == made / "truth"
    assert read_ground_truth(made) == run.key | {"fixture": called(made)}
    assert scan_verdicts(made).collect().equals(run.verdicts)


def test_a_case_of_a_data_set_has_its_key_in_the_other_tree(made, tmp_path):
    case, truth = tmp_path / "telemetry" / "case-1", tmp_path / "truth" / "case-1"
    copytree(made, case)
    truth.parent.mkdir()
    (case / "truth").rename(truth)
    assert locate(case) == truth
    assert read_ground_truth(case) == read_ground_truth(made)


def test_a_key_that_was_withheld_is_said_to_be_missing(folder):
    for path in (folder / "truth").iterdir():
        path.unlink()
    (folder / "truth").rmdir()
    with pytest.raises(TruthError, match="has no answer key"):
        read_ground_truth(folder)


def test_a_folder_that_is_no_fixture_is_called_so(tmp_path):
    with pytest.raises(TruthError, match=re.escape(f"{tmp_path}: not a fixture: it has no traces.ndjson")):
        locate(tmp_path)


def test_a_folder_of_fixtures_is_called_so_and_one_of_them_named(tmp_path):
    for place in ("incidents/cascade", "incidents/outage", "normal/quiet"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "traces.ndjson").touch()
    for folder in (tmp_path, tmp_path / "incidents"):
        told = f"{folder}: holds fixtures: name one, such as {tmp_path / 'incidents' / 'cascade'}"
        with pytest.raises(TruthError, match=re.escape(told)):
            locate(folder)


def test_a_data_set_is_called_so_and_a_case_of_it_named(tmp_path):
    for case in ("case-2", "case-1"):
        (tmp_path / "telemetry" / case).mkdir(parents=True)
        (tmp_path / "telemetry" / case / "traces.ndjson").touch()
    (tmp_path / "index.ndjson").touch()
    (tmp_path / "truth").mkdir()
    told = f"{tmp_path}: a data set: name one of its cases, such as {tmp_path / 'telemetry' / 'case-1'}"
    with pytest.raises(TruthError, match=re.escape(told)):
        locate(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        ("{", "can't be read"),
        ("[" * 100_000, "can't be read"),
        ("[]", "of format None; this version reads format 1"),
        ("{}", "of format None; this version reads format 1"),
        ('{"format": 2}', "of format 2; this version reads format 1"),
    ],
    ids=["missing", "cut off", "deep", "list", "empty", "newer"],
)
def test_a_key_that_can_not_be_read_is_refused_with_its_path(folder, content, message):
    path = folder / key.GROUND_TRUTH
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(TruthError, match=message) as refused:
        read_ground_truth(folder)
    assert str(path) in str(refused.value)


# -- explained --------------------------------------------------------------------------------------------------------


def paths(content, prefix=""):
    """The keys of an object's schema, of the objects below it too, as the page writes them."""
    content = content.get("items", content)
    for branch in content.get("anyOf", [content]):
        for name, below in branch.get("properties", {}).items():
            yield f"{prefix}{name}"
            yield from paths(below, f"{prefix}{name}[]." if "items" in below else f"{prefix}{name}.")
        more = branch.get("additionalProperties")
        if isinstance(more, dict):
            yield from paths(more, f"{prefix}METRIC.")


def explained(heading):
    """The fields that the tables of a part of the page explain."""
    part = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    return [
        name for cell in re.findall(r"^\| (`[^|]+`) \|", part, re.MULTILINE) for name in re.findall(r"`(.+?)`", cell)
    ]


@pytest.mark.parametrize(
    ("heading", "content"),
    [("`ground_truth.json`", schema.ground_truth()), ("`verdicts.ndjson`", schema.verdict())],
    ids=["ground_truth", "verdicts"],
)
def test_the_page_explains_every_field_and_no_other(heading, content):
    assert sorted(explained(heading)) == sorted(paths(content))


def test_the_page_explains_every_mechanism():
    assert explained("Mechanisms") == list(MECHANISMS)

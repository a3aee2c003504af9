"""From folders to a report: a fixture, a case, a data set, and folders that are none of these."""

import json
from itertools import starmap

import pytest
from answer_key import EFFECTS, FIXTURE, LATENT, RIGHT, at, cause, fault, truth, verdict

from meshquake.commands import tables
from meshquake.exporters.fixtures.answer_key import TruthError
from meshquake.exporters.fixtures.schemas import FOLDER
from meshquake.exporters.fixtures.writing import write as written
from meshquake.exporters.reports.marking import report
from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.records import TRACE
from meshquake.sim.simulation import Simulation
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import DocumentError
from meshquake.truth.mechanism import OF_LOAD

#: The spans: a request a second of each service, with a slow store from second 60 on.
CALLS = {"gateway": "cart", "cart": "stock", "stock": "store", "store": None, "mail": None}


def spans():
    for second in range(120):
        for service, callee in CALLS.items():
            yield span(service, second, "server", 500.0 if second >= 60 and service == "store" else 5.0)
            if callee:
                yield span(service, second, "client", 5.0, peer=callee)


def span(service, second, kind, duration, peer=None):
    known = {"service": service, "timestamp": at(second), "kind": kind, "duration_ms": duration, "peer": peer}
    ids = {"trace_id": "1" * 32, "span_id": "1" * 16, "operation": "get"}
    return {**dict.fromkeys(TRACE.names), **ids, "status": "success", "attempt": 1, "status_code": 200, **known}


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def make(telemetry, key, content):
    """Write the parts of a fixture that marking needs: its telemetry and its key."""
    lines(telemetry / "traces.ndjson", spans())
    lines(key / "verdicts.ndjson", starmap(verdict, EFFECTS.items()))
    (key / "ground_truth.json").write_text(json.dumps(content))


@pytest.fixture
def fixture(tmp_path):
    make(tmp_path / "fixture", tmp_path / "fixture" / "truth", truth(fault()))
    return tmp_path / "fixture"


@pytest.fixture
def dataset(tmp_path):
    """Return three cases, the last without an incident."""
    folder = tmp_path / "dataset"
    for case, content in (("a1", truth(fault())), ("b2", truth(fault("cart"))), ("c3", truth())):
        make(folder / "telemetry" / case, folder / "truth" / case, content)
    lines(folder / "truth" / "index.ndjson", [])
    return folder


def answer(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


# -- one fixture ---------------------------------------------------------------------------------------------------


def figures(content):
    """Return all numbers in a JSON value."""
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return [content] if isinstance(content, float) else [number for part in parts for number in figures(part)]


def test_programs_get_figures_of_six_decimals_at_most(fixture, dataset, tmp_path):
    wrong = {**RIGHT, "affected_services": ["store", "mail", "cart"], "root_causes": [{"service": "mail"}]}
    one = report(fixture, answer(tmp_path / "answers.json", wrong)).content
    answers = [answer(tmp_path / "answers" / f"{case}.json", RIGHT) for case in ("a1", "b2")]
    many = report(dataset, answers[0].parent).content
    assert one["affected_services"]["f1"] == 0.333333
    for found in (figures(one), figures(many)):
        assert found and all(len(repr(number).partition(".")[2]) <= 6 for number in found)


def test_a_mark_stands_beside_the_floors(fixture, tmp_path):
    content = {**RIGHT, "root_causes": [{"service": "mail"}, *RIGHT["root_causes"]], "verdicts": None}
    found = report(fixture, answer(tmp_path / "answers.json", content))
    assert tables.lines(found.blocks) == [
        "                     AC@1  AC@3  AC@5  Avg@5",
        "answer               0.00  1.00  1.00   0.80",
        "chance               0.20  0.60  1.00   0.60",
        "most central         1.00  1.00  1.00   1.00",
        "worst symptom first  1.00  1.00  1.00   1.00",
        'easy: the floor "most central" already ranks a root cause first',
        'easy: the floor "worst symptom first" already ranks a root cause first',
        "",
        "          precision  recall    F1  right  named  true",
        "affected       1.00    1.00  1.00      3      3     3",
        "edges          1.00    1.00  1.00      2      2     2",
        "",
        "kind       right",
        "indicator  right",
        "operation  right",
        "detected   4s after the users' objective broke, 10s after the first fault began",
        "alerts     2 matched, 0 missed, 0 false alarms",
    ]


def test_what_a_real_key_says_is_right_by_that_key(tmp_path):
    """The key of a real run can be marked against, and marks itself as right to the last figure."""
    loaded = load(shipped()["cascade"], Options(duration=30, lead_in=10, recovery=10))
    folder = tmp_path / "cascade"
    written(Simulation.of(loaded), folder, lambda batch: None)
    key = json.loads((folder / "truth" / "ground_truth.json").read_text())
    (only,) = key["faults"]
    verdicts = map(json.loads, (folder / "truth" / "verdicts.ndjson").read_text().splitlines())
    content = {
        "root_causes": [
            {"service": "database", "kind": only["kind"], "indicator": only["root_cause"]["indicator"]},
        ],
        "detected_at": only["user_facing"]["since"],
        "affected_services": [each["service"] for each in only["affected"]],
        "propagation": [
            {side: step[side] for side in ("from", "to")}
            for step in only["mechanism"]
            if step["from"] != step["to"] and step["mechanism"] not in OF_LOAD
        ],
        "verdicts": [{"trace_id": each["trace_id"], "harmed": bool(each["caused_by"])} for each in verdicts],
        "alerts": [
            {"at": each["earliest"], "service": each["service"], "indicator": each["indicator"]}
            for each in only["alerts"]
        ],
    }
    mark = report(folder, answer(tmp_path / "answers.json", content)).content
    assert (mark["accuracy"]["AC@1"], mark["details"]["kind"], mark["details"]["indicator"]) == (1, 1, 1)
    assert mark["detection"]["after_objective_s"] == 0
    for part in ("affected_services", "propagation"):
        assert mark[part]["f1"] == 1
    assert mark["harmed"]["recall"] == 1
    assert mark["alerts"]["matched"] > 0
    assert (mark["alerts"]["missed"], mark["alerts"]["false_alarms"]) == (0, 0)


def test_a_detection_before_there_was_anything_to_see_is_called_so(fixture, tmp_path):
    found = report(fixture, answer(tmp_path / "answers.json", {"root_causes": [], "detected_at": at(50)}))
    assert tables.lines(found.blocks)[-1] == (
        "detected  16s before the users' objective broke, 10s before the first fault began, before there was anything "
        "to see"
    )


@pytest.mark.parametrize(
    ("services", "verdict"), [([], "none was reported: right"), (["store"], "one was reported: a false alarm")]
)
def test_where_there_was_no_incident_the_mark_says_whether_one_was_reported(dataset, tmp_path, services, verdict):
    content = {"root_causes": [{"service": service} for service in services]}
    found = report(dataset / "telemetry" / "c3", answer(tmp_path / "answers.json", content))
    assert tables.lines(found.blocks) == [f"incident  there was none that users felt, and {verdict}"]


def test_where_nothing_was_felt_naming_a_latent_fault_is_a_false_alarm_too(tmp_path):
    make(tmp_path / "fixture", tmp_path / "fixture" / "truth", truth(fault("mail", **LATENT)))
    found = report(tmp_path / "fixture", answer(tmp_path / "answers.json", {"root_causes": [{"service": "mail"}]}))
    assert tables.lines(found.blocks) == [
        "incident  there was none that users felt, and one was reported: a false alarm",
        "latent    mail has a fault, but one that no user felt",
    ]


def test_for_programs_it_is_json_without_what_was_not_answered(fixture, tmp_path):
    content = report(fixture, answer(tmp_path / "answers.json", {"root_causes": [{"service": "store"}]})).content
    assert json.loads(json.dumps(content)) == content
    assert content["accuracy"]["AC@1"] == 1
    unanswered = ("detection", "affected_services", "propagation", "harmed", "alerts", "left_alone")
    assert {content[part] for part in unanswered} == {None}


def test_a_case_finds_its_key_in_the_other_tree(dataset, tmp_path, monkeypatch):
    path = answer(tmp_path / "answers.json", {"root_causes": [{"service": "cart"}]})
    whole = report(dataset / "telemetry" / "b2", path)
    monkeypatch.chdir(dataset / "telemetry" / "b2")
    assert report(dataset.cwd() / ".", path) == whole
    assert whole.content["accuracy"]["AC@1"] == 1


# -- several cases -------------------------------------------------------------------------------------------------


def test_a_data_set_has_a_row_a_case_and_means_over_what_was_answered(dataset, tmp_path):
    answer(tmp_path / "answers" / "a1.json", {**RIGHT, "alerts": None})
    answer(tmp_path / "answers" / "c3.json", {"root_causes": []})
    found = report(dataset, tmp_path / "answers")
    assert [" ".join(line.split()) for line in tables.lines(found.blocks)] == [
        "case AC@1 AC@3 AC@5 Avg@5 detected_s kind indicator operation affected edges harmed left_alone easy",
        "a1 1.00 1.00 1.00 1.00 4.00 1.00 1.00 1.00 1.00 1.00 1.00 - yes",
        "b2 - - - - - - - - - - - - -",
        "c3 - - - - - - - - - - - 1.00 -",
        "mean 1.00 1.00 1.00 1.00 4.00 1.00 1.00 1.00 1.00 1.00 1.00 1.00",
        "chance 0.20 0.60 1.00 0.60 - - - - - - - -",
        "most central 1.00 1.00 1.00 1.00 - - - - - - - -",
        "worst symptom first 1.00 1.00 1.00 1.00 - - - - - - - -",
        "",
        "2 of 3 cases answered",
    ]
    assert found.content["cases"]["b2"] is None
    assert (
        found.content["cases"]["c3"] == report(dataset / "telemetry" / "c3", tmp_path / "answers" / "c3.json").content
    )
    assert found.content["means"]["AC@1"] == 1
    assert found.content["floors"]["chance"]["AC@1"] == pytest.approx(0.2)


def test_what_is_wrong_with_all_answers_is_told_at_once(dataset, tmp_path):
    for case in ("a1", "b2", "b3"):
        answer(tmp_path / "answers" / f"{case}.json", {"root_causes": [{"service": "nobody"}]})
    with pytest.raises(DocumentError) as refused:
        report(dataset, tmp_path / "answers")
    assert [str(problem).removeprefix(f"{tmp_path}/answers/")[:40] for problem in refused.value.problems] == [
        "a1.json: root_causes[0].service: this me",
        "b2.json: root_causes[0].service: this me",
        "b3.json: the data set has no such case (",
    ]


def test_the_answers_to_a_data_set_are_a_folder_with_some(dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    for given, message in (
        (answer(tmp_path / "a1.json", RIGHT), "must be a folder with one answer per case, CASE.json"),
        (tmp_path / "empty", "holds no answers: they are called CASE.json"),
    ):
        with pytest.raises(DocumentError, match=message):
            report(dataset, given)


# -- unsuitable folders --------------------------------------------------------------------------------------------


def without(name):
    return lambda folder: (folder / name).unlink()


def holding(name, text):
    return lambda folder: (folder / name).write_text(text)


def cut_off(folder):
    path = folder / "truth" / "verdicts.ndjson"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (without("traces.ndjson"), "not a fixture: it has no traces.ndjson"),
        (holding("traces.ndjson", "{\n"), "traces.ndjson:1: is not JSON: "),
        (lambda folder: (folder / "truth").rename(folder / "hidden"), "has no answer key: "),
        (without("truth/ground_truth.json"), "ground_truth.json: no such file"),
        (without("truth/verdicts.ndjson"), "verdicts.ndjson: no such file"),
        (holding("truth/ground_truth.json", "{"), "ground_truth.json:1: is not JSON: "),
        (holding("truth/ground_truth.json", "[]"), "ground_truth.json: has format None; this version reads format 2"),
        (holding("truth/ground_truth.json", '{"format": 3}'), "has format 3; this version reads format 2"),
        (holding("truth/ground_truth.json", '{"format": 2}'), "ground_truth.json: missing key 'fixture'"),
        (
            holding("truth/ground_truth.json", json.dumps({**truth(), "faults": [7]})),
            "faults[0]: must be an object, not 7",
        ),
        (
            holding("truth/ground_truth.json", json.dumps({**truth(), "faults": {"a": "b"}})),
            "faults: must be a list, not an object",
        ),
        (
            holding("truth/ground_truth.json", json.dumps(truth(fault(root_cause=cause(["store"]))))),
            "faults[0].root_cause.service: must be a text, not a list",
        ),
        (
            holding("truth/ground_truth.json", json.dumps({**truth(fault()), "requests": []})),
            "requests: must be an object, not a list",
        ),
        (
            holding("truth/ground_truth.json", json.dumps(truth(fault(moved=[{"service": "mail"}])))),
            "faults[0].moved[0]: missing key",
        ),
        (holding("truth/verdicts.ndjson", "{\n"), "verdicts.ndjson:1: is not JSON: "),
        (holding("truth/verdicts.ndjson", '{"trace_id": "a", "eff'), "verdicts.ndjson:1: is not JSON: "),
        (holding("truth/verdicts.ndjson", ""), "verdicts.ndjson: holds 0 verdicts for 8 requests"),
        (cut_off, "verdicts.ndjson: holds 7 verdicts for 8 requests: is the file complete?"),
    ],
)
def test_a_folder_without_a_readable_key_is_refused(fixture, tmp_path, harm, message):
    harm(fixture)
    with pytest.raises(MeshquakeError) as refused:
        report(fixture, answer(tmp_path / "answers.json", RIGHT))
    assert str(fixture) in str(refused.value)
    assert message in str(refused.value)


def test_a_data_set_without_its_answers_is_called_so(dataset, tmp_path):
    lines(dataset / "index.ndjson", [])
    (dataset / "truth").rename(tmp_path / "withheld")
    with pytest.raises(TruthError, match="dataset: a data set without its answer keys: it has no folder truth"):
        report(dataset, tmp_path)


def test_the_schema_of_an_answer_ships():
    assert (FOLDER / "answers.schema.json").is_file()


def test_an_answer_that_says_that_it_is_to_another_fixture_is_refused(fixture, tmp_path):
    known = {"root_causes": [{"service": "store"}]}
    assert report(fixture, answer(tmp_path / "own.json", known | {"fixture": FIXTURE})).content["incident"]
    assert report(fixture, answer(tmp_path / "null.json", known | {"fixture": None})).content["incident"]
    with pytest.raises(DocumentError) as refused:
        report(fixture, answer(tmp_path / "other.json", known | {"fixture": "0" * 12}))
    (problem,) = refused.value.problems
    told = f"this is fixture {FIXTURE}, not {'0' * 12}; is this the answer to another fixture?"
    assert str(problem) == f"{tmp_path / 'other.json'}: fixture: {told}"

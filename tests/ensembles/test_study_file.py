"""Study files: their content, and the errors for mistakes."""

import re
from pathlib import Path

import pytest

from meshquake.ensembles import study_check, study_file
from meshquake.ensembles.schema import study_schema
from meshquake.ensembles.stopping import Until
from meshquake.topology.problems import DocumentError
from tests.editor import complaints
from tests.station import BROKEN, MESH

STUDY = """
name: retries
summary: Do retries help?
scenario: broken.yaml
topology: mesh.yaml
calm: true
set: {duration: 20s}
vary:
  services.web.workers: [1, 2]
  rate: 20..40:3
  workload.balance: {by chance: random, two: least_request}
variants:
  as it is: {}
  patient: {services.web.queue: 50, "services.web.operations.home.work": {exponential: 20ms}}
replications: 12
seed: 9
warm_up: 2s
until: {response: failed, relative: 5%, at_most: 40}
responses:
  failed: entry.error_rate
  depth: max(queue_depth) of web
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mesh.yaml").write_text(MESH)
    (tmp_path / "broken.yaml").write_text(BROKEN)
    return tmp_path


def load(folder, text=STUDY):
    (folder / "study.yaml").write_text(text)
    return study_file.load(folder / "study.yaml")[0]


def refused(folder, text):
    with pytest.raises(DocumentError) as found:
        load(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in found.value.problems]


def test_a_study_file_says_all_that_the_command_line_does(folder):
    found = load(folder)
    assert (found.name, found.summary, found.calm, found.seed, found.warm_up) == (
        "retries",
        "Do retries help?",
        True,
        9,
        2,
    )
    assert (found.scenario, found.topology) == (BROKEN, MESH)
    assert (found.assignments, found.replications, found.at_most) == (("duration=20s",), 12, 40)
    assert found.until == Until("failed", 0.05) and found.labels == ("failed", "depth")
    assert [axis.name for axis in found.axes] == ["services.web.workers", "rate", "workload.balance", "variant"]
    assert len(found.cells) == 2 * 3 * 2 * 2
    assert found.cells[-1].label == "2, 40, two, patient"
    assert found.cells[-1].assignments == (
        *("services.web.workers=2", "rate=40", "workload.balance=least_request", "services.web.queue=50"),
        "services.web.operations.home.work={exponential: 20ms}",
    )


def test_what_is_left_out_has_defaults_and_the_usual_is_asked(folder):
    found = load(folder, "{name: plain, scenario: broken.yaml, topology: mesh.yaml}")
    assert (found.replications, found.seed, found.warm_up, found.until, found.sample) == (20, 1, 0.0, None, None)
    assert [cell.label for cell in found.cells] == ["as it is"]
    assert "entry.error_rate" in found.labels and "key.harmed" in found.labels
    assert load(folder, "{name: calm, scenario: normal}").labels == (
        *("entry.error_rate", "entry.latency_p50", "entry.latency_p95", "entry.goodput"),
    )


def test_all_mistakes_are_told_at_once_each_with_its_line(folder):
    text = STUDY.replace("name: retries", "name: re tries").replace("[1, 2]", "[1, 1]").replace("20..40:3", "40..20:3")
    text = text.replace("entry.error_rate", "entry.eror_rate").replace("replications: 12", "replication: 12")
    text = text.replace("warm_up: 2s", "warm_up: soon").replace("relative: 5%", "relative: 0%")
    told = refused(folder, text)
    assert [message.partition(": ")[0] for message in told] == [
        f"study.yaml:{line}" for line in (2, 9, 10, 15, 17, 18, 20)
    ]
    assert told[0].endswith("must be letters, digits, `-` and `_`, as in my-study, not 're tries'")
    assert "unknown key 'replication' (did you mean 'replications'?)" in told[3]
    assert told[4] == "study.yaml:17: warm_up: must be a time such as 30s, or mser, not 'soon'"
    assert "there is no figure 'entry.eror_rate' (did you mean 'error_rate'?)" in told[6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("scenario: broken.yaml", "scenario: cascde"),
            "cascde: there is no such file or shipped scenario (did you mean 'cascade'?)",
        ),
        (
            ("response: failed", "response: faild"),
            "study.yaml:18: until.response: there is no response 'faild' (did you mean 'failed'?)",
        ),
        (
            ("replications: 12", "replications: 4"),
            "study.yaml:15: replications: must be at least 10 to reach a precision",
        ),
        (("20..40:3", "20..40"), "study.yaml:10: vary.rate: a range needs a number of values"),
        (
            ("replications: 12", "replications: 50000"),
            "study.yaml:15: replications: makes 1,200,000 runs in all; at most 500,000 are allowed",
        ),
        (
            ("at_most: 40", "at_most: 11"),
            "study.yaml:18: until.at_most: must be at least 12: so many runs are made before the first check",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(folder, change, message):
    assert any(message in told for told in refused(folder, STUDY.replace(*change)))


def test_mistakes_of_all_kinds_are_told_at_once(folder):
    """What cannot be read, what does not go together, what is elsewhere, and what does not fit the mesh."""
    text = STUDY.replace("services.web.workers: [1, 2]", "services.wbe.workers: [1, 2]").replace("20..40:3", "20..40")
    text = text.replace("response: failed", "response: faild").replace("failed: entry", "rate: entry")
    text = text.replace("workload.balance: {by chance: random, two: least_request}", "duration: []\n  lead_in: {}")
    told = refused(folder, text)
    assert [message.partition(": ")[2] for message in told] == [
        "vary.rate: a range needs a number of values, as in lo..hi:5, or a sample (Latin hypercube)",
        "vary.duration: has no value",
        "vary.lead_in: has no value",
        "until.response: there is no response 'faild' (valid: rate, depth)",
        "responses.rate: is a column of the table of runs already: give it another label",
        "vary services.wbe.workers=1,2: there is no service 'wbe' (did you mean 'web'?)",
    ]
    told = refused(folder, text.replace("scenario: broken.yaml", "scenario: nowhere.yaml"))
    assert told[0] == "nowhere.yaml: no such file" and "vary.duration: has no value" in told[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("responses: []", "study.yaml:1: responses: has no response"),
        ("vary: {rate: }", "study.yaml:1: vary.rate: has no value"),
        ("vary: {rate: {}}", "study.yaml:1: vary.rate: has no value"),
        ("variants: {}", "study.yaml:1: variants: has no variant"),
        ("sample: 5", "study.yaml:1: sample: a Latin hypercube needs something to vary"),
        ("responses: [key.harmed, key.harmed]", "study.yaml:1: responses[1]: is given twice"),
        (
            "set: {rate: 5}, vary: {workload.rate: [1, 2]}",
            "study.yaml: vary workload.rate: replaces what set rate=5 sets: leave out one of them",
        ),
    ],
)
def test_what_is_empty_or_given_twice_is_refused(folder, text, message):
    assert refused(folder, f"{{name: odd, scenario: broken.yaml, topology: mesh.yaml, {text}}}") == [message]


def test_what_replaces_numbers_of_the_file_is_named_as_it_was_given(folder):
    (folder / "study.yaml").write_text(STUDY)
    assert study_file.load(folder / "study.yaml", {"replications": 15, "seed": 3})[0].replications == 15
    with pytest.raises(DocumentError, match=r"^--replications 4: must be at least 10 to reach a precision"):
        study_file.load(folder / "study.yaml", {"replications": 4})


def test_a_mistake_in_what_it_names_is_told_in_that_file(folder):
    (folder / "mesh.yaml").write_text(MESH.replace("workers", "wrokers"))
    assert "mesh.yaml:3" in refused(folder, STUDY)[0]


def test_a_scenario_is_no_study(folder):
    assert not study_file.is_study(folder / "broken.yaml")
    (folder / "study.yaml").write_text(STUDY)
    assert study_file.is_study(folder / "study.yaml")


def test_an_editor_takes_what_the_loader_takes_and_marks_what_it_can_of_the_rest():
    schema = study_schema()
    assert complaints(schema, STUDY) == []
    for mistake in (("summary", "sumary"), ("5%", "0%"), ("replications: 12", "replications: 0"), ("2s", "soon")):
        assert complaints(schema, STUDY.replace(*mistake)) != [], mistake


def test_the_example_of_the_page_is_a_study_without_a_mistake(folder):
    page = (Path(__file__).parents[2] / "docs" / "ensembles.md").read_text(encoding="utf-8")
    found = load(folder, re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert len(found.cells) == 24
    assert all(problem.warning for problem in study_check.problems(found, ""))

"""The files of a run: a line per call that agrees with its response, and the answer as given."""

import json

import pytest
from crawl import asked, crawl

from meshquake.agents import Incident, ToolError
from meshquake.truth.way import citation


@pytest.fixture(scope="module")
def run(cascade, tmp_path_factory):
    """Return the folder of a run with a crawl and an answer, and the texts that the calls returned."""
    folder = tmp_path_factory.mktemp("runs") / "cascade" / "1"
    incident = Incident(cascade, output=folder, now="+30s")
    texts = crawl(asked(incident))
    incident.ask("list_metric", {})
    incident.call("submit", root_causes=[{"service": "database", "kind": "slow", "replica": None}])
    with pytest.raises(ToolError, match="submitted already"):
        incident.call("submit", root_causes=[])
    return folder, texts


def entries(folder):
    return [json.loads(line) for line in (folder / "audit.ndjson").read_text().splitlines()]


def test_calls_are_numbered_and_told_with_the_length_of_their_answers(run):
    folder, texts = run
    found = entries(folder)
    assert [each["call"] for each in found] == list(range(1, len(texts) + 4))
    assert [each["bytes"] for each in found][: len(texts)] == [len(text.encode()) for text in texts]
    assert all(each["tokens"] == -(-each["bytes"] // 4) and each["elapsed"] == 30.0 for each in found)
    assert [each["error"] is None for each in found[-3:]] == [False, True, False]


def test_every_record_of_an_audit_is_one_of_the_recording(run, cascade):
    known = set()
    for kind in ("logs", "events"):
        count = len((cascade / f"{kind}.ndjson").read_text().splitlines())
        known |= {f"{kind[:-1]}:{number}" for number in range(1, count + 1)}
    for line in (cascade / "traces.ndjson").read_text().splitlines():
        span = json.loads(line)
        known.add(citation.span_id(span["trace_id"], span["span_id"]))
    for line in (cascade / "metrics.ndjson").read_text().splitlines():
        sample = json.loads(line)
        columns = ("service", "metric", "target", "replica", "timestamp")
        known.add(citation.metric_id(*(sample[column] for column in columns)))
    cited = [record for each in entries(run[0]) for record in each["records"]]
    assert {record.partition(":")[0] for record in cited} == {"log", "event", "span", "metric"}
    assert set(cited) <= known


def test_an_answer_is_kept_as_it_was_given_without_what_is_null(run):
    answers = json.loads((run[0] / "answers.json").read_text())
    assert answers == {"root_causes": [{"service": "database", "kind": "slow", "replica": None}]}

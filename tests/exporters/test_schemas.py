"""The JSON Schemas that ship with the package, and every record of every scenario against them.

A schema says of a record which keys it has and of each key which values, and nothing of two keys together. So a kind's
records are valid if their keys are right (which tests of the NDJSON files hold) and the distinct values of each column
are. Of these, `jsonschema` looks at every one where they are few, and here a rule of a line stands in for it where they
are many (times, ids, numbers); to be sure that the rule and `jsonschema` agree, it looks at some whole records too.
"""

import json
import re
from math import isfinite

import polars as pl
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from exporters import writing
from exporters.schemas import FOLDER, files
from faults.loader import Options, load, shipped
from sim.records import KINDS
from sim.simulation import Simulation

FEW, STRIDE = 500, 499


def validator(name):
    return Draft202012Validator(json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module", params=shipped())
def batches(request):
    loaded = load(shipped()[request.param])
    return list(Simulation(loaded.scenario, loaded.topology).batches())


def test_the_schema_files_are_what_the_code_makes():
    """If not: python -m exporters.schemas"""
    assert {path: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))} == dict(
        sorted(files().items())
    )


@pytest.mark.parametrize("name", [*KINDS, "manifest"])
def test_each_file_is_a_schema_of_the_2020_12_draft(name):
    Draft202012Validator.check_schema(validator(name).schema)


@pytest.mark.parametrize("name", KINDS)
def test_every_record_of_every_scenario_is_valid(name, batches):
    schema = validator(name).schema
    frame = pl.concat([batch.frame(name) for batch in batches])
    assert tuple(frame.columns) == tuple(schema["properties"]) == tuple(schema["required"])
    for column, rule in schema["properties"].items():
        values = frame[column].unique()
        if column in KINDS[name].objects:
            assert all(isinstance(json.loads(text), dict) for text in values), column
        elif len(values) <= FEW:
            assert all(map(Draft202012Validator(rule).is_valid, values)), column
        else:
            assert all(conforms(rule, value) for value in values), column


def conforms(rule, value):
    """Whether a string or a number is as a schema of no more than a type and a pattern says."""
    assert rule.keys() <= {"description", "type", "pattern"}
    kinds = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    if isinstance(value, str):
        return "string" in kinds and re.search(rule.get("pattern", ""), value) is not None
    return "null" in kinds if value is None else "number" in kinds and isfinite(value)


@pytest.mark.parametrize("name", KINDS)
def test_some_whole_records_of_every_scenario_are_valid(name, batches):
    check = validator(name)
    for batch in batches:
        for position, record in enumerate(batch.records(name)):
            if position % STRIDE == 0:
                check.validate(json.loads(json.dumps(record)))


@pytest.fixture(scope="module")
def cascade(tmp_path_factory):
    """A short fixture."""
    loaded = load(shipped()["cascade"], Options(duration=20, lead_in=2, recovery=2))
    folder = tmp_path_factory.mktemp("fixture") / "cascade"
    writing.write(Simulation(loaded.scenario, loaded.topology), folder, 1.0, lambda batch: None)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_the_lines_of_a_file_are_valid_as_they_stand(name, cascade):
    check = validator(name)
    lines = (cascade / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()
    for line in lines[:: max(1, len(lines) // 200)]:
        check.validate(json.loads(line))
    assert lines


def test_a_manifest_is_valid(cascade):
    validator("manifest").validate(json.loads((cascade / "manifest.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("metrics", {"unit": "percent"}),
        ("metrics", {"value": "1"}),
        ("metrics", {"extra": 1}),
        ("logs", {"level": "WARNING"}),
        ("logs", {"trace_id": "0" * 32}),
        ("traces", {"span_id": "ABCDEF0123456789"}),
        ("traces", {"parent_span_id": ""}),
        ("traces", {"error_type": "TimeoutError"}),
        ("traces", {"timestamp": "2024-01-15T10:30:00Z"}),
        ("events", {"details": "{}"}),
        ("events", {"severity": None}),
    ],
)
def test_a_record_that_is_not_as_it_should_be_is_refused(name, change, cascade):
    with (cascade / f"{name}.ndjson").open(encoding="utf-8") as file:
        record = json.loads(file.readline())
    check = validator(name)
    check.validate(record)
    with pytest.raises(ValidationError):
        check.validate(record | change)
    del record["timestamp"]
    with pytest.raises(ValidationError):
        check.validate(record)

"""A message of several lines, such as a stack trace, is one record wherever log lines go."""

import csv
import json

import pytest
from exported import export, records


@pytest.fixture(scope="module")
def traces(incident):
    """Return the multi-line messages, in order."""
    messages = [record["message"] for record in records(incident, "logs") if "\n" in record["message"]]
    assert len(messages) > 20
    return messages


def cells(path, column):
    """Return the multi-line cells in a column of a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[column] for row in csv.DictReader(file) if "\n" in row[column]]


def test_in_csv_it_is_one_cell(incident, traces, tmp_path):
    assert cells(export(incident, "csv", tmp_path / "out") / "logs.csv", "message") == traces


def test_in_a_case_of_rcaeval_it_is_one_cell(incident, traces, tmp_path):
    assert cells(export(incident, "rcaeval", tmp_path / "case", truth=True) / "logs.csv", "message") == traces


def test_in_openrca_it_is_one_cell(incident, traces, tmp_path):
    (table,) = export(incident, "openrca", tmp_path / "out", truth=True).rglob("log_service.csv")
    values = cells(table, "value")
    assert len(values) == len(traces)
    assert all(any(f"message: {message}" in value for value in values) for message in set(traces))


def test_in_otlp_it_is_one_body(incident, traces, tmp_path):
    folder = export(incident, "otlp", tmp_path / "out")
    bodies = [
        line["body"]["stringValue"]
        for text in (folder / "logs.jsonl").read_text(encoding="utf-8").splitlines()
        for resource in json.loads(text)["resourceLogs"]
        for scope in resource["scopeLogs"]
        for line in scope["logRecords"]
        if "body" in line  # an event may lack it
    ]
    assert sorted(body for body in bodies if "\n" in body) == sorted(traces)

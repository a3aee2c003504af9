"""Whatever a file from outside holds, a command ends with a result, or with lines that name the file, and status 2."""

import json

import pytest
from click.testing import CliRunner

from meshquake.commands.main import main
from meshquake.sim.records import RECORD_KINDS

#: Bytes of the longest message.
BOUND = 6_000
RECORDS = [f"{name}.ndjson" for name in RECORD_KINDS]
SCENARIO = """
name: tiny
topology: mesh.yaml
lead_in: 2s
duration: 4s
recovery: 1s
faults: [{slow: {target: store, factor: 100}}]
"""
MESH = """
name: tiny
services:
  web: {operations: {home: {work: 2ms, calls: [store.get]}}}
  store: {kind: database, workers: 2, operations: {get: {work: 5ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
ANSWERS = {"root_causes": [{"service": "store"}], "detected_at": "2024-01-15T10:30:03+00:00"}


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with all kinds of file that a command reads."""
    place = tmp_path_factory.mktemp("input")
    (place / "scenario.yaml").write_text(SCENARIO)
    (place / "mesh.yaml").write_text(MESH)
    (place / "answers.json").write_text(json.dumps(ANSWERS))
    made = call("scenario", place / "scenario.yaml", "--quiet", "--output", place)
    assert (made.exit_code, made.output) == (0, "")
    (place / "tiny").rename(place / "fixture") if (place / "tiny").exists() else (place / "incidents" / "tiny").rename(
        place / "fixture"
    )
    call("send", place / "fixture", "--to", "http://127.0.0.1:9", "--protocol", "loki", "--state", place / "state")
    return place


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))

"""`mcp --live`: a client mends a mesh that another process plays, and its run records the averted harm."""

import json
import subprocess
import sys
from io import BytesIO

import polars as pl
import pytest
from commandline import call

pytest.importorskip("mcp")

from mcp_client import COMMAND, ENVIRONMENT, SLOWLY_OVER_HTTP, drive, over_stdio, text_of

from meshquake.agents.mitigation import LiveDesk, LiveIncident
from meshquake.agents.mitigation.marks import marks
from meshquake.sim.records import RECORD_KINDS

#: Few users and two services, to keep playing and marking short.
TWO = """
name: two
services:
  web: {operations: {home: {work: 1ms, calls: database.get}}}
  database: {kind: database, replicas: 2, startup: 1s, operations: {get: {work: 10ms}}}
workload: {rate: 4/s, mix: {web.home: 1}}
"""
TEXT = """
name: crisis
topology: two.yaml
lead_in: 15s
duration: 40s
recovery: 5s
confounders: none
faults:
  - slow: {target: database, factor: 200}
"""
CALLS = [
    ("get_brief", {}),
    ("query_metrics", {"metric": "latency_p95", "aggregate": "max"}),
    ("toggle_flag", {"target": "databse"}),
    ("toggle_flag", {"target": "database"}),
    ("wait", {"seconds": 10}),
    ("log_patterns", {"level": "ERROR"}),
    ("list_services", {}),
    ("finish", {}),
    ("restart", {"target": "database"}),
]


@pytest.fixture
def crisis(tmp_path):
    (tmp_path / "two.yaml").write_text(TWO)
    (tmp_path / "crisis.yaml").write_text(TEXT)
    return tmp_path / "crisis.yaml"


@SLOWLY_OVER_HTTP
def test_a_client_hears_and_does_what_python_would_and_is_marked_by_the_harm_averted(connected, crisis, tmp_path):
    async def steps(client):
        return [await text_of(client, *call) for call in CALLS]

    heard = drive(connected, ["--live", crisis, "--seed", 3, "--output", tmp_path / "runs"], steps)
    incident = LiveIncident.of(crisis, seed=3)
    incident.until_alert()
    audit = []
    desk = LiveDesk.of(incident, sinks=[audit.append])
    for (tool, arguments), (text, wrong) in zip(CALLS, heard, strict=True):
        page, error = desk.ask(tool, arguments)
        assert (text, wrong) == (page.text, error is not None)
    run = tmp_path / "runs" / "crisis-3" / "1"
    assert (run / "audit.ndjson").read_text() == "".join(entry.line for entry in audit)
    kept = json.loads((run / "score.json").read_text())
    assert kept == json.loads(json.dumps(marks(incident.finish())))
    assert kept["averted_share"] > 0.5 and kept["best"]["remedy"] == {"kind": "mend", "target": "database"}
    assert (run / "scenario.yaml").read_text() == incident.scenario()


def test_one_comes_when_one_is_told_to_and_sees_nothing_of_what_is_withheld(crisis, tmp_path):
    async def steps(client):
        names = {tool.name: tool.annotations.read_only_hint for tool in (await client.list_tools()).tools}
        return names, [await text_of(client, "list_services", {}) for _ in range(2)]

    arguments = ["--live", crisis, "--now", "alert+5s", "--without", "traces", "--pace", "2s", "--output", tmp_path]
    names, heard = drive(over_stdio, arguments, steps)
    incident = LiveIncident.of(crisis)
    incident.until_alert()
    now = incident.now + 5
    assert [json.loads(text)["now"].split("+")[-1] for text, _ in heard] == [f"{now:g}s)", f"{now + 2:g}s)"]
    assert "find_traces" not in names and not names["restart"] and names["get_brief"]


def test_the_serving_process_is_given_what_was_recorded_by_now_and_no_word_of_the_fault(crisis, tmp_path, monkeypatch):
    shop = tmp_path / "shop"
    shop.mkdir()
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(shop))

    async def steps(client):
        told = json.loads((await text_of(client, "list_services", {}))[0])
        (folder,) = shop.iterdir()
        return told["now"], {path.name: path.read_bytes() for path in folder.iterdir()}

    arguments = ["--live", crisis, "--pace", 0, "--without", "logs", "--output", tmp_path / "runs"]
    now, files = drive(over_stdio, arguments, steps)
    assert files.keys() == {"recording.json", *(f"{kind}.arrow" for kind in RECORD_KINDS)}
    moment = float(now.split("+")[1].removesuffix("s)")) * 1e6
    for kind in RECORD_KINDS:
        frame = pl.read_ipc(BytesIO(files[f"{kind}.arrow"]))
        assert (frame["end" if kind == "traces" else "at"] <= moment).all()
    assert len(pl.read_ipc(BytesIO(files["traces.arrow"]))) > 100
    assert not [word for word in (b"crisis", b"slow-1", b"factor") for file in files.values() if word in file]
    assert list(shop.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([], "give a case to serve, or --live to run one"),
        (["--live", "normal"], "--now alert: nobody is paged in this scenario: say when, as in +30s"),
        (["--live", "cascade", "--now", "+9h"], "--now +9h: must be within the recording"),
        (
            ["--live", "cascade", "--without", "trace"],
            "--without trace: there are no such records (did you mean 'traces'",
        ),
        (["--live", "cascde"], "cascde: no such file"),
        (["cascade", "--topology", "bookinfo"], "--topology goes with --live"),
    ],
)
def test_what_cannot_be_played_is_told_in_a_line_and_leaves_nothing(arguments, wrong, tmp_path):
    ended = call("mcp", *arguments, "--output", tmp_path / "runs")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert wrong in ended.stderr
    assert not (tmp_path / "runs").exists()


def test_a_client_that_goes_without_a_word_is_marked_by_what_it_did(tmp_path):
    (tmp_path / "two.yaml").write_text(TWO)
    options = ["--seed", "3", "--topology", str(tmp_path / "two.yaml"), "--now", "+3m", "--output", str(tmp_path)]
    command = [sys.executable, *COMMAND, "--live", *options]
    ended = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    kept = json.loads((tmp_path / "hidden-3" / "1" / "score.json").read_text())
    assert (kept["averted"], kept["averted_share"]) == (0, 0.0) and kept["harm"] > 0
    harm = f"harm: {kept['harm']} requests instead of {kept['harm']}; 0 averted (0%, 0% of what the best single remedy"
    assert (ended.returncode, ended.stdout) == (0, "") and ended.stderr.startswith(harm)

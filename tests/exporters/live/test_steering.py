"""Who may steer a live mesh, and with which requests; everything else changes nothing."""

import base64
import json
import re
from hashlib import sha256
from math import inf

import pytest
from fastapi.testclient import TestClient

from meshquake.exporters.live.app import application
from meshquake.exporters.live.stage import Seen, Stage
from meshquake.exporters.live.steering import Refused, read
from meshquake.exporters.server.hosts import Hosts
from meshquake.faults.loader import Options, parse
from meshquake.sim.live.pace import Pace
from meshquake.sim.live.script import free_play
from meshquake.sim.live.session import Session
from meshquake.topology import loader as topology_loader

MESH = """
name: two
services:
  web: {replicas: 2, operations: {home: {work: 1ms, calls: db.get}}}
  db: {replicas: 2, operations: {get: {work: 10ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
TOKEN = "secret-of-the-address"
OWN = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}", "content-type": "application/json"}


class Clock:
    """Real time, set by the test."""

    now = 0.0

    def __call__(self):
        return self.now


def session(seed):
    options = Options(seed=seed)
    return Session(
        parse(free_play("two", 60.0), "live", options, mesh=topology_loader.parse(MESH, "mesh.yaml")), options
    )


@pytest.fixture
def stage():
    return Stage(session, 7, Clock())


@pytest.fixture
def client(stage):
    return TestClient(application(stage, TOKEN, Hosts("127.0.0.1"), lambda: False), raise_server_exceptions=False)


def ask(client, content, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content)
    sent = {word.replace("_", "-"): value for word, value in (OWN | headers).items() if value is not None}
    return client.post("http://127.0.0.1:8000/v1/steer", content=body, headers=sent)


def test_who_has_the_token_steers_and_all_who_look_on_see_it(client, stage):
    assert ask(client, {"do": "step"}).status_code == 200
    slow = {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": 3, "for": "20s"}}
    assert ask(client, slow, origin="http://127.0.0.1:8000").json() == {"id": "slow-1", "at": 1.0}
    assert ask(client, {"do": "action", "kind": "restart", "keys": {"target": "db[0]"}}).json()["id"] == "restart-1"
    told, seen = stage.update(Seen())
    again, _ = stage.update(Seen())
    assert told == again
    assert [each["id"] for each in told["causes"]] == ["slow-1", "restart-1"]
    assert (told["status"]["now"], len(told["seconds"]), told["status"]["paused"]) == (1.0, 1, True)
    assert stage.update(seen)[0] == {}
    text = client.get("http://127.0.0.1:8000/v1/scenario").text
    assert text.startswith("# python run.py scenario FILE --seed 7\n") and "slow-1" in text
    assert (
        parse(text, "saved.yaml", mesh=topology_loader.parse(MESH, "mesh.yaml")).scenario.actions[0].id == "restart-1"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": None}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example", "origin": "http://evil.example"}, 421),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_who_comes_from_elsewhere_or_without_the_token_changes_nothing(client, stage, headers, status):
    before = stage.update(Seen())[0]
    assert ask(client, {"do": "step"}, **headers).status_code == status
    assert stage.update(Seen())[0] == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"do": "speed", "speed": NaN}',
        [],
        {"do": 1},
        {"do": "explode"},
        {"do": "_play"},
        {"do": "pause", "more": 1},
        {"do": "speed"},
        {"do": "speed", "speed": 0},
        {"do": "speed", "speed": True},
        {"do": "speed", "speed": "fast"},
        {"do": "restart", "seed": -1},
        {"do": "restart", "seed": 1.5},
        {"do": "finish"},
        {"do": "fault", "kind": "slow", "keys": []},
        {"do": "fault", "kind": "slow", "keys": {"target": "db"}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": 2, "at": "1s"}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": 2, "id": "x"}},
        {"do": "fault", "kind": "slow", "keys": {"target": "nowhere", "factor": 2}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": {"a": {"b": {"c": {"d": {"e": {}}}}}}}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": None}},
        {"do": "fault", "kind": "slow", "keys": {"target": "d" * 300, "factor": 2}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": list(range(300))}},
        {"do": "fault", "kind": "slow", "keys": {"target": "db", "factor": "2\nactions: []"}},
        {"do": "fault", "kind": "restart-all", "keys": {"target": "db"}},
        {"do": "action", "kind": "slow", "keys": {"target": "db", "factor": 2}},
        {"do": "action", "kind": "restart", "keys": {"target": "db\u202e\u0000"}},
    ],
)
def test_what_is_malformed_is_refused_in_words_and_changes_nothing(client, stage, content):
    before = stage.update(Seen())[0]
    answer = ask(client, content)
    assert answer.status_code == 400 and answer.json()["error"]
    assert stage.update(Seen())[0] == before


def test_a_request_that_is_too_long_is_not_read(client, stage):
    assert ask(client, b'{"do": "step", "x": "' + b"a" * 20_000 + b'"}').status_code == 413
    with pytest.raises(Refused, match="at most 16384 bytes"):
        read(b" " * 20_000)
    assert stage.session.now == 0.0


def test_only_what_is_there_is_served_and_no_page_may_bring_scripts_from_elsewhere(client):
    page = client.get("http://127.0.0.1:8000/")
    policy = page.headers["content-security-policy"]
    scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    hashes = [base64.b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert page.status_code == 200 and len(scripts) > 10
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    assert f"script-src {allowed};" in policy and "connect-src 'self'" in policy
    assert TOKEN not in page.text
    for path in ("/../site.py", "/%2e%2e/site.py", "/scripts/live.js", "/v1/nothing", "/openapi.json"):
        assert client.get(f"http://127.0.0.1:8000{path}").status_code == 404
    assert client.get("http://evil.example/").status_code == 421
    mesh = client.get("http://127.0.0.1:8000/v1/mesh").json()
    assert [each["name"] for each in mesh["services"]] == ["web", "db"]
    assert set(mesh["actions"]) >= {"restart", "rollback", "scale"} and "slow" in mesh["faults"]


def test_the_latest_requests_are_told_as_a_report_draws_them(client, stage):
    ask(client, {"do": "fault", "kind": "fail", "keys": {"target": "db", "share": "50%"}})
    for _ in range(4):
        ask(client, {"do": "step"})
    told = client.get("http://127.0.0.1:8000/v1/requests").json()
    kept = stage.session.recent.traces
    assert len(told["traces"]) > 10
    for trace in told["traces"]:
        assert len(trace["spans"]) == len(kept[trace["id"]]) and trace["spans"][0][0] == -1
        root = next(span for span in kept[trace["id"]] if span["parent_span_id"] is None)
        assert (trace["ms"], told["words"][trace["spans"][0][2]]) == (root["duration_ms"], root["service"])
        assert (trace["why"] == "failed") == (root["status"] == "error")
    assert {trace["why"] for trace in told["traces"]} == {"failed", "slowest", "ordinary"}


def test_what_happens_besides_is_told_apart_from_faults():
    text = "name: both\nconfounders: none\nbackground: [restart: {target: 'web[0]'}]\n"
    text += "faults: [slow: {target: db, factor: 2}]\n"

    def make(seed):
        options = Options(seed=seed)
        return Session(parse(text, "live", options, mesh=topology_loader.parse(MESH, "mesh.yaml")), options)

    told, _ = Stage(make, 7, Clock()).update(Seen())
    assert {each["kind"]: each["what"] for each in told["causes"]} == {"slow": "fault", "restart": "background"}


def test_seconds_come_as_fast_as_the_pace_says_and_a_pause_stops_them():
    clock = Clock()
    stage = Stage(session, 7, clock, speed=2.0)
    stage.steer(read(b'{"do": "resume"}'))
    played = []
    for tenth in range(1, 41):
        clock.now = tenth / 10
        stage.tick()
        if tenth == 20:
            stage.steer(read(b'{"do": "pause"}'))
        if tenth == 30:
            stage.steer(read(b'{"do": "resume"}'))
        played.append(stage.session.now)
    assert (played[9], played[19], played[29], played[39]) == (2.0, 4.0, 4.0, 6.0)
    stage.steer(read(b'{"do": "speed", "speed": "max"}'))
    for _ in range(5):
        stage.tick()
    assert stage.session.now == 11.0


def test_who_cannot_keep_the_pace_does_not_hurry_afterwards():
    clock = Clock()
    pace = Pace(clock, 1.0)
    pace.begin()
    clock.now = 10.0
    assert pace.wait() == 0.0
    pace.played()
    assert pace.wait() == 1.0
    assert Pace(clock, inf).wait() == 0.0


def test_a_restart_is_a_new_run_with_its_own_seed(stage):
    stage.steer(read(b'{"do": "step"}'))
    _, seen = stage.update(Seen())
    stage.steer(read(b'{"do": "restart", "seed": 8}'))
    told, _ = stage.update(seen)
    assert (told["status"]["run"], told["status"]["seed"], told["status"]["now"]) == (1, 8, 0.0)
    assert told["causes"] == []

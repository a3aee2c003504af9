"""Views of a live mesh: its log lines, where the time of its requests goes, and its settings."""

import re
from collections import Counter

import pytest

from meshquake.exporters.live.messages import Messages
from meshquake.exporters.live.settings import settings
from meshquake.exporters.live.steering import Refused
from meshquake.exporters.live.timing import LATEST, Timing
from meshquake.exporters.page.traces import Words
from meshquake.faults.loader import Options, parse
from meshquake.sim.live.script import free_play
from meshquake.sim.live.session import REMEMBERED, Session
from meshquake.topology import loader as topology_loader

MESH = """
name: two
services:
  web: {replicas: 2, queue: 50, operations: {home: {work: 1ms, calls: db.get}}}
  db: {workers: 8, replicas: 2, operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 1s, retry: 2, pool: 4}}
workload: {rate: 30/s, mix: {web.home: 1}}
"""


@pytest.fixture
def session():
    batches = []
    options = Options(seed=7)
    mesh = topology_loader.parse(MESH, "mesh.yaml")
    played = Session(parse(free_play("two", 2000.0), "live", options, mesh=mesh), options, on_batch=batches.append)
    played.batches = batches
    return played


def play(session, seconds):
    for _ in range(seconds):
        session.play()
    session.settle()


def test_lines_are_counted_by_what_they_say_and_by_when_they_said_it(session):
    messages = Messages(session.simulation.start)
    session.hearers.append(messages.take)
    play(session, 20)
    session.do("faults", "fail", {"target": "db", "share": "80%"})
    play(session, 20)
    told = messages.told()
    assert (told["step"], told["more"]) == (5, 0)
    # Lines are complete up to the start of the oldest request in flight.
    assert told["until"] == session.batches[-1].clock == pytest.approx(session.now, abs=1)
    counted = Counter()
    for each in told["templates"]:
        for step, count in each["counts"]:
            counted[each["service"], each["level"], step] += count
    lines = [line for batch in session.batches for line in batch.records("logs")]
    second = [int(line["timestamp"][14:16]) % 30 * 60 + float(line["timestamp"][17:26]) for line in lines]
    assert counted == Counter(
        (line["service"], line["level"], int(at // 5)) for line, at in zip(lines, second, strict=True)
    )
    # Failures are new: before the fault they appear in no step.
    failed = [each for each in told["templates"] if each["level"] == "ERROR"]
    assert failed and min(step for each in failed for step, _ in each["counts"]) >= 4
    # Values are masked, so there are far fewer templates than lines, and they come first.
    assert len(told["templates"]) < len(lines) / 10
    assert [each["level"] in ("WARN", "ERROR", "FATAL") for each in told["templates"]] == sorted(
        (each["level"] in ("WARN", "ERROR", "FATAL") for each in told["templates"]), reverse=True
    )
    assert {each["service"] for each in messages.told(["db"])["templates"]} == {"db"}


def test_where_time_went_adds_up_to_what_some_requests_of_every_second_took(session):
    timing = Timing(session.simulation.start)
    session.hearers.append(timing.take)
    play(session, 60)
    begun = session.now
    session.do("faults", "slow", {"target": "db", "factor": 10, "for": "10m"})
    play(session, 60)
    words = Words()
    before, latest = timing.flame(begun, words)
    assert (before["label"], before["from"], before["to"]) == ("Before", pytest.approx(0, abs=0.5), begun)
    assert (latest["to"] - latest["from"], latest["label"]) == (LATEST, "Latest")
    # Two of each second.
    assert before["requests"] == pytest.approx(2 * 60, abs=4) and latest["requests"] == pytest.approx(60, abs=2)
    texts = list(words)
    for side, least, most in ((before, 5, 30), (latest, 60, 400)):
        (top,) = (frame for frame in side["frames"] if frame[0] == 0)
        assert texts[top[1]] == "web.home" and least < top[3] < most
        assert sum(frame[4] for frame in side["frames"]) == pytest.approx(top[3], rel=0.01)
    # Until something is done, "before" ends half a minute ago; soon after, "latest" begins when it was done.
    since, soon = latest["from"], session.now - 5
    for done, border in ((None, since), (session.now + 60, since), (soon, soon)):
        one, other = timing.flame(done, Words())
        assert one["to"] == other["from"] == border


def test_what_is_long_past_is_forgotten(session):
    messages, timing = Messages(session.simulation.start), Timing(session.simulation.start)
    session.hearers += [messages.take, timing.take]
    play(session, 700)
    oldest = min(step for each in messages.told()["templates"] for step, _ in each["counts"])
    assert session.now - REMEMBERED - 5 <= oldest * 5 <= session.now - REMEMBERED + 5
    before, _ = timing.flame(None, Words())
    assert before["from"] == pytest.approx(session.now - REMEMBERED, abs=2)


def test_settings_are_told_as_they_are_at_this_moment(session):
    mesh = session.simulation.mesh
    play(session, 1)
    edge = settings(mesh, "web", "db")
    assert edge["timeout"] == "1s" and edge["breaker"] == "none"
    assert re.match(r"\{max_attempts: 2, ", edge["retry"]) and "size: 4" in edge["pool"]
    assert settings(mesh, "db")["replicas"] == "2" and settings(mesh, "db")["workers"] == "8"
    assert "50" in settings(mesh, "web")["queue"] and settings(mesh, "web")["autoscale"] == "none"
    session.do("actions", "change", {"target": "web -> db", "set": {"timeout": "250ms", "retry": "none"}})
    session.do("actions", "scale", {"target": "db", "to": 3})
    play(session, 2)
    assert (settings(mesh, "web", "db")["timeout"], settings(mesh, "web", "db")["retry"]) == ("250ms", "none")
    assert settings(mesh, "db")["replicas"] == "3"


@pytest.mark.parametrize(
    ("asked", "message"),
    [(("wed", None), r"no service 'wed' \(did you mean 'web'\?\)"), (("db", "web"), "db does not call 'web'")],
)
def test_settings_of_what_is_not_there_are_refused(session, asked, message):
    with pytest.raises(Refused, match=message):
        settings(session.simulation.mesh, *asked)

"""Arrivals over time: shapes, bursts, the hours of the week, and files of requests."""

import json
import re

import numpy as np
import polars as pl
import pytest
from recording import record
from stage import drain, take_rows, topology_of, unfold

from meshquake.faults.fault import Extent, Target, Window
from meshquake.faults.kinds.surge import Surge
from meshquake.faults.scenario import Scenario
from meshquake.sim.mesh import Mesh
from meshquake.sim.users.levels import level_of
from meshquake.topology.distributions import Exponential, Pareto
from meshquake.topology.loader import load
from meshquake.topology.problems import DocumentError
from meshquake.topology.shapes import Week
from meshquake.topology.users import Bursts

MESH = """
name: inn
services: {{web: {{workers: 100000, readiness: {{period: 600s}}, operations: {{home: {{}}, pay: {{}}}}}}}}
workload: {{populations: {{them: {{{them}}}}}}}
"""


def sent(them, seconds, seed=1, clock=0.0):
    """Return the times of requests."""
    mesh = Mesh(topology_of(MESH.format(them=them)), seed, seconds, clock)
    mesh.env.advance(seconds)
    return np.sort(take_rows(mesh)["sent"])


def dispersion(times, width, seconds):
    """Return variance over mean of the counts in windows of a width."""
    counts = np.bincount((times / width).astype(int), minlength=int(seconds / width))[: int(seconds / width)]
    return counts.var() / counts.mean()


def test_a_population_that_comes_evenly_is_poisson():
    times = sent("rate: 200/s, mix: {web.home: 1}", 400)
    assert len(times) == pytest.approx(80_000, rel=0.015)
    assert dispersion(times, 1.0, 400) == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("window", [0.5, 5.0])
def test_on_and_off_bursts_have_the_dispersion_of_a_markov_modulated_poisson_process(window):
    """1 + 2 (a - b)^2 r s / ((r + s)^2 (a s + b r)) (1 - (1 - e^-x) / x) (Fischer and Meier-Hellstern 1993).

    a and b are the rates of requests on and off, r and s those of leaving on and off, and x = (r + s) * window.
    """
    high, low, r, s = 40.0, 8.0, 1.0, 0.5
    bursts = "{on: {exponential: 1s}, off: {exponential: 2s}, low: 20%}"
    them = f"rate: 40/s, mix: {{web.home: 1}}, over_time: {{bursts: {bursts}}}"
    found = np.mean([dispersion(sent(them, 600, seed), window, 600) for seed in range(6)])
    x = (r + s) * window
    theory = 1 + 2 * (high - low) ** 2 * r * s / ((r + s) ** 2 * (high * s + low * r)) * (1 - (1 - np.exp(-x)) / x)
    assert found == pytest.approx(theory, rel=0.15)


def test_many_sources_with_heavy_tails_are_bursty_at_every_scale_and_with_light_ones_they_are_not():
    """The variance of means over m falls as m^(2H - 2): H is (3 - alpha) / 2 = .8 for heavy tails, else 1/2."""
    hurst = []
    for times in (Pareto(0.2, 1.4, 80_000.0), Exponential(0.7)):
        level = level_of(Bursts(times, times, sources=12), 3, "them", 0.0, 1e9)
        means = np.array([level(0.2 * i) for i in range(40_000)])
        variances = [means[: len(means) // m * m].reshape(-1, m).mean(axis=1).var() for m in (20, 200)]
        hurst.append(1 + np.log10(variances[1] / variances[0]) / 2)
    assert hurst[0] == pytest.approx(0.8, abs=0.1)
    assert hurst[1] == pytest.approx(0.5, abs=0.1)


def test_the_hours_of_the_week_are_those_of_the_start_of_the_recording():
    night = Week(hours=(0.0,) * 9 + (1.0,) * 9 + (0.0,) * 6, days=(1.0,) * 5 + (0.5,) * 2)
    level = level_of(night, 1, "them", 4 * 86400 + 8.5 * 3600, 1e9)  # a Friday, at half past eight
    hour = 3600
    assert [level(time * hour) for time in (0, 0.25, 0.5, 5, 9.5, 24.5, 72.5)] == [0.5, 0.75, 1, 1, 0, 0.5, 1]


def test_users_come_by_the_clock():
    hours = ", ".join(["0%"] * 12 + ["100%"] + ["0%"] * 11)
    them = f"rate: 1/s, mix: {{web.home: 1}}, over_time: {{week: {{hours: [{hours}]}}}}"
    times = sent(them, 7200, clock=11 * 3600)
    assert len(times) == pytest.approx(3600, rel=0.06)  # half of two hours: up to noon, and down again
    assert np.median(times) == pytest.approx(3600, rel=0.03)


# -- files -------------------------------------------------------------------------------------------------------------


def mesh_of(tmp_path, name, content, more=""):
    (tmp_path / name).write_text(content, encoding="utf-8")
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH.format(them=f"replay: {name}{more}"), encoding="utf-8")
    return file


def played(file, seconds=60.0, *faults):
    mesh = Mesh(load(file).topology, 1, seconds)
    for fault, window in faults:
        mesh.env.process(unfold(mesh, fault, window))
    mesh.env.advance(seconds)
    drain(mesh)
    rows = np.sort(take_rows(mesh), order="sent")
    return [(float(row["sent"]), mesh.sites[row["site"]].name) for row in rows]


FORMS = {
    "requests.csv": "entry,time,user\nweb.home,0.5,ann\nweb.pay,2,bob\nweb.home,2,\n",
    "requests.ndjson": "\n".join(
        json.dumps({"time": time, "entry": entry, "user": 7})
        for time, entry in ((0.5, "web.home"), ("2", "web.pay"), (2.0, "web.home"))
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_requests_come_as_the_file_says(tmp_path, name):
    file = mesh_of(tmp_path, name, FORMS[name])
    assert sorted(played(file)) == [(0.5, "web.home"), (2.0, "web.home"), (2.0, "web.pay")]
    assert load(file).topology.workload.rate == pytest.approx(1.5)


LINES = [
    {"time": 0.5, "entry": "web.home", "user.id": "ann", "session.id": None, "agent": 'curl "8"', "tags": ["a", "b"]},
    {"time": 1, "entry": "web.pay", "user.id": 7, "note": ""},
    {"time": 2, "entry": "web.home"},
]


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_entry_writes_down_what_the_file_says_of_a_request_and_nobody_else_does(tmp_path, factor):
    file = mesh_of(tmp_path, "r.ndjson", "\n".join(map(json.dumps, LINES)))
    surge = Surge(target=Target("users"), factor=factor, for_=Extent(4.0))
    scenario = Scenario(name="x", duration=4.0, lead_in=0.0, recovery=0.0, seed=1, faults=(surge,))
    run = record(scenario, load(file).topology)
    known = [json.loads(text) for text in run.roots["attributes"].drop_nulls()]
    assert known == [
        each
        for each in (
            {"user.id": "ann", "agent": 'curl "8"', "tags": '["a","b"]'},
            {"user.id": "7"},
        )
        for _ in range(round(factor))
    ]
    assert run.traces.filter(kind="client")["attributes"].is_null().all()
    said = run.logs.join(run.roots.select("span_id", "operation"), on="span_id")
    assert len(said) == round(3 * factor)
    ann = r' user.id=ann agent="curl \"8\"" tags="[\"a\",\"b\"]"'
    assert sum(text.endswith(ann) for text in said["message"]) == round(factor)
    assert sum(text.endswith(" user.id=7") for text in said["message"]) == round(factor)
    assert (
        not run.logs.filter(~pl.col("span_id").is_in(said["span_id"].implode()))["message"].str.contains("user").any()
    )


def test_who_the_file_says_asks_is_who_asks_along_the_whole_trace(tmp_path):
    """For services that name their stack; a returning user keeps tier and devices."""
    users = ["ann", "bob", "ann", 'a"']
    asked = [{"time": time, "entry": "web.home", "user.id": user} for time, user in enumerate(users)]
    (tmp_path / "r.ndjson").write_text("\n".join(map(json.dumps, [*asked, {"time": 4, "entry": "web.home"}])))
    (tmp_path / "mesh.yaml").write_text("""
name: inn
services:
  web: {stack: nodejs/express, operations: {home: {calls: [app.get]}}}
  app: {stack: go/gin, operations: {get: {work: 1ms}}}
workload: {populations: {them: {replay: r.ndjson}}}
""")
    run = record(
        Scenario(name="x", duration=6.0, lead_in=0.0, recovery=0.0, seed=1), load(tmp_path / "mesh.yaml").topology
    )
    servers = run.traces.filter(kind="server")
    told = [json.loads(text) for text in servers["attributes"]]
    by_trace = {trace: set() for trace in servers["trace_id"].unique(maintain_order=True)}
    for trace, each in zip(servers["trace_id"], told, strict=True):
        by_trace[trace].add(each["user.id"])
    *named, odd, unnamed = by_trace.values()
    assert named == [{"ann"}, {"bob"}, {"ann"}]
    assert len(odd) == 2 and len(unnamed) == 1  # the entry has what the file says, whatever it is
    tiers = [each["user.tier"] for each in told if each["user.id"] == "ann" and "user.tier" in each]
    assert len(tiers) == 2 and len(set(tiers)) == 1
    assert run.logs.filter(service="app")["message"].str.contains("user_id=ann").sum() == 2


def test_attributes_change_nothing_but_the_lines_that_have_them(tmp_path):
    def recorded(lines):
        file = mesh_of(tmp_path, "r.ndjson", "\n".join(map(json.dumps, lines)))
        return record(Scenario(name="x", duration=4.0, lead_in=0.0, recovery=0.0, seed=1), load(file).topology)

    bare = [{word: line[word] for word in ("time", "entry")} for line in LINES]
    runs = [recorded(LINES), recorded(bare)]
    assert runs[0].metrics.equals(runs[1].metrics)
    assert runs[0].traces.drop("attributes").equals(runs[1].traces.drop("attributes"))
    assert runs[1].traces["attributes"].null_count() == len(runs[1].traces)
    without = [re.sub(r" user\.id=.*", "", message) for message in runs[0].logs["message"]]
    assert without == runs[1].logs["message"].to_list()


def test_a_line_with_too_much_to_write_down_is_refused(tmp_path):
    content = "time,entry,note\n1,web.home,{}\n2,web.home,{}\n".format("x" * 4092, "x" * 4093)
    with pytest.raises(DocumentError) as caught:
        load(mesh_of(tmp_path, "r.csv", content))
    assert [problem.message for problem in caught.value.problems] == [
        "has attributes of 4097 characters; at most 4096 are allowed"
    ]


def test_moments_count_from_the_first(tmp_path):
    content = "time,entry\n2024-05-01T10:00:00Z,web.home\n2024-05-01T10:00:03.5Z,web.pay\n"
    assert played(mesh_of(tmp_path, "r.csv", content)) == [(0.0, "web.home"), (3.5, "web.pay")]


def test_what_is_wrong_with_a_file_is_told_line_by_line(tmp_path):
    content = "time,entry\n1,web.home\n0.5,web.home\nsoon,web.home\n3,web.hom\n4,\n"
    file = mesh_of(tmp_path, "r.csv", content)
    with pytest.raises(DocumentError) as caught:
        load(file)
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "r.csv:3: is 0.5 s earlier than the previous request",
        "r.csv:4: must have a time, as in 12.5 (seconds) or 2024-01-15T10:30:00Z, not 'soon'",
        "r.csv:5: there is no operation 'web.hom' (did you mean 'web.home'?)",
        "r.csv:6: has no entry, as in web.home",
    ]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("r.csv", "when,entry\n1,web.home\n", "r.csv:1: has no column time"),
        ("r.ndjson", '{"time": 1, "entry": "web.home"}\n[1]\nx\n', "r.ndjson:2: is not a JSON object"),
        ("r.ndjson", "", "r.ndjson: has no requests"),
        ("r.ndjson", '{"time": 1, "entry": "web.home", "u": "\\ud800"}', "r.ndjson:1: has an attribute with half a"),
        ("r.ndjson", '{"time": true, "entry": "web.home"}', "r.ndjson:1: has no time"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, name, content, complaint):
    with pytest.raises(DocumentError) as caught:
        load(mesh_of(tmp_path, name, content))
    assert str(caught.value.problems[0]).removeprefix(f"{tmp_path}/").startswith(complaint)


def test_a_missing_file_is_told(tmp_path):
    file = mesh_of(tmp_path, "r.csv", "")
    (tmp_path / "r.csv").unlink()
    with pytest.raises(DocumentError, match="no such file"):
        load(file)


def test_a_surge_repeats_requests_of_a_file_and_a_dip_leaves_some_out(tmp_path):
    content = "time,entry\n" + "".join(f"{i / 100},web.home\n" for i in range(2000))
    file = mesh_of(tmp_path, "r.csv", content)
    users, always = Target("users"), Window(0, 0, 100)
    counts = [len(played(file, 60.0, (Surge(target=users, factor=factor), always))) for factor in (1.0, 2.5, 0.25, 0.0)]
    assert counts[0] == 2000
    assert counts[1:] == pytest.approx([5000, 500, 0], abs=120)

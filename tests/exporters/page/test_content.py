"""The page's data are the recording's, whatever its texts contain."""

import json
import re
from collections import defaultdict

import pytest

from meshquake.exporters import extras
from meshquake.exporters.extras import MissingExtraError
from meshquake.exporters.fixtures.fixture import Fixture
from meshquake.exporters.page import assembly, document, flame, mesh, series, sources, story
from meshquake.exporters.page.axis import Axis
from meshquake.exporters.page.calls import pairs
from meshquake.exporters.page.traces import Words
from meshquake.exporters.reports.markup import markup
from meshquake.sim.records import TRACE

#: Text that a page must not interpret: markup, the end of a script, terminal colours, right-to-left text.
HOSTILE = "</script><img src=x onerror=alert(1)>&amp;\x1b[31m\u202edcba\u2066"


@pytest.fixture(scope="module")
def read(incident):
    return sources.read(incident)


def test_what_a_browser_would_obey_is_written_as_an_escape():
    assert assembly.plain({HOSTILE: [HOSTILE, 1, None]}) == {
        shown: [shown, 1, None] for shown in ["</script><img src=x onerror=alert(1)>&amp;\\u001b[31m\\u202edcba\\u2066"]
    }
    assert assembly.plain("line\n\tline") == "line\n\tline"


def test_no_text_ends_the_element_that_the_data_are_in():
    text = str(assembly.embedded(assembly.plain({"message": HOSTILE})))
    assert not re.search("[<>&]", text)
    assert json.loads(text) == {"message": assembly.plain(HOSTILE)}


def test_blocks_in_markup_keep_names_as_texts():
    assert markup([HOSTILE, "", HOSTILE]).count("&lt;/script&gt;&lt;img") == 2
    assert "<img" not in markup([HOSTILE])


@pytest.mark.parametrize(
    ("length", "most", "multiple", "step", "count"),
    [(210, 300, 1, 1, 210), (600, 300, 1, 2, 300), (601, 300, 1, 3, 201), (210, 120, 0, 2, 105), (60, 120, 0, 1, 60)],
)
def test_steps_are_the_shortest_that_are_few_enough(read, length, most, multiple, step, count):
    axis = Axis.of(read.moments.start, length, most, multiple)
    assert (axis.step, axis.count) == (step, count)


def test_a_thinned_series_keeps_the_highest_and_the_lowest_sample_of_each_step(incident, read):
    axis = Axis.of(read.moments.start, read.moments.length, 5, read.interval)
    coarse = sources.Sources(**{name: getattr(read, name) for name in read.__dataclass_fields__} | {"moments": axis})
    samples = defaultdict(list)
    for sample in Fixture(incident).metrics(service="database"):
        if sample["metric"] == "worker_utilization" and sample["replica"] is None:
            samples[int((axis.seconds(sample["timestamp"]) - 1e-6) // axis.step)].append(sample["value"])
    told = series.series(coarse)["database"]["worker_utilization"]
    assert told == {
        "unit": "%",
        "high": [max(samples[step]) for step in range(axis.count)],
        "low": [min(samples[step]) for step in range(axis.count)],
    }
    assert axis.step == 4


def test_the_frames_of_requests_add_up_to_what_their_users_waited(read):
    sides = flame.flame(read, Words())
    assert [side["label"] for side in sides] == ["Before", "During"]
    for side in sides:
        spans = read.roots.filter(
            (read.roots["start"] >= side["from"] * 1e6) & (read.roots["start"] < side["to"] * 1e6)
        )
        assert len(spans) == side["requests"] < flame.MOST
        waited = spans["duration_ms"].mean()
        top = sum(frame[3] for frame in side["frames"] if frame[0] == 0)
        own = sum(frame[4] for frame in side["frames"])
        assert top == pytest.approx(waited, rel=0.01)
        assert own == pytest.approx(top, rel=0.03)  # except for frames too small to draw


def test_no_box_of_the_mesh_covers_another_and_every_edge_has_its_path(read):
    told = mesh.mesh(read.topology, pairs(read))
    boxes = [each["box"] for each in told["services"]]
    for position, (x, y, width, height) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + width <= told["width"] and y + height <= told["height"]
        assert not any(x < a + w and a < x + width and y < b + h and b < y + height for a, b, w, h in boxes[:position])
    assert {(each["caller"], each["callee"]) for each in told["edges"]} == {
        (edge.caller, edge.callee) for edge in read.topology.edges
    }


def test_edges_of_a_case_without_its_truth_are_those_of_its_calls(small_cases):
    folder, _, _ = small_cases
    case = min((folder / "telemetry").iterdir())
    withheld = sources.read(case, truth=False)
    assert document.place(case).parent.name == "truth"
    assert document.place(case, truth=False).parent.name == "telemetry"
    seen = {(span["service"], span["peer"]) for span in Fixture(case).traces() if span["kind"] == "client"}
    edges = {(each["caller"], each["callee"]) for each in mesh.mesh(withheld.topology, pairs(withheld))["edges"]}
    assert seen <= edges


def test_the_story_of_nothing_is_that_nothing_was_wrong():
    requests = {"total": 10, "harmed": 0, "spared": 0, "background": 1}
    told = story.story({"faults": [], "background": [], "requests": requests, "recording": {}})
    assert told["paragraphs"] == ["Nothing was wrong: no fault acted in this recording."]
    assert [figure["value"] for figure in told["figures"]] == ["10", "0", "1"]


def test_faults_of_one_kind_that_nobody_felt_are_told_of_in_one_breath():
    names = [f"s{number}" for number in range(6)]
    at = {"start": "2024-01-15T10:30:00+00:00", "ramp_end": "2024-01-15T10:30:00+00:00"}
    end = "2024-01-15T10:31:00+00:00"
    targets = [{"service": name, "edge": None, "replica": None, "operation": None} for name in names]
    faults = [{"kind": "fail", "target": target, "latent": True, "end": end, **at} for target in targets]
    told = story.story(
        {
            "faults": faults,
            "background": [],
            "requests": {"total": 10, "harmed": 1, "background": 1},
            "recording": {"end": end},
        }
    )
    assert told["paragraphs"][1:] == [
        "At 10:30:00 s0, s1, s2 and 3 more failed requests. "
        "They lasted to the end, and no promise to users was broken by them."
    ]


def test_the_same_fixture_gives_the_same_page(incident, tmp_path):
    for name in ("one.html", "two.html"):
        document.write(incident, tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    text = (tmp_path / "one.html").read_text()
    assert not re.search(r'(?:src|href)="(?!#)', text.partition("<script")[0])


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    def gone(module):
        raise ModuleNotFoundError("No module named 'vl_convert'", name="vl_convert")

    monkeypatch.setattr(extras, "import_module", gone)
    with pytest.raises(MissingExtraError, match=r"a report needs vl_convert: pip install 'meshquake\[report\]'"):
        extras.load("meshquake.exporters.page.document", "report", "a report")


def test_a_metric_is_a_chart_of_its_samples_that_can_be_changed(incident):
    fixture = Fixture(incident)
    chart = fixture.chart("latency_p95", service="database")
    told = chart.properties(title="slow").to_dict()
    points = told["datasets"][told["layer"][1]["data"]["name"]]
    assert told["title"] == "slow"
    assert [point["value"] for point in points] == [
        sample["value"]
        for sample in fixture.metrics(service="database")
        if (sample["metric"], sample["replica"]) == ("latency_p95", None)
    ]
    with pytest.raises(ValueError, match=r"has no latency_p59 of service database \(did you mean 'latency_p"):
        fixture.chart("latency_p59", service="database")


def test_a_fixture_shows_itself_in_a_notebook(incident):
    shown = Fixture(incident)._repr_html_()
    spans = sum(1 for _ in Fixture(incident).traces())
    assert f"{spans:,} {TRACE.name}" in shown and "<table" in shown

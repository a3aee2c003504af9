"""A case for OpenRCA 2.0: its platform's own evaluator and readers accept it, and nothing is lost or revealed early."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from exported import export, records
from incident import short

from meshquake.exporters.fixtures import reading, writing
from meshquake.exporters.formats.openrca2.injection import CHAOS_TYPES
from meshquake.exporters.formats.registry import FORMATS, FormatError
from meshquake.faults.kinds import fault_kinds

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

WINDOWS = ("normal", "abnormal")
#: When the fault of the incident begins.
BEGUN = datetime(2024, 1, 15, 10, 30, 5, tzinfo=UTC)
SPAN = [
    *("time", "trace_id", "span_id", "parent_span_id", "span_name", "attr.span_kind", "service_name", "duration"),
    *("attr.status_code", "attr.k8s.pod.name", "attr.k8s.service.name", "attr.k8s.namespace.name"),
    *("attr.http.request.method", "attr.http.response.status_code"),
    *("attr.http.request.content_length", "attr.http.response.content_length"),
]
LINE = [
    *("time", "trace_id", "span_id", "level", "service_name", "message"),
    *("attr.k8s.pod.name", "attr.k8s.service.name", "attr.k8s.namespace.name"),
    *("attr.template_id", "attr.log_template"),
]


@pytest.fixture(scope="module")
def case(incident, tmp_path_factory):
    return export(incident, "openrca2", tmp_path_factory.mktemp("openrca2") / "case", truth=True)


def table(case, name):
    """Return the rows of a table by window."""
    return {window: pl.read_parquet(case / f"{window}_{name}.parquet") for window in WINDOWS}


def both(case, name):
    return pl.concat(table(case, name).values())


def moment(record):
    return datetime.fromisoformat(record["timestamp"])


def test_the_case_has_the_tables_and_columns_that_the_platform_makes(case):
    names = ("logs", "metrics", "metrics_histogram", "metrics_sum", "traces")
    tables = {f"{window}_{name}.parquet" for window in WINDOWS for name in names}
    told = {"conclusion.parquet", "env.json", "injection.json", "causal_graph.json"}
    assert {path.name for path in case.iterdir()} == tables | told
    for window in WINDOWS:
        assert pl.read_parquet_schema(case / f"{window}_traces.parquet").names() == SPAN
        assert pl.read_parquet_schema(case / f"{window}_logs.parquet").names() == LINE
        for name in ("metrics", "metrics_sum"):
            assert pl.read_parquet_schema(case / f"{window}_{name}.parquet").names()[:4] == [
                *("time", "metric", "value", "service_name")
            ]
    schema = pl.read_parquet_schema(case / "normal_traces.parquet")
    assert (schema["time"], schema["duration"]) == (pl.Datetime("ns", "UTC"), pl.UInt64)


def test_each_record_is_in_the_window_that_it_is_of_and_in_no_other(case, incident):
    for name, kinds in (("traces", ("traces",)), ("logs", ("logs", "events"))):
        moments = sorted(moment(each) for kind in kinds for each in records(incident, kind))
        found = table(case, name)
        assert found["normal"]["time"].max() < BEGUN <= found["abnormal"]["time"].min()
        assert both(case, name)["time"].dt.cast_time_unit("us").to_list() == moments
    samples = pl.concat([both(case, "metrics"), both(case, "metrics_sum")])
    assert len(samples) == len(records(incident, "metrics"))
    assert table(case, "metrics")["normal"]["time"].max() == BEGUN < table(case, "metrics")["abnormal"]["time"].min()


def test_spans_have_nanoseconds_and_are_named_by_the_conventions(case, incident):
    rows = {(row["trace_id"], row["span_id"]): row for row in both(case, "traces").to_dicts()}
    for span in records(incident, "traces"):
        row = rows[span["trace_id"], span["span_id"]]
        assert row["duration"] == round(span["duration_ms"] * 1000) * 1000
        assert row["parent_span_id"] == (span["parent_span_id"] or "")
        assert row["attr.span_kind"].lower() == span["kind"]
        assert row["attr.k8s.pod.name"] == span["replica"]
        of_request = span["kind"] == "server" and 400 <= span["status_code"] < 500
        assert (row["attr.status_code"] == "Error") == (span["status"] == "error" and not of_request)
    asked = {row["span_name"] for row in rows.values() if row["parent_span_id"] == ""}
    assert asked >= {"GET /browse", "POST /checkout"}


def test_histograms_count_each_call_that_ended_in_a_sampled_interval(case, incident):
    last = max(moment(each) for each in records(incident, "metrics"))
    expected = {}
    for span in records(incident, "traces"):
        ended = moment(span).timestamp() + span["duration_ms"] / 1000
        if span["kind"] == "server" and span["service"] == "api-gateway" and ended + 1e-7 < last.timestamp():
            expected[span["replica"]] = expected.get(span["replica"], 0) + 1
    found = both(case, "metrics_histogram").filter(metric="http.server.request.duration", service_name="api-gateway")
    assert dict(found.group_by("attr.k8s.pod.name").agg(pl.col("count").sum()).iter_rows()) == expected
    assert found.filter(pl.col("min") * pl.col("count") > pl.col("sum") + 1e-6).is_empty()
    assert found.filter(pl.col("max") * pl.col("count") < pl.col("sum") - 1e-6).is_empty()


def test_truth_is_where_the_layout_has_it_and_nowhere_else(case, incident):
    key = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))
    (fault,) = key["faults"]
    injected = json.loads((case / "injection.json").read_text(encoding="utf-8"))
    (entry,) = injected["engine_config"]
    assert (entry["app"], entry["chaos_type"], entry["kind"]) == ("database", "HTTPResponseDelay", "slow")
    assert (injected["start_time"], injected["end_time"]) == (fault["start"], fault["end"])
    assert [each["service"] for each in injected["ground_truth"]] == [["database"]]
    env = json.loads((case / "env.json").read_text(encoding="utf-8"))
    begun = str(int(BEGUN.timestamp()))
    assert (env["NORMAL_END"], env["ABNORMAL_START"]) == (begun, begun)
    words = [fault["id"], "slow work", key["fixture"]]
    for path in case.glob("*.parquet"):
        texts = pl.read_parquet(path).select(pl.col(pl.String))
        for word in words:
            assert texts.filter(pl.any_horizontal(pl.all().str.contains(word, literal=True))).is_empty(), path


def test_the_graph_is_the_mechanism_of_the_key(case, incident):
    (fault,) = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))["faults"]
    graph = json.loads((case / "causal_graph.json").read_text(encoding="utf-8"))
    of = graph["component_to_service"]
    edges = {(of[each["source"]], of[each["target"]]) for each in graph["edges"]}
    steps = {(step["from"], step["to"]) for step in fault["mechanism"]}
    assert {edge for edge in edges if edge[0] != edge[1]} == {step for step in steps if step[0] != step[1]}
    assert [of[each["component"]] for each in graph["root_causes"]] == ["database"]
    harmed = {each["entry"] for each in fault["blast_radius"]["entries"] if each["harmed"]}
    assert len(graph["alarm_nodes"]) == len(harmed) > 0
    components = {node["component"] for node in graph["nodes"]}
    assert components == of.keys()
    assert {end for edge in graph["edges"] for end in edge.values()} <= components


def test_the_conclusion_is_what_users_met_before_and_since(case, incident):
    spans = [each for each in records(incident, "traces") if each["kind"] == "server" and not each["parent_span_id"]]
    rows = pl.read_parquet(case / "conclusion.parquet").to_dicts()
    assert len(rows) == len({each["operation"] for each in spans})
    (browse,) = (row for row in rows if row["SpanName"] == "GET /browse")
    for window in WINDOWS:
        own = [
            each
            for each in spans
            if each["operation"] == "api-gateway.browse" and (moment(each) >= BEGUN) == (window == "abnormal")
        ]
        took = sorted(each["duration_ms"] / 1000 for each in own)
        name = window.title()
        assert browse[f"{name}AvgDuration"] == pytest.approx(sum(took) / len(took), abs=1e-6)
        assert browse[f"{name}P90"] == pytest.approx(took[-(-len(took) * 90 // 100) - 1], abs=1e-6)
        good = sum(each["status"] == "success" for each in own)
        assert browse[f"{name}SuccRate"] == pytest.approx(good / len(own), abs=1e-6)
    harmed = [row["SpanName"] for row in rows if json.loads(row["Issues"])]
    graph = json.loads((case / "causal_graph.json").read_text(encoding="utf-8"))
    assert sorted(harmed) == sorted(node["component"].split("::")[1] for node in graph["alarm_nodes"])


def test_kinds_of_faults_that_chaos_mesh_has_are_named_by_it():
    assert CHAOS_TYPES.keys() <= fault_kinds().keys()


def test_a_recording_without_a_key_or_without_an_incident_is_refused(incident, tmp_path):
    with pytest.raises(FormatError, match="--with-truth"):
        export(incident, "openrca2", tmp_path / "out")
    with pytest.raises(FormatError, match="--with-truth"):
        writing.write(short(), tmp_path / "fixture", lambda batch: None, formats=[FORMATS["openrca2"]])
    context = reading.context(incident, truth=True)
    latent = {**context.truth, "faults": [{**fault, "latent": True} for fault in context.truth["faults"]]}
    early = {**context.truth, "faults": [{**fault, "start": context.start.isoformat()} for fault in latent["faults"]]}
    early["faults"] = [{**fault, "latent": False} for fault in early["faults"]]
    for truth, said in ((latent, "needs an incident"), (early, "--lead-in")):
        (tmp_path / said).mkdir()
        with pytest.raises(FormatError, match=said):
            FORMATS["openrca2"].sink(tmp_path / said, replace(context, truth=truth))
    assert not (tmp_path / "out").exists() and not (tmp_path / "fixture").exists()


# -- the platform itself -------------------------------------------------------------------------------------------

#: A script that marks answers as OpenRCA 2.0's platform does, and reads the case as its algorithms do.
SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from rcabench_platform.v3.internal.reasoning.loaders.parquet_loader import ParquetDataLoader
from rcabench_platform.v3.sdk.datasets.rcabench import get_service_names
from rcabench_platform.v3.sdk.evaluation.causal_graph import CausalGraph
from rcabench_platform.v3.sdk.evaluation.v2 import evaluate_v2
from rcabench_platform.v3.sdk.graphs.sdg.build_.rcabench import load_inject_time
from rcabench_platform.v3.sdk.llm_eval.eval.processer.rcabench import RCABenchProcesser

case = Path(sys.argv[1])
injection = json.loads((case / "injection.json").read_text())
graph = CausalGraph.from_dict(json.loads((case / "causal_graph.json").read_text()))
marks = [
    asyncio.run(evaluate_v2(answer, injection, case, graph)).model_dump(mode="json")
    for answer in json.load(sys.stdin)
]
print("\\n" + json.dumps({
    "marks": marks,
    "roots": get_service_names(injection),
    "alarms": RCABenchProcesser._extract_alarm_endpoints(case),
    "detected": sorted(ParquetDataLoader(case).identify_alarm_nodes_v2()),
    "injected": load_inject_time(case).isoformat(),
}))
"""


def query(sql):
    return [{"kind": "trace", "sql": sql, "claim": "it is so"}]


def test_its_own_evaluator_marks_answers_by_our_key(case, tmp_path):
    """The right answer gets full marks, a wrong service and a wrong kind theirs, and a query runs."""
    python = os.environ.get("MESHQUAKE_RCABENCH", "")
    if not python:
        pytest.skip("needs MESHQUAKE_RCABENCH=.../python, of an environment with rcabench-platform[sdk,llm-eval]")
    graph = json.loads((case / "causal_graph.json").read_text(encoding="utf-8"))
    of = graph["component_to_service"]
    edges = sorted({(of[each["source"]], of[each["target"]]) for each in graph["edges"]})
    slowest = "select time, duration from abnormal_traces where service_name = 'database' order by duration desc"
    spread = [{"from": one, "to": other, "evidence": []} for one, other in edges if one != other]
    right = {"service": "database", "fault_kind": "http_slow", "evidence": query(slowest)}
    answers = [
        {"root_causes": [right], "propagation": spread},
        {"root_causes": [{**right, "service": "cache-service"}], "propagation": []},
        {"root_causes": [{**right, "fault_kind": "cpu_stress", "evidence": query("select nothing")}]},
    ]
    command = [python, "-c", SCRIPT, str(case)]
    # It writes a log into the working directory.
    found = subprocess.run(
        command, input=json.dumps(answers), capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert not found.returncode, found.stderr
    said = json.loads(found.stdout.splitlines()[-1])
    best, wrong, other = said["marks"]
    names = ("f1", "exact_match", "node_f1", "edge_f1", "path_reachability", "sql_executable_rate")
    assert [best[name] for name in names] == [1, True, 1, 1, True, 1]
    assert (wrong["f1"], wrong["any_service_hit"], wrong["path_reachability"]) == (0, False, False)
    assert (other["f1"], other["any_service_hit"], other["fault_kind_accuracy"]) == (0, True, 0)
    assert (other["sql_executable_rate"], other["parse_error"]) == (0, None)
    assert said["roots"] == ["database"]
    assert said["injected"] == BEGUN.isoformat()
    # Its own detector finds users' operations in the tables, from the time before the fault.
    assert {each.split("::")[1] for each in said["detected"]} & set(said["alarms"])

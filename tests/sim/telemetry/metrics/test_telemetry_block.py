"""A `telemetry:` block changes the metrics that it names, and nothing else of a run."""

import json
from fnmatch import fnmatchcase
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_mesh import SMALL

from meshquake.faults import loader as scenario_loader
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry import named
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.topology import loader as topology_loader
from meshquake.topology.telemetry import vocabulary

SCENARIO = """
name: x
lead_in: 1s
duration: 2s
recovery: 0s
confounders: none
faults: [fail: {target: db, share: 40%}]
"""
KEY = ("timestamp", "service", "replica", "target")


def frames(mesh_block=None, scenario_block=None):
    """Return the records of a short run of the small mesh, with blocks in the two files, by kind."""

    def text(block):
        return "" if block is None else f"telemetry: {json.dumps(block)}\n".replace('"none"', "none")

    mesh = topology_loader.parse(SMALL + text(mesh_block), "mesh.yaml")
    loaded = scenario_loader.parse(SCENARIO + text(scenario_block), "scenario.yaml", mesh=mesh)
    batches = list(Simulation.of(loaded).batches())
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}


@cache
def measured():
    """Return the same run without a block in any file."""
    return frames()


def level_of(row):
    """Return the level of a record, by its fields and by the levels of its metric."""
    edge, replica = row["target"] is not None, row["replica"] is not None
    of = {(True, True): ["caller"], (True, False): ["edge"], (False, True): ["replica"]}
    levels = [level.name.lower() for level in METRICS[row["metric"]].levels]
    if levels == ["node"]:
        return "node"
    (level,) = [each for each in of.get((edge, replica), ["service", "store", "entry"]) if each in levels]
    return level


def left_out(block, metric, level, service):
    """Return whether a block drops a series."""
    return any(
        fnmatchcase(metric, rule.get("metric", "*"))
        and level in [rule.get("of", level)]
        and fnmatchcase(service, rule.get("service", "*"))
        for rule in block.get("leave_out", [])
    )


def told(block):
    """Compute independently the metric records that a block makes of the measured ones: one by one, as documented."""
    kept = []
    of_series = {}
    for row in measured()["metrics"].iter_rows(named=True):
        level = level_of(row)
        of_series.setdefault((level, *(row[word] for word in KEY)), {})[row["metric"]] = row["value"]
        whole = {}
        for word, change in block.get("metrics", {}).items():
            if fnmatchcase(row["metric"], word) and "is" not in (change or {}):
                if whole.get("of") == []:
                    del whole["of"]  # a later entry brings back what was left out
                whole |= {"of": []} if change == "none" else change
        if level not in whole.get("of", [level]) or left_out(block, row["metric"], level, row["service"]):
            continue
        kept.append(
            row
            | {"metric": whole.get("name", row["metric"]).replace("{metric}", row["metric"])}
            | {"unit": whole.get("unit", row["unit"]), "value": row["value"] * whole.get("scale", 1)}
        )
    made = []
    for name, change in block.get("metrics", {}).items():
        if change == "none" or "is" not in change:
            continue
        for (level, *series), values in of_series.items():
            try:
                value = float(eval(change["is"], {"min": min, "max": max, "abs": abs}, values))
            except (NameError, ZeroDivisionError):
                continue
            if level in change["of"] and not left_out(block, name, level, series[1]):
                made.append(
                    {**dict(zip(KEY, series, strict=True)), "metric": name, "unit": change["unit"], "value": value}
                )
    return kept, made


def in_order(rows):
    words = (*KEY, "metric", "unit")
    rows = [(*(row[word] or "" for word in words), pytest.approx(row["value"], 1e-9)) for row in rows]
    return sorted(rows, key=lambda row: row[: len(words)])


CHANGES = {
    "cpu_usage": st.fixed_dictionaries(
        {}, optional={"name": st.sampled_from(["container_cpu", "cpu.use"]), "of": st.just(["service"])}
    ),
    "latency_p*": st.fixed_dictionaries(
        {"unit": st.just("s"), "scale": st.sampled_from([0.001, 1e-6, 60])}, optional={"name": st.just("{metric}_s")}
    ),
    "latency_p50": st.just("none"),
    "*_rate": st.sampled_from(["none", {"of": ["replica", "edge"]}, {"name": "my_{metric}"}]),
    "request_rate": st.just({"unit": "1/min", "scale": 60, "of": ["service"]}),
    "failures": st.just({"is": "error_rate / 100 * request_rate", "unit": "1/s", "of": ["service", "replica"]}),
    "hot": st.just({"is": "max(cpu_usage, 2.5) > 2.5", "unit": "1", "of": ["service"]}),
    "failed_share": st.just({"is": "error_rate / (request_rate - 20)", "unit": "1", "of": ["service"]}),
}
RULES = st.fixed_dictionaries(
    {},
    optional={
        "metric": st.sampled_from(["*", "*_p99", "queue_depth", "re*"]),
        "of": st.sampled_from(["service", "replica", "edge", "store", "caller"]),
        "service": st.sampled_from(["c*", "db", "web"]),
    },
).filter(bool)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "metrics": st.fixed_dictionaries({}, optional=CHANGES),
        "leave_out": st.lists(RULES, min_size=1, max_size=2),
    },
)


@settings(max_examples=25, deadline=None)
@given(BLOCKS)
def test_a_run_with_a_block_differs_from_the_one_without_in_just_what_the_block_says(block):
    found = frames(block)
    for kind in ("logs", "traces", "events"):
        assert found[kind].equals(measured()[kind])
    kept, made = told(block)
    names = {name for name, change in block.get("metrics", {}).items() if change != "none" and "is" in change}
    ours = pl.col("metric").is_in(names)
    rows = found["metrics"].filter(~ours).to_dicts()
    assert in_order(found["metrics"].filter(ours).iter_rows(named=True)) == in_order(made)
    # The measured ones keep their order too.
    assert [(*row.values(),) for row in rows] == [
        (*({**row, "value": pytest.approx(row["value"], 1e-9)}.values()),) for row in kept
    ]


def test_the_block_of_a_scenario_lies_over_that_of_its_mesh_key_by_key():
    lower = {"metrics": {"cpu_usage": {"name": "cpu", "of": "service"}, "queue_depth": "none"}, "leave_out": ["*_p50"]}
    upper = {"metrics": {"cpu_usage": {"name": "use"}, "queue_depth": {"of": "replica"}}, "leave_out": "none"}
    whole = {"metrics": {"cpu_usage": {"name": "use", "of": "service"}, "queue_depth": {"of": "replica"}}}
    assert frames(lower, upper)["metrics"].equals(frames(whole)["metrics"])
    assert frames(None, whole)["metrics"].equals(frames(whole)["metrics"])


def test_a_share_of_nothing_is_no_sample():
    block = {"metrics": {"share": {"is": "(error_rate - error_rate) / (request_rate - request_rate)", "unit": "1"}}}
    assert "share" not in frames(block)["metrics"]["metric"]


def test_no_metric_needs_to_be_recorded():
    found = frames({"metrics": {"*": "none"}})
    assert len(found["metrics"]) == 0 and found["traces"].equals(measured()["traces"])


def test_what_is_not_recorded_is_not_read():
    mesh = topology_loader.parse(SMALL + "telemetry: {metrics: {'*': none, request_rate: {of: service}}}", "mesh.yaml")
    simulation = Simulation.of(scenario_loader.parse("name: x\nconfounders: none", "scenario.yaml", mesh=mesh))
    assert simulation.metrics.reads == {} and [*simulation.metrics.metrics] == ["request_rate"]


def test_files_may_name_all_metrics_and_levels_that_there_are():
    """If not: python -m meshquake.docs.renew"""
    assert named.vocabulary() == vocabulary.vocabulary()
    assert {level.name.lower() for level in Level} == {*vocabulary.vocabulary().levels}

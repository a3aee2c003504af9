"""The documentation pages agree with the code."""

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import meshquake
from meshquake.commands.main import main
from meshquake.docs.renew import renewed
from meshquake.exporters.formats import context
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.faults import kinds
from meshquake.faults.edits import apply
from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.faults.schema import scenario_schema
from meshquake.sim.records import EVENTS
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.topology.errors import ERRORS
from meshquake.topology.loader import shipped as shipped_meshes
from meshquake.topology.problems import DocumentError
from tests.editor import complaints
from tests.guarded import write_guarded

DOCS = Path(__file__).parents[1] / "docs"
SCENARIOS = (DOCS / "scenarios.md").read_text(encoding="utf-8")
RECORDS = (DOCS / "records.md").read_text(encoding="utf-8")


def example(name):
    """Return an example of the page on scenarios."""
    return re.search(rf"<!-- (?:example|output): {name} -->\n```\w+\n(.*?)```", SCENARIOS, re.DOTALL)[1]


def rows(page, heading):
    """Return the rows of the table below a heading, cell by cell."""
    table = page.split(f"| {heading} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


@pytest.mark.parametrize("path", renewed(), ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_current(path):
    """If it is not: python -m meshquake.docs.renew"""
    assert path.read_text(encoding="utf-8") == renewed()[path]


# -- scenarios -----------------------------------------------------------------------------------------------------


def test_the_first_example_makes_a_fixture_in_which_it_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("slow-payments.yaml").write_text(example("slow-payments"))
    result = CliRunner().invoke(main, ["scenario", "slow-payments.yaml"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "payment-service at" in result.stdout
    assert Path("output/fixtures/incidents/slow-payments/manifest.json").is_file()


@pytest.mark.parametrize("name", ["broken", "undrawable"])
def test_a_broken_example_gives_just_the_output_shown(name):
    with pytest.raises(DocumentError) as refused:
        parse(re.search(rf"example: {name} -->\n```yaml\n(.*?)```", SCENARIOS, re.DOTALL)[1], f"{name}.yaml")
    assert f"{refused.value}\n" == re.search(rf"output: {name} -->\n```text\n(.*?)```", SCENARIOS, re.DOTALL)[1]


def test_one_file_is_another_incident_with_each_seed():
    incidents = [parse(example("a-bad-day"), "a-bad-day.yaml", Options(seed=seed)).scenario for seed in range(20)]
    assert {scenario.faults[0].kind for scenario in incidents} == {"slow", "fail", "hang"}
    assert len({str(scenario.faults[1].target) for scenario in incidents}) > 5
    assert all(len(scenario.background) == 5 for scenario in incidents)


def test_the_example_of_roles_is_found_in_the_ten_services():
    found = parse(example("by-role"), "by-role.yaml").scenario
    assert [str(fault.target) for fault in found.faults] == (
        [
            "database",
            "product-service[0]",
            *(f"api-gateway -> {name}-service" for name in ("auth", "user", "product", "order")),
        ]
    )


def test_the_example_of_surges_moves_populations_of_the_example_of_users(tmp_path):
    page = (DOCS / "topology.md").read_text(encoding="utf-8")
    (tmp_path / "shop.yaml").write_text(re.search(r"example: shop -->\n```yaml\n(.*?)```", page, re.DOTALL)[1])
    (tmp_path / "crawler.yaml").write_text(example("crawler"))
    found = load(tmp_path / "crawler.yaml").scenario
    assert [fault.population for fault in found.faults] == ["crawler", "regulars"]


def test_every_scenario_of_the_package_is_described():
    assert [name.strip("`") for name, *_ in rows(SCENARIOS, "scenario")] == [
        *("normal", "degradation", "outage", "cascade", "deployment", "transient", "high_volume", "intermittent")
    ]
    assert len(shipped()) == 8


@pytest.fixture
def flap(tmp_path, monkeypatch):
    """Write the kind of fault that the page explains how to write, into a file beside the others."""
    (tmp_path / "flap.py").write_text(example("flap"))
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    kinds.fault_kinds.cache_clear()
    yield tmp_path
    kinds.fault_kinds.cache_clear()
    sys.modules.pop("meshquake.faults.kinds.flap")


def test_a_kind_of_fault_in_one_file_can_be_used_in_scenario_files_at_once(flap):
    """Calls are lost in the first of every five seconds, and only on the edge that flaps."""
    file = flap / "loose-cable.yaml"
    file.write_text(example("loose-cable"))
    assert load(file).scenario.faults[0].kind == "flap"
    batches = meshquake.simulate(file, lead_in=0, duration=60, recovery=0)
    spans = pl.concat([batch.traces for batch in batches])
    arrived = spans.filter(kind="server").select("parent_span_id")
    timeouts = spans.filter(kind="client", error_type="timeout")
    lost = timeouts.join(arrived, left_on="span_id", right_on="parent_span_id", how="anti")
    assert set(lost.select("service", "peer").iter_rows()) == {("order-service", "database")}
    seconds = lost["timestamp"].str.slice(17, 2).cast(pl.Int64)
    assert set(seconds % 5) == {0} and len(set(seconds)) > 5


def test_the_schema_for_editors_has_a_kind_of_ones_own_at_once(flap):
    schema = scenario_schema()
    assert complaints(schema, example("loose-cable")) == []
    assert complaints(schema, example("loose-cable").replace("up: 4s", "up: 0s")) != []


def test_a_kind_of_ones_own_is_refused_and_suggested_like_any_other(flap):
    mistakes = {
        "flap: {target: database}": "a flap fault acts on an edge (caller -> callee); database is a service",
        "flap: {target: order-service -> database, up: 0}": "must be at least 1ms, not 0",
        "flapp: {target: database}": "unknown kind of fault 'flapp' (did you mean 'flap'?)",
    }
    for text, message in mistakes.items():
        with pytest.raises(DocumentError) as refused:
            parse(f"name: x\nfaults: [{text}]", "x.yaml")
        (problem,) = refused.value.problems
        assert problem.message == message


# -- telemetry -----------------------------------------------------------------------------------------------------

TELEMETRY = (DOCS / "telemetry.md").read_text(encoding="utf-8")


def changed(name):
    """Return the metrics of a short run of the ten services with a block of the page: names, units and levels."""
    block = re.search(rf"<!-- example: {name} -->\n```yaml\n(.*?)```", TELEMETRY, re.DOTALL)[1]
    scenario = f"name: changed\nlead_in: 2s\nduration: 1s\nrecovery: 0s\nconfounders: none\n{block}"
    simulation = Simulation.of(parse(scenario, "changed.yaml"))
    samples = Samples(context.of(simulation))
    batches = list(simulation.batches())
    return pl.concat([batch.metrics for batch in batches]), {
        name for batch in batches for name in samples.take(batch)["name"]
    }


def test_the_example_of_names_gives_the_names_that_it_says():
    records, exported = changed("prometheus-names")
    units = dict(records.select("metric", "unit").unique().iter_rows())
    assert units["container_cpu"] == "ratio" and units["http_latency_p95"] == "s" and units["error_ratio"] == "1"
    assert not {"cpu_usage", "queue_depth", "latency_p95"} & {*units}
    assert records.filter(metric="error_ratio")["replica"].null_count() == len(records.filter(metric="error_ratio"))
    assert "cache-service" not in {*records.filter(metric="memory_usage")["service"]}
    assert records.filter(metric="container_cpu")["value"].max() <= 1
    assert {
        *("container_cpu_usage_ratio", "http_requests_total"),
        *("mesh_service_http_latency_p95_seconds", "mesh_service_error_ratio"),
    } <= exported


def test_the_example_that_leaves_out_edges_leaves_just_these_out():
    records, _ = changed("no-edges")
    assert records["target"].null_count() == len(records) and "cpu_usage" in {*records["metric"]}


def test_the_example_of_a_format_writes_lines_of_json():
    block = re.search(r"<!-- example: json-lines -->\n```yaml\n(.*?)```", TELEMETRY, re.DOTALL)[1]
    loaded = parse(
        f"name: changed\nlead_in: 1s\nduration: 1s\nrecovery: 0s\nconfounders: none\n{block}", "changed.yaml"
    )
    logs = pl.concat([batch.logs for batch in Simulation.of(loaded).batches()])
    for line in logs.filter(pl.col("service") != "database").iter_rows(named=True):
        assert json.loads(line["message"])["time"] == line["timestamp"]
    assert all(
        message.startswith(("INFO ", "WARN ", "DEBUG ")) for message in logs.filter(service="database")["message"]
    )


def test_the_example_of_own_words_is_written():
    block = re.search(r"<!-- example: own-words -->\n```yaml\n(.*?)```", TELEMETRY, re.DOTALL)[1]
    faults = "faults: [slow: {target: database, factor: 50}, restart: {target: 'cache-service[0]'}]"
    text = f"name: x\nlead_in: 1s\nduration: 4s\nrecovery: 0s\nconfounders: none\n{faults}\n{block}"
    logs = pl.concat([batch.logs for batch in Simulation.of(parse(text, "x.yaml")).batches()])
    of_gateway = logs.filter(logger="edge")
    assert {*of_gateway["service"]} == {"api-gateway"} and len(of_gateway) > 20
    assert of_gateway["message"].str.contains(r"^[\d.a-f:]+ [A-Z]+ /\S* \d{3} [\d.]+ms$").all()
    late = logs.filter(pl.col("message").str.starts_with("deadline exceeded calling "))
    assert {*late["service"]} == {"order-service"} and {*late["level"]} == {"ERROR"}
    assert len(logs.filter(pl.col("message").str.starts_with("cache-service-0 is back")))
    assert logs.filter(logger="pool")["message"].str.contains(r"^\d+ of \d+ workers busy, \d\d% cached$").all()


def test_the_example_of_traces_is_one():
    """The tests of traces check what the example does."""
    block = re.search(r"<!-- example: traces -->\n```yaml\n(.*?)```", TELEMETRY, re.DOTALL)[1]
    assert parse(f"name: changed\n{block}", "changed.yaml").scenario.telemetry.traces.internal is False


# -- records -------------------------------------------------------------------------------------------------------


def test_every_error_is_explained_with_its_status():
    assert {name.strip("`"): int(status) for name, status, _ in rows(RECORDS, "error_type")} == {
        error.name: error.status for error in ERRORS.values()
    }


def test_every_event_is_explained():
    assert {name.strip("`"): meaning for name, meaning, _ in rows(RECORDS, "type | meaning | attributes")} == EVENTS


#: Policies that the ten services lack, so that every type of event occurs.
HARDENED = {
    "services.user-service.liveness": "{period: 2s, failure_threshold: 2}",
    "services.product-service.startup_probe": "{period: 2s}",
    "services.user-service.queue": "{limit: 64, discipline: priority}",
    "services.user-service.rate_limit": "{max_tokens: 1000, tokens_per_fill: 1000, fill_interval: 1s}",
}


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    """Return records of two runs in which every type of event occurs, long enough to show all metrics."""
    file = tmp_path_factory.mktemp("eventful") / "eventful.yaml"
    mesh = shipped_meshes()["ten-services"].read_text()
    for path, value in HARDENED.items():
        mesh = apply(mesh, path, value)
    (file.parent / "mesh.yaml").write_text(mesh)
    file.write_text(
        """
        name: eventful
        topology: mesh.yaml
        lead_in: 0s
        duration: 90s
        faults:
          - leak: {target: "user-service[0]", rate: 60MiB, for: 30s}
          - job: {target: user-service}
          - configure: {target: user-service}
          - throttle: {target: user-service}
          - stop: {target: "product-service[0]", for: 20s}
          - deploy: {target: auth-service}
          - deploy: {target: inventory-service, unhealthy: 100%, patience: 5s}
          - slow: {target: database, factor: 80, for: 60s}
        """
    )
    return [*meshquake.simulate(file), *meshquake.simulate(write_guarded(file.parent))]


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Return records of a run of releases on a mesh that has hardly any spare room."""
    folder = tmp_path_factory.mktemp("releases")
    (folder / "mesh.yaml").write_text(
        """
        name: full
        services:
          web: {kind: gateway, cpu: 1, autoscale: 1, operations: {home: {calls: [app.get, blue.get]}}}
          app: {cpu: 1, replicas: 2, operations: {get: {work: 5ms}}}
          blue: {cpu: 1, rollout: {strategy: blue_green, keep: 1s}, operations: {get: {work: 5ms}}}
        workload: {rate: 5/s, mix: {web.home: 1}}
        cluster: {cores: 5}
        """
    )
    file = folder / "releases.yaml"
    file.write_text(
        """
        name: releases
        topology: mesh.yaml
        lead_in: 0s
        duration: 40s
        faults:
          - deploy: {target: app, canary: 1, hold: 5s}
          - deploy: {target: blue, at: 2s, patience: none}
          - scale: {target: web, to: 1}
          - deploy: {target: app, at: 25s, version: 3.0.0, steps: [{weight: 50%, pause: 2s}]}
        actions:
          - drain: {target: "app[0]", at: 4s, for: 2s}
        """
    )
    return list(meshquake.simulate(file))


def test_events_have_just_the_attributes_that_the_page_says(eventful, releases):
    said = {
        name.strip("`"): re.findall(r"`(\w+)`", attributes)
        for name, _, attributes in rows(RECORDS, "type | meaning | attributes")
    }
    found = {}
    for batch in (*eventful, *releases):
        for event in batch.records("events"):
            attributes = list(event["attributes"])
            assert found.setdefault(event["type"], attributes) == attributes
    assert found == said


def test_metrics_are_of_what_the_page_says_they_are_for(eventful, releases):
    """Whether `replica` and `target` are null tells metrics of services, replicas and edges apart."""
    keys = {
        Level.SERVICE: (False, False),
        Level.REPLICA: (True, False),
        Level.STORE: (False, False),
        Level.EDGE: (False, True),
        Level.CALLER: (True, True),
        Level.ENTRY: (False, False),
        Level.NODE: (True, False),
    }
    frame = pl.concat([batch.metrics for batch in (*eventful, *releases)])
    found = {}
    kinds = frame.select("metric", pl.col("replica").is_not_null(), pl.col("target").is_not_null()).unique()
    for metric, replica, target in kinds.iter_rows():
        found.setdefault(metric, set()).add((replica, target))
    # Nobody waits for answers in these runs.
    there = {name: each for name, each in METRICS.items() if each.levels != (Level.ENTRY,)}
    assert found == {name: {keys[level] for level in metric.levels} for name, metric in there.items()}
    stores = frame.filter(pl.col("metric").str.starts_with("query_time"))["service"].unique()
    assert set(stores) == {"database", "cache-service"}

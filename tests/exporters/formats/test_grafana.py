"""A Grafana bundle: its dashboards conform to Grafana's model, and all that they query was sent to Prometheus."""

import gzip
import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
import yaml
from commandline import call
from exported import export, records, write
from monitoring import ask, prometheus

from meshquake.exporters.fixtures import reading
from meshquake.exporters.formats.grafana.sink import sink
from meshquake.sim.telemetry.metrics import Kind

NAMES = ("logs", "mesh", "service", "traces")


@pytest.fixture(scope="module")
def bundle(incident, tmp_path_factory):
    return export(incident, "grafana", tmp_path_factory.mktemp("grafana") / "bundle")


@pytest.fixture(scope="module")
def dashboards(bundle):
    return {name: json.loads((bundle / f"dashboards/{name}.json").read_text(encoding="utf-8")) for name in NAMES}


@pytest.fixture(scope="module")
def sources(bundle):
    text = (bundle / "provisioning/datasources/meshquake.yaml").read_text(encoding="utf-8")
    return {each["uid"]: each for each in yaml.safe_load(text)["datasources"]}


def targets(dashboard):
    """Return the queries of a dashboard, with the titles of their panels."""
    return [(panel["title"], target) for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_there_are_dashboards_and_what_grafana_is_provisioned_with(bundle, dashboards, sources):
    provisioning = [f"provisioning/{what}/meshquake.yaml" for what in ("dashboards", "datasources")]
    files = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file())
    assert files == [*(f"dashboards/{name}.json" for name in NAMES), *provisioning]
    assert {name: each["uid"] for name, each in dashboards.items()} == {name: f"meshquake-{name}" for name in NAMES}
    assert {uid: (each["type"], each["url"]) for uid, each in sources.items()} == {
        "meshquake-prometheus": ("prometheus", "http://localhost:9090"),
        "meshquake-loki": ("loki", "http://localhost:3100"),
        "meshquake-tempo": ("tempo", "http://localhost:3200"),
    }
    assert sources["meshquake-prometheus"]["jsonData"]["timeInterval"] == "1s"
    (provider,) = yaml.safe_load((bundle / provisioning[0]).read_text(encoding="utf-8"))["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards/meshquake"


def referred(value):
    """Yield all references to data sources in a dashboard or a data source."""
    if isinstance(value, dict):
        if "datasource" in value:
            yield value["datasource"]["uid"]
        if "datasourceUid" in value:
            yield value["datasourceUid"]
        for each in value.values():
            yield from referred(each)
    elif isinstance(value, list):
        for each in value:
            yield from referred(each)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_refers_only_to_data_sources_that_there_are_and_its_panels_do_not_overlap(
    name, dashboards, sources
):
    dashboard = dashboards[name]
    assert set(referred(dashboard)) <= sources.keys() and set(referred([*sources.values()])) <= sources.keys()
    panels = dashboard["panels"]
    assert [panel["id"] for panel in panels] == [*range(1, len(panels) + 1)]
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        columns, lines = (range(place[at], place[at] + place[size]) for at, size in ("xw", "yh"))
        cells = {(x, y) for x in columns for y in lines}
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells
        assert len({target["refId"] for target in panel.get("targets", ())}) == len(panel.get("targets", ()))
        assert (panel["type"] == "row") == ("targets" not in panel)
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    asked = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"])))
    assert {each for each in asked if not each.startswith("__")} == variables


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_one_to_grafanas_own_model(name, dashboards):
    """The model drops unknown keys, so a dashboard must survive being read and written."""
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason="grafana-foundation-sdk is missing")
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder").JSONEncoder
    dashboard = dashboards[name]
    again = json.loads(encoder().encode(models.Dashboard.from_json(dashboard)))

    def missing(one, other, at=""):
        if isinstance(one, dict):
            for key, value in one.items():
                if key not in other and value not in ([], "", None, False):
                    yield f"{at}.{key}"
                elif key in other:
                    yield from missing(value, other[key], f"{at}.{key}")
        elif isinstance(one, list):
            for number, (each, same) in enumerate(zip(one, other, strict=True)):
                yield from missing(each, same, f"{at}[{number}]")
        elif one != other:
            yield f"{at}: {one!r} is {other!r}"

    # The event settings of a line belong to Loki rather than to the model.
    own = {f".annotations.list[0].{key}" for key in ("titleFormat", "tagKeys")}
    assert set(missing(dashboard, again)) == own


def test_the_time_is_that_of_the_recording_and_variables_are_its_services(dashboards, incident):
    recording = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))
    moments = [datetime.fromisoformat(recording["recording"][end]) for end in ("start", "end")]
    for dashboard in dashboards.values():
        assert [datetime.fromisoformat(dashboard["time"][end]) for end in ("from", "to")] == moments
    (service,) = dashboards["service"]["templating"]["list"]
    assert sorted(each["value"] for each in service["options"]) == sorted(recording["services"])


# -- queries -------------------------------------------------------------------------------------------------------


def queries(dashboard, services):
    """Yield the Prometheus queries of a dashboard, as Grafana would send them for each service."""
    for title, target in targets(dashboard):
        if target["datasource"]["uid"] == "meshquake-prometheus":
            text = target["expr"].replace("$__rate_interval", "4s")
            yield title, {text.replace("$service", service) for service in services}


def test_every_query_of_the_dashboards_has_an_answer_in_prometheus(dashboards, incident, tmp_path):
    """For a service's dashboard, an answer for at least one of the services; nowhere are all values nan."""
    pytest.importorskip("httpx", reason="httpx is not installed")
    content = json.loads((incident / "truth/ground_truth.json").read_text(encoding="utf-8"))
    start, end = (datetime.fromisoformat(content["recording"][key]).timestamp() for key in ("start", "end"))
    with prometheus(tmp_path, "--web.enable-remote-write-receiver") as address:
        result = call("send", incident, "--to", address, "--protocol", "remote-write", "--fast")
        assert result.exit_code == 0, result.stderr
        asked, empty = 0, []
        for name in ("mesh", "service"):
            for title, texts in queries(dashboards[name], content["services"]):
                asked += 1
                series = [
                    found
                    for text in sorted(texts)
                    for found in ask(f"{address}/api/v1/query_range", query=text, start=start, end=end, step=1)
                ]
                if not any(not math.isnan(float(value)) for each in series for _, value in each["values"]):
                    empty.append((name, title, sorted(texts)[0]))
        assert not empty and asked > 60


def test_red_and_use_are_asked_of_every_service_and_of_users(dashboards):
    asked = {name: " ".join(each["expr"] for _, each in targets(dashboards[name]) if "expr" in each) for name in NAMES}
    for word in ("requests_total", "errors_total", "latency_p95_seconds", "cpu_usage_ratio", "queue_depth"):
        assert f"mesh_service_{word}" in asked["mesh"]
    for word in ("requests_total", "cpu_usage_ratio", "memory_usage_ratio", "worker_utilization_ratio", "queue_depth"):
        assert f'mesh_replica_{word}{{service="$service"}}' in asked["service"]
    assert 'mesh_service_requests_total{service=~"api\\\\-gateway"}' in asked["mesh"]
    assert 'mesh_edge_retries_total{target="$service"}' in asked["service"]


def test_logs_and_traces_are_asked_for_by_the_labels_that_are_sent(dashboards, incident):
    """Loki's labels are those of its stand-in in the tests of `send`; services are named as in OTLP."""
    loki = pytest.importorskip("meshquake.exporters.sending.loki")
    batch = next(reading.batches(incident))
    titles = {service.name: service.title for service in reading.context(incident).topology.services}
    (body, *_) = (json.loads(gzip.decompress(each.body)) for each in loki.Loki(titles).requests(batch))
    labels = set(body["streams"][0]["stream"])
    for name in NAMES:
        for _, target in targets(dashboards[name]):
            if target["datasource"]["uid"] == "meshquake-loki":
                found = set(re.findall(r"(\w+)=~?\"", target["expr"]))
                assert found and found <= labels


def test_only_what_was_recorded_is_asked_for(incident, tmp_path):
    """A mesh with renamed or fewer metrics gets panels for exactly these."""
    context = reading.context(incident)
    renamed = replace(context.metrics["request_rate"], name="rps", measured="request_rate", export_name="")
    metrics = {"rps": renamed, "cpu_usage": context.metrics["cpu_usage"]}
    batches = []
    for batch in reading.batches(incident):
        kept = batch.metrics.filter(pl.col("metric").is_in(["request_rate", "cpu_usage"]))
        named = kept.with_columns(pl.col("metric").replace({"request_rate": "rps"}))
        batches.append(replace(batch, metrics=named))
    write(batches, sink(tmp_path, replace(context, metrics=metrics)))
    mesh = json.loads((tmp_path / "dashboards/mesh.json").read_text(encoding="utf-8"))
    assert {title for title, each in targets(mesh) if each["datasource"]["uid"] == "meshquake-prometheus"} == {
        *("Requests", "CPU")
    }
    assert [panel["title"] for panel in mesh["panels"] if panel["type"] == "row"] == [
        *("User experience", "Services: rate, errors, duration", "Services: utilisation, saturation", "Events")
    ]
    assert "mesh_service_rps_total" in json.dumps(mesh)


def linked(folder):
    """Return the queries that a span of a bundle's Tempo links to, by name."""
    text = (folder / "provisioning/datasources/meshquake.yaml").read_text(encoding="utf-8")
    (tempo,) = [each for each in yaml.safe_load(text)["datasources"] if each["type"] == "tempo"]
    links = tempo["jsonData"].get("tracesToMetrics", {"queries": []})
    return {each["name"]: each["query"] for each in links["queries"]}


def test_a_span_links_to_the_rates_under_the_names_that_they_have(bundle, incident, tmp_path):
    window = "{$$__tags}[$$__rate_interval]"
    assert linked(bundle) == {
        "Requests": f"sum(rate(mesh_service_requests_total{window}))",
        "Errors": f"sum(rate(mesh_service_errors_total{window}))",
    }
    context, batches = reading.context(incident), [next(reading.batches(incident))]
    named = replace(context.metrics["request_rate"], whole_name="http_requests_total")
    metrics = {**context.metrics, "request_rate": named}
    write(batches, sink(tmp_path / "named", replace(context, metrics=metrics)))
    assert linked(tmp_path / "named")["Requests"] == f"sum(rate(http_requests_total{window}))"
    # Where no request is counted, the share of errors is a gauge, which has no rate.
    share = replace(context.metrics["error_rate"], kind=Kind.GAUGE, share_of="")
    fewer = [replace(each, metrics=each.metrics.filter(pl.col("metric") != "request_rate")) for each in batches]
    write(fewer, sink(tmp_path / "fewer", replace(context, metrics={**context.metrics, "error_rate": share})))
    assert linked(tmp_path / "fewer") == {}
    assert "errors_ratio" not in (tmp_path / "fewer/dashboards/service.json").read_text(encoding="utf-8")


def test_a_panel_has_base_units_whatever_the_unit_of_a_metric_that_a_file_names_in_full(incident, tmp_path):
    context = reading.context(incident)
    named = replace(context.metrics["cpu_usage"], whole_name="cpu_percent")
    metrics = {**context.metrics, "cpu_usage": named}
    write([next(reading.batches(incident))], sink(tmp_path, replace(context, metrics=metrics)))
    service = json.loads((tmp_path / "dashboards/service.json").read_text(encoding="utf-8"))
    (panel,) = [each for each in service["panels"] if each["title"] == "CPU"]
    assert panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
    assert panel["targets"][0]["expr"] == '(cpu_percent{service="$service"} / 100)'


def test_names_with_commas_are_one_choice_each(incident, tmp_path):
    context = reading.context(incident)
    (first, *others) = context.topology.services
    named = replace(first, display_name="Gateway, public")
    topology = replace(context.topology, services=(named, *others))
    write([next(reading.batches(incident))], sink(tmp_path, replace(context, topology=topology)))
    service = json.loads((tmp_path / "dashboards/service.json").read_text(encoding="utf-8"))
    (variable,) = service["templating"]["list"]
    assert variable["query"].startswith(f"Gateway\\, public : {first.name}, ")
    assert (variable["options"][0]["text"], variable["options"][0]["value"]) == ("Gateway, public", first.name)


def test_it_tells_nothing_of_when_the_fault_was(bundle, incident):
    begun = datetime(2024, 1, 15, 10, 30, 5, tzinfo=UTC)
    text = "".join(path.read_text(encoding="utf-8") for path in bundle.rglob("*.*"))
    assert f"{begun:%H:%M:%S}" not in text and "slow-1" not in text
    assert len(records(incident, "events")) > 0

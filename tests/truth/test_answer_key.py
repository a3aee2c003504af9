"""The whole key: pinned for the shipped scenarios, and consistent for any run."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import polars as pl
import pytest
from jsonschema import Draft202012Validator
from patience import USUAL, every
from pinning import FILE, played, summary
from twin_runs import FAULTS, HARMFUL, OPTIONS, compare, incident, simulation

from meshquake.faults.loader import load, parse, shipped
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.truth import schema
from meshquake.truth.answer_key import Clock
from meshquake.truth.score import mark

CALM = replace(OPTIONS, calm=True)
HARMED = pl.col("effect").is_in(["failed", "slowed"])
SHIPPED = every([("shipped", name) for name in shipped()], [("shipped", name) for name in USUAL])
RUNS = [*SHIPPED, *(("kind", kind) for kind in FAULTS)]
every_run = pytest.mark.parametrize("run", RUNS, ids=lambda run: run[1], indirect=True)


@pytest.fixture
def run(request):
    """Return a shipped scenario, or a short incident of each kind of fault."""
    source, name = request.param
    return played(name) if source == "shipped" else incident(name)


# -- pinned keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", every(shipped(), USUAL))
def test_the_keys_of_the_shipped_scenarios_are_as_they_were_checked_by_hand(name):
    """If one has changed for a good reason: python tests/pinning.py, and check it again by hand."""
    assert summary(played(name).key) == json.loads(FILE.read_text(encoding="utf-8"))[name]


NO_INCIDENTS = [name for name, path in shipped().items() if load(path).scenario.group != "incident"]


@pytest.mark.parametrize("name", every(NO_INCIDENTS, ("high_volume",)))
def test_noise_and_what_is_normal_are_no_incidents(name):
    assert not played(name).key["incident"]


@every_run
def test_the_key_is_as_its_schema_says(run):
    Draft202012Validator(schema.ground_truth()).validate(json.loads(json.dumps(run.key)))
    validator = Draft202012Validator(schema.verdict())
    lines = pl.concat([run.verdicts.gather_every(40), run.changed.gather_every(10)])
    for line in lines.write_ndjson().splitlines():
        validator.validate(json.loads(line))


@pytest.mark.parametrize("content", [schema.ground_truth(), schema.verdict()], ids=lambda schema: schema["title"])
def test_the_schemas_are_schemas(content):
    Draft202012Validator.check_schema(content)


def test_what_a_scenario_calls_itself_and_its_faults_changes_nothing_but_their_ids():
    run = incident("stop")
    scenario, topology = run.twins.simulation.scenario, run.twins.simulation.topology
    other = compare(Simulation(replace(scenario, name="quiet-sunday", summary="nothing"), topology))
    assert json.dumps(other.key) == json.dumps(run.key)
    assert other.verdicts.equals(run.verdicts)


def test_a_process_that_was_down_for_part_of_the_window_is_said_to_have_been_down_for_that_part():
    run = compare(simulation("stop: {target: notification-service, severity: 25%}"))
    (fault,) = run.key["faults"]
    began = run.frames["events"].filter(type="restart", service="notification-service")["timestamp"].unique()
    assert began.to_list() == [fault["end"]]


@pytest.mark.parametrize("patience", ["3s", "18s"])
def test_a_version_that_is_rolled_back_stops_acting_when_its_last_replica_is_replaced(patience):
    run = compare(simulation(f"deploy: {{target: product-service, share: 50%, unhealthy: 95%, patience: {patience}}}"))
    (fault,) = run.key["faults"]
    over = run.frames["events"].filter(type="rollback_completed")["timestamp"].to_list()
    assert over == ([fault["end"]] if patience == "3s" else [])
    assert over or fault["end"] == run.key["recording"]["end"]  # the fault was over before the rollback was


@pytest.mark.parametrize("fault", ["deploy: {target: database, share: 20%}", "configure: {target: database}"])
def test_a_version_or_a_setting_that_stays_acts_to_the_end_of_the_recording(fault):
    run = compare(simulation(fault))
    assert run.key["faults"][0]["end"] == run.key["recording"]["end"]


def test_a_restart_acts_until_the_process_is_back():
    run = incident("restart")
    back = run.frames["events"].filter(type="replica_restored", replica="product-service-1")
    assert back["timestamp"].to_list() == [run.key["faults"][0]["end"]]


# -- consistency ------------------------------------------------------------------------------------------------------


@every_run
def test_the_requests_that_it_counts_are_those_of_the_verdicts(run):
    harmed = run.verdicts.filter(HARMED)
    counts = run.key["requests"]
    assert counts["total"] == len(run.verdicts)
    assert counts["harmed"] == len(harmed)
    for fault in run.key["faults"]:
        mine = harmed.filter(pl.col("caused_by").list.contains(fault["id"]))
        radius = fault["blast_radius"]
        assert radius["requests"] == sum(entry["harmed"] for entry in radius["entries"]) <= len(mine)
        for entry in radius["entries"]:
            assert entry["harmed"] <= len(mine.filter(entry=entry["entry"]))
            assert entry["share"] == pytest.approx(entry["harmed"] / max(entry["requests"], 1), abs=1e-6)


@pytest.mark.parametrize("kind", HARMFUL)
def test_the_blast_radius_is_of_those_who_came_from_the_start_of_the_fault_until_it_was_over_for_the_last_of_them(kind):
    run = incident(kind)
    (fault,) = run.key["faults"]
    harmed, came = run.verdicts.filter(HARMED)["timestamp"], run.verdicts["timestamp"]
    until = max(fault["end"], fault["recovered"] or "") if fault["latent"] or fault["recovered"] else "9"
    first, last = (f"{moment[:19]}" for moment in (min(fault["start"], harmed[0]), max(until, harmed[-1])))
    least = len(came.filter(came.is_between(pl.lit(fault["start"]), pl.lit(until), closed="left")))
    most = len(came.filter(came.str.slice(0, 19).is_between(pl.lit(first), pl.lit(last))))
    assert fault["blast_radius"]["requests"] == len(harmed) > 0
    assert len(harmed) / most - 1e-6 <= fault["blast_radius"]["share"] <= len(harmed) / least + 1e-6


@every_run
def test_whatever_counts_what_a_fault_harmed_counts_the_same(run):
    """The verdicts, the blast radius and its entries agree; no step counts more requests."""
    for fault in run.key["faults"]:
        count = len(run.verdicts.filter(HARMED, pl.col("caused_by").list.contains(fault["id"])))
        radius = fault["blast_radius"]
        assert radius["requests"] == count == sum(entry["harmed"] for entry in radius["entries"])
        assert all(each["requests"] <= count for key in ("mechanism", "affected") for each in fault[key])


@every_run
def test_moments_are_in_their_order(run):
    """A fault begins, is visible, is felt, and is over for users, in that order, within the recording."""
    start, end = run.key["recording"]["start"], run.key["recording"]["end"]
    for fault in run.key["faults"]:
        felt = fault["user_facing"]["since"], fault["recovered"]
        told = [fault["start"], fault["visible_onset"], *felt, end]
        known = [moment for moment in told if moment is not None]
        assert [start, *known] == sorted([start, *known])
        assert fault["start"] <= fault["ramp_end"] <= fault["end"]
        later = [each["onset"] for key in ("affected", "mechanism") for each in fault[key]]
        later += [alert["earliest"] for alert in fault["alerts"]]
        assert all(moment >= fault["start"] for moment in later)
        for key, moment in (("affected", "onset"), ("mechanism", "onset"), ("alerts", "earliest")):
            assert [each[moment] for each in fault[key]] == sorted(each[moment] for each in fault[key])


@every_run
def test_a_fault_is_latent_if_and_only_if_users_felt_nothing(run):
    for fault in run.key["faults"]:
        felt = fault["user_facing"]
        symptoms = [alert for alert in fault["alerts"] if alert["type"] == "symptom"]
        assert felt["moved"] is not fault["latent"]
        assert (felt["since"] is None) is (felt["entries"] == []) is fault["latent"]
        assert {alert["entry"] for alert in symptoms} == set(felt["entries"])
        if symptoms:
            assert felt["since"] <= symptoms[0]["earliest"]
    assert run.key["incident"] is any(not fault["latent"] for fault in run.key["faults"])


@every_run
def test_what_is_said_of_services_is_of_services_and_of_the_root(run):
    services = set(run.key["services"])
    for fault in run.key["faults"]:
        cause = fault["root_cause"]
        roots = {cause["service"], *cause["aliases"]["services"]}
        assert roots <= services
        for alert in fault["alerts"]:
            assert alert["type"] == "symptom" or roots & {alert["service"], alert["target"]}
        hard = fault["difficulty"]
        assert not roots & set(hard["louder"]) and hard["rank"] == len(hard["louder"]) + 1
        loud = {each["service"] for each in fault["red_herrings"] if each["kind"] == "service"}
        assert loud <= set(hard["louder"])
        assert {each["service"] for each in fault["affected"]} <= services


def test_whoever_failed_a_harmed_request_is_affected():
    """By the trace files: services with a failed span in a harmed request."""
    run = incident("refuse")
    harmed = run.verdicts.filter(effect="failed").select("trace_id")
    spans = run.frames["traces"].filter(status="error", kind="server").join(harmed, on="trace_id", how="semi")
    counts = dict(spans["service"].value_counts().iter_rows())
    often = {name for name, count in counts.items() if count > 0.05 * len(harmed)}
    assert often and often <= {each["service"] for each in run.key["faults"][0]["affected"]}


# -- details ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "level", "target"),
    [
        ("slow: {target: database, factor: 2}", "service", {"service": "database"}),
        ("slow: {target: 'database[1]', factor: 2}", "replica", {"service": "database", "replica": "database-1"}),
        ("slow: {target: database.select, factor: 2}", "operation", {"service": "database", "operation": "select"}),
        ("drop: {target: user-service -> database, share: 1%}", "edge", {"edge": ("user-service", "database")}),
        ("surge: {target: users, factor: 1.1}", "users", {}),
    ],
)
def test_a_target_is_told_at_its_level(fault, level, target):
    (told,) = compare(simulation(fault)).key["faults"]
    if "edge" in target:
        target = {"edge": dict(zip(("caller", "callee"), target["edge"], strict=True))}
    assert told["level"] == level
    assert told["target"] == dict.fromkeys(("service", "replica", "operation", "edge")) | target


def test_of_an_edge_either_end_is_accepted_as_the_root():
    cause = incident("drop").key["faults"][0]["root_cause"]
    assert (cause["service"], cause["aliases"]["services"]) == ("database", ["order-service"])


def test_parameters_are_plain_numbers_and_words():
    assert incident("delay").key["faults"][0]["parameters"] == {"severity": 1.0, "by": 0.6}
    assert incident("deploy").key["faults"][0]["parameters"]["error"] == "config_error"


def test_a_leak_is_seen_long_before_anyone_feels_it():
    (fault,) = incident("leak").key["faults"]
    seen, felt = (datetime.fromisoformat(moment) for moment in (fault["visible_onset"], fault["user_facing"]["since"]))
    assert felt - seen > timedelta(seconds=4)
    first = fault["alerts"][0]
    assert (first["type"], first["service"], first["indicator"]) == ("cause", "user-service", "memory_usage")


@pytest.mark.parametrize("kind", ["configure", "job", "restart"])
def test_what_harms_nobody_is_kept_and_called_latent(kind):
    key = incident(kind).key
    (fault,) = key["faults"]
    assert fault["latent"] and not key["incident"]
    assert fault["mechanism"] == [] and fault["blast_radius"]["requests"] == 0 and fault["recovered"] is None


def test_a_setting_that_nothing_follows_from_is_never_seen_and_a_job_is_by_its_cpu():
    assert incident("configure").key["faults"][0]["visible_onset"] is None
    assert incident("configure").key["faults"][0]["difficulty"]["label"] == "silent"
    indicators = {alert["indicator"] for alert in incident("job").key["faults"][0]["alerts"]}
    assert incident("job").key["faults"][0]["visible_onset"] is not None and "cpu_usage" in indicators


def test_what_happens_besides_is_a_red_herring_and_no_fault():
    """It counts during the fault and up to a minute before. A job runs in one process of a service."""
    key = played("cascade").key
    (fault,) = key["faults"]
    earliest = datetime.fromisoformat(fault["start"]) - timedelta(minutes=1)
    near = [each for each in key["background"] if earliest <= datetime.fromisoformat(each["start"])]
    besides = {
        (each["event"]["type"], each["target"].partition("[")[0]) for each in near if each["start"] < fault["end"]
    }
    herrings = {(each["what"], each["service"]) for each in fault["red_herrings"] if each["kind"] == "event"}
    assert besides == herrings and len(besides) > 0


def found(run, event):
    """Return whether the run's events include one, or one for each replica."""
    return len(run.frames["events"].filter(**event)) > 0


@every_run
def test_what_the_key_names_is_in_the_telemetry_or_the_key_says_that_it_left_no_trace(run):
    key, metrics = run.key, run.frames["metrics"]
    series = set(metrics.select("service", "metric", "target").unique().iter_rows())
    traces = set(run.frames["traces"]["trace_id"])
    for each in (*key["background"], *key["faults"]):
        assert each["event"] is None or found(run, each["event"])
    for fault in key["faults"]:
        for herring in fault["red_herrings"]:
            event = {"type": herring["what"], "service": herring["service"], "timestamp": herring["at"]}
            assert herring["kind"] != "event" or found(run, event)
        for alert in fault["alerts"]:
            if alert["type"] == "cause":
                assert (alert["service"], alert["indicator"], alert["target"]) in series
        assert {(each["service"], each["metric"], each["target"]) for each in fault["moved"]} <= series
        for each in fault["affected"]:
            assert {(each["service"], metric, None) for metric in each["peak"]} <= series
        assert {each["trace_id"] for step in fault["mechanism"] for each in step["evidence"]} <= traces


@every_run
def test_an_alert_on_whatever_a_fault_moved_is_no_false_alarm_and_one_at_the_root_in_its_direction_is_due(run):
    """Every metric of a service, replica or edge that the fault changed counts, from the moment of the change."""
    clock = Clock(run.twins.simulation.start)
    for finding, fault in zip(run.twins.findings, run.key["faults"], strict=True):
        roots = [fault["root_cause"]["service"], *fault["root_cause"]["aliases"]["services"]]
        for series, departure in finding.departures.items():
            fired = {"service": series.service, "indicator": series.metric, "at": clock(departure.onset + 1.0)}
            late = fired | {"at": clock(departure.last + 1.0)}
            alerts = mark(run.key, {}, {"root_causes": [], "alerts": [fired, late]}, None).alerts
            assert alerts.false_alarms == 0, series
            near = (series.service in roots or series.target in roots) and series.replica is None
            if near and departure.direction in METRICS[series.metric].alert and not fault["latent"]:
                assert alerts.matched > 0, series


@pytest.mark.parametrize("factor", [0, 0.2])
def test_users_who_stay_away_are_seen_where_they_would_have_come_and_alerted_on_at_once(factor):
    """They harm nobody, so the fault is latent, but missing requests are not silent."""
    quiet = replace(OPTIONS, lead_in=20.0, duration=20.0, confounders="none")
    key = compare(simulation(f"surge: {{target: users, factor: {factor}}}", options=quiet)).key
    (fault,) = key["faults"]
    root = fault["root_cause"]["service"]
    (moved,) = (each for each in fault["moved"] if (each["service"], each["metric"]) == (root, "request_rate"))
    (alert,) = (each for each in fault["alerts"] if each["indicator"] == "request_rate")
    second = datetime.fromisoformat(fault["start"]) + timedelta(seconds=1)
    assert datetime.fromisoformat(moved["onset"]) == second and moved["until"] == fault["end"]
    assert (alert["type"], alert["service"], alert["earliest"]) == ("cause", root, moved["onset"])
    assert fault["latent"] and not key["incident"] and fault["visible_onset"] == moved["onset"]
    assert fault["difficulty"]["label"] != "silent"


@pytest.mark.parametrize("kind", every(FAULTS, ("configure", "deploy", "flush", "stop", "surge")))
def test_what_happens_besides_is_called_an_event_only_if_it_left_one(kind):
    """More users leave none; everything else that a seed adds to a scenario does."""
    text = f"name: x\nfaults: [slow: {{target: database, factor: 80}}]\nbackground: [{{{FAULTS[kind]}}}]\n"
    run = compare(Simulation.of(parse(text, "x.yaml", replace(OPTIONS, confounders="none", seed=7))))
    (each,) = run.key["background"]
    (herring,) = (each for each in run.key["faults"][0]["red_herrings"] if each["kind"] != "service")
    left = {"configure", "deploy", "flip", "job", "leak", "reset", "restart", "scale", "stop"}
    assert (each["event"] is not None) == (herring["kind"] == "event") == (kind in left)
    assert herring["what"] == (each["event"]["type"] if each["event"] else kind)


@pytest.mark.parametrize(
    "fault", ["slow: {target: product-service, factor: 60, at: 2s}", "configure: {target: order-service}"]
)
def test_what_happens_besides_is_ruled_out_for_what_the_fault_harmed_and_not_for_the_harm_that_it_does_itself(fault):
    text = f"name: x\nfaults: [{{{fault}}}]\nbackground: [stop: {{target: auth-service, for: 3s}}]\n"
    loaded = parse(text, "x.yaml", replace(OPTIONS, confounders="none", seed=7))
    run = compare(Simulation.of(loaded))
    (event,) = (each for each in run.key["faults"][0]["red_herrings"] if each["kind"] == "event")
    harmed = len(run.verdicts.filter(HARMED))
    without = pl.col("twin_outcome").ne("success") | (pl.col("twin_duration_ms") > 1000)
    bad = len(run.verdicts.filter(without))
    met = (
        f"where no request that this fault harmed is bad; {bad} others are"
        if harmed
        else (f"and this fault harmed nobody; {bad} requests are")
    )
    assert event["ruled_out_by"] == f"The same happens in the run without faults, {met} bad there, and this may be why."
    assert bad > 0 and (harmed > 0) is fault.startswith("slow")


def test_what_happens_besides_and_harms_nobody_is_not_said_to():
    """On a calm mesh; otherwise some requests are bad without any fault, which the key says of each fault."""
    (fault,) = compare(simulation(FAULTS["slow"], options=CALM)).key["faults"]
    told = {each["ruled_out_by"] for each in fault["red_herrings"] if each["kind"] == "event"}
    assert fault["blast_radius"]["requests"] > 0
    assert told == {"The same happens in the run without faults, where no request that this fault harmed is bad."}


@pytest.mark.parametrize("kind", ["shrink_pool", "job", "restart", "configure"])
def test_where_nothing_came_of_a_fault_no_service_is_louder_than_its_root(kind):
    """Not even a service whose few requests took three times as long by chance."""
    (fault,) = incident(kind).key["faults"]
    assert fault["affected"] == []
    assert fault["difficulty"] == {"label": "silent", "rank": 1, "louder": []}


def test_a_service_that_another_fault_makes_loud_is_louder_than_a_root():
    """On a calm mesh; otherwise a gateway's own variation may be as loud beforehand as any fault makes it."""
    faults = "fail: {target: order-service, share: 60%}", "slow: {target: notification-service, factor: 2}"
    run = compare(simulation(*faults, options=CALM))
    assert run.key["faults"][1]["difficulty"]["louder"] == ["order-service", "api-gateway"]


def test_a_loud_service_is_ruled_out_by_where_its_harmed_requests_got_stuck():
    """Refused connections leave nothing at the database, while its callers are loud."""
    fault = played("outage").key["faults"][3]
    loud = {each["service"]: each["ruled_out_by"] for each in fault["red_herrings"] if each["kind"] == "service"}
    affected = {each["service"] for each in fault["affected"]}
    assert set(loud) == set(fault["difficulty"]["louder"]) & affected
    assert fault["difficulty"]["label"] == "silent"
    assert re.fullmatch(r"\d+ harmed requests got stuck behind it, at database\.", loud["inventory-service"])


def test_a_clock_writes_moments_as_records_have_them():
    clock = Clock(datetime(2024, 1, 15, 12, 30, tzinfo=timezone(timedelta(hours=2))))
    assert clock(0.3) == "2024-01-15T10:30:00.300000+00:00"
    assert clock.maybe(None) is None and clock.maybe(1.0) == clock(1.0)

"""The responses that can be measured of a run, and the errors for others."""

import pytest

from meshquake.ensembles.phase import Phase
from meshquake.ensembles.place import Place
from meshquake.ensembles.response_text import response
from meshquake.ensembles.responses import OfKey, OfMetric, OfRecords, OfUsers
from meshquake.faults import loader as scenarios
from meshquake.topology.loader import parse
from tests.small_mesh import SMALL
from tests.station import MESH, SCENARIO


def check(text, warm_up=0.0, scenario=SCENARIO, mesh=MESH):
    """Check a response for a scenario of 1 s before the incident, 4 s of it, and nothing after it."""
    response(text).check(scenarios.parse(scenario, "scenario", mesh=parse(mesh, "mesh.yaml")), warm_up)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("entry.error_rate", OfUsers("entry.error_rate", "entry.error_rate", "error_rate")),
        ("tail=entry.latency_p99@after", OfUsers("tail", "entry.latency_p99@after", "latency_p99", Phase("after"))),
        (
            "entry.goodput of web.home",
            OfUsers("entry.goodput of web.home", "entry.goodput of web.home", "goodput", entry="web.home"),
        ),
        (
            "entry.requests@10s..1m",
            OfUsers("entry.requests@10s..1m", "entry.requests@10s..1m", "requests", Phase("", 10, 60)),
        ),
        ("key.harmed", OfKey("key.harmed", "key.harmed", "harmed")),
        ("n=select count(*) as n from logs", OfRecords("n", "select count(*) as n from logs")),
    ],
)
def test_a_response_is_a_line_of_text(text, found):
    assert response(text) == found


def test_a_metric_is_asked_by_an_expression_of_a_service_a_replica_or_an_edge():
    found = response("load=max(active_requests / 8 + queue_depth) of web[1]@whole")
    assert isinstance(found, OfMetric)
    assert (found.label, found.summary, found.place) == ("load", "max", Place("web", 1))
    assert found.expression.names == ("active_requests", "queue_depth") and found.phase == Phase("whole")
    edge = response("sum(retry_rate) of web -> db")
    assert isinstance(edge, OfMetric) and edge.place == Place("web", target="db")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("entry.eror_rate", r"there is no figure 'entry.eror_rate' \(did you mean 'error_rate'\?\)"),
        ("key.harm", "there is no figure 'key.harm'"),
        ("key.harmed@after", "figures of the key cover the whole run"),
        ("entry.requests@later", "'later' is not a phase: it must be before, during, after, whole, or a time range"),
        ("entry.requests@30s..10s", "its start must be before its end"),
        ("median(queue_depth) of web", "there is no summary 'median'"),
        ("max(__import__) of web", "there is no metric '__import__'"),
        ("max(queue_depth[0]) of web", "is not an expression"),
        ("max(queue_depth) of web[0] -> db", "is not a place"),
        ("entry.latency_p99 >= 100", "is not a condition: it must be RESPONSE < NUMBER or RESPONSE > NUMBER"),
        ("entry.error_rate < 5%", "is not a condition"),
        ("entry.latency_p99 > 100ms", "is not a condition"),
        ("entry.error_rate == 0", "is not a condition"),
        ("max(queue_depth) of web != 0", "is not a condition"),
        ("entry.error_rate < 5 < 3", "is not a condition"),
        ("latency", "is not a response: it must be entry.FIGURE, key.FIGURE"),
        ("", "must be a line of text"),
    ],
)
def test_what_is_no_response_is_refused_with_what_would_be(text, message):
    with pytest.raises(ValueError, match=message):
        check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max(queue_dept) of web", r"there is no metric 'queue_dept' \(did you mean 'queue_depth'\?\)"),
        ("max(queue_depth) of wbe", r"there is no service 'wbe' \(did you mean 'web'\?\)"),
        ("entry.requests of web.away", r"no entry operation is called 'web.away' \(valid: web.home\)"),
        ("select levl from logs", 'cannot be executed: unable to find column "levl"'),
        ("select message from logs", "must return a number, not String"),
        ("select * from nothing", "cannot be executed"),
    ],
)
def test_what_the_mesh_or_its_records_do_not_have_is_told_before_the_run(text, message):
    with pytest.raises(ValueError, match=message):
        check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max(queue_depth) of web[7]", r"there is no replica web\[7\]: it has 1 replica, counted from 0"),
        ("max(retry_rate) of web", "retry_rate is a metric of edges, and web is none of these"),
        ("max(queue_depth) of web -> cart", "queue_depth is a metric of .*, and web -> cart is none of these"),
        ("max(retry_rate) of db -> web", "db does not call web"),
        ("entry.error_rate@100s..200s", "is outside the recording, which ends 4s after the start of the incident"),
        ("entry.error_rate@after > 0.5", "there is no time after the incident: recovery is 0s"),
        ("max(queue_depth) of web@1.1s..1.9s", "covers no sample: metrics are sampled at the end of each second"),
    ],
)
def test_a_response_that_no_run_can_have_is_told_before_the_run(text, message):
    with pytest.raises(ValueError, match=message):
        check(text, mesh=SMALL if "-> " in text else MESH)


def test_what_is_only_warm_up_is_told_and_what_is_more_is_not():
    with pytest.raises(ValueError, match="covers only warm-up: 1s of the recording are cut off, and it ends after 1s"):
        check("entry.requests@before", warm_up=1.0)
    check("entry.requests@before", warm_up=0.9)


@pytest.mark.parametrize("cause", ["faults: [deploy: {target: web}]", "actions: [scale: {target: web, to: 9}]"])
def test_a_replica_that_may_come_during_the_run_may_be_asked_of(cause):
    """Each new one has a new number, so wherever there may be new ones nobody knows how many."""
    check("max(queue_depth) of web[7]", scenario=SCENARIO.replace("}", f", {cause}}}"))
    check("max(queue_depth) of web[7]", mesh=MESH.replace("workers: 1", "autoscale: {maximum: 2}, workers: 1"))


def test_a_confounder_may_replace_a_replica_and_roll_that_back():
    drawn = SCENARIO.replace("none", "many")
    check("max(queue_depth) of web[2]", scenario=drawn)
    for number, scenario in ((3, drawn), (1, SCENARIO)):
        with pytest.raises(ValueError, match="it has 1 replica, counted from 0"):
            check(f"max(queue_depth) of web[{number}]", scenario=scenario)

"""The responses that can be measured of a run, and the errors for others."""

import pytest

from meshquake.ensembles.response_text import response
from meshquake.ensembles.responses import OfKey, OfMetric, OfRecords, OfUsers, Phase
from meshquake.topology.loader import parse
from tests.station import MESH


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
    assert (found.label, found.summary, found.service, found.replica) == ("load", "max", "web", "1")
    assert found.expression.names == ("active_requests", "queue_depth") and found.phase == Phase("whole")
    edge = response("sum(retry_rate) of web -> db")
    assert isinstance(edge, OfMetric) and (edge.service, edge.target) == ("web", "db")


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
        ("latency", "is not a response: it must be entry.FIGURE, key.FIGURE"),
        ("", "must be a line of text"),
    ],
)
def test_what_is_no_response_is_refused_with_what_would_be(text, message):
    with pytest.raises(ValueError, match=message):
        response(text).check(parse(MESH, "mesh.yaml").topology)


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
        response(text).check(parse(MESH, "mesh.yaml").topology)

"""Operations that users call fail with an answer; those that only services call may also end the connection."""

import pytest

from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError

MESH = """
name: resets
services:
  web:
    versions:
      v1: {{replicas: 1}}
      v2: {{replicas: 1, operations: {{home: {{error_rate: 2%, error: {v2}}}}}}}
    operations:
      home: {{work: 1ms, calls: [db.get], error_rate: 1%, error: {web}}}
      ping: {{error_rate: 1%, error: {ping}}}
  db: {{operations: {{get: {{work: 1ms, error_rate: 1%, error: {db}}}}}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
"""
RIGHT = {"web": "internal", "v2": "internal", "ping": "internal", "db": "internal"}
RESET = "connection_reset is nothing that users of web.home would see; give it an error with an answer: overloaded, "


@pytest.mark.parametrize("place", ["db", "ping"])
def test_whoever_is_called_by_services_may_reset_their_connections(place):
    parse(MESH.format(**{**RIGHT, place: "connection_reset"}), "mesh.yaml")


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ("web", "mesh.yaml:9: services.web.operations.home.error"),
        ("v2", "mesh.yaml:7: services.web.versions.v2.operations.home.error"),
    ],
)
def test_whoever_is_called_by_users_answers_them(place, where):
    with pytest.raises(DocumentError) as caught:
        parse(MESH.format(**{**RIGHT, place: "connection_reset"}), "mesh.yaml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{where}: {RESET}")

"""The version that a replica ran when it wrote a line or was sampled."""

import polars as pl

from meshquake.exporters.columns.versions import Versions
from meshquake.topology.loader import parse

MESH = """
name: two
services:
  web: {version: 3.1.0, operations: {home: {calls: app.get}}}
  app: {operations: {get: {work: 1ms}}, versions: {v1: {replicas: 2}, v2: {}}}
edges: {}
workload: {rate: 1/s, mix: {web.home: 1}}
"""


def test_replicas_of_versions_side_by_side_have_each_their_own_from_the_start():
    replicas = ["web-0", "app-0", "app-1", "app-2", None, "app-3"]
    frame = pl.DataFrame({"at": [1] * 6, "replica": replicas}, schema={"at": pl.Int64, "replica": pl.String})
    found = Versions(parse(MESH, "mesh.yaml").topology).add(frame)
    assert found["version"].to_list() == ["3.1.0", "v1", "v1", "v2", None, None]

"""A data set of small cases, which take little time to make."""

from meshquake.exporters.fixtures.dataset import Order, generate
from meshquake.topology.loader import parse

CASES = 6
#: Two services and few users: cases that take little time.
SMALL = """
name: small
services:
  web:
    replicas: 2
    workers: 4
    operations: {home: {work: 2ms, calls: [store.get]}}
  store:
    kind: database
    replicas: 2
    workers: 4
    operations: {get: {work: 3ms}}
workload: {rate: 10/s, mix: {web.home: 1}}
"""


def make(folder, processes=1, **changes):
    heard = []
    order = Order(**{"cases": CASES, "seed": 3, "meshes": (parse(SMALL, "small.yaml"),), "latent": False} | changes)
    content = generate(order, folder, processes, heard.append)
    return heard, content

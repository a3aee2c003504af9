"""A data set of small cases, quick to make."""

from meshquake.exporters.fixtures import places
from meshquake.exporters.fixtures.dataset import Order, generate
from meshquake.exporters.fixtures.dataset import processes as engine
from meshquake.topology.loader import parse

CASES = 6
#: Lead-in before each incident (seconds), instead of a minute or two.
LEAD_IN = 10
#: Two services and few users, for cases that are quick to make.
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


def small_order(**changes):
    usual = {"cases": CASES, "seed": 3, "meshes": (parse(SMALL, "small.yaml"),), "latent": False, "lead_in": LEAD_IN}
    return Order(**usual | changes)


def make(folder, processes=1, shard=None, resume=False, **changes):
    heard = []
    content = generate(
        small_order(**changes), places.at(str(folder)), engine(processes), heard.append, shard=shard, resume=resume
    )
    return heard, content

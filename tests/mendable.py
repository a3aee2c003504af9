"""A mesh on which every kind of fault can act, and one fault of each kind that can be mended."""

from meshquake.faults.kinds import fault_kinds

MESH = """
name: three
defaults: {service: {workers: 1000, startup: 1s, readiness: {period: 1s}}, edge: {latency: 1ms}}
services:
  web: {operations: {home: {work: 1ms, calls: [store.get: {hit_rate: 80%, on_miss: [db.get: {}]}, db.get]}}}
  store: {kind: cache, operations: {get: {work: 1ms}}}
  db: {kind: database, replicas: 2, rollout: in_place, operations: {get: {work: 10ms}}}
edges: {web -> db: {timeout: 200ms, balance: round_robin, pool: {size: 20, acquire_timeout: 500ms}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
#: Target and other keys of each kind.
FAULTS = {
    "delay": ("web -> db", {"by": "20ms"}),
    "drop": ("web -> db", {"share": "40%"}),
    "fail": ("db.get", {"share": "50%"}),
    "flip": ("web -> db", {"set": {"timeout": "1ms"}}),
    "handshake": ("web -> db", {}),
    "hang": ("db.get", {"share": "30%"}),
    "hog_cpu": ("db", {}),
    "job": ("db", {}),
    "leak": ("db", {"rate": "1MiB"}),
    "miss": ("web -> store", {}),
    "pause": ("db", {"length": "500ms", "every": "2s"}),
    "probe": ("db", {}),
    "refuse": ("db", {}),
    "reset": ("web -> db", {}),
    "shrink_pool": ("web -> db", {}),
    "slow": ("db", {"factor": 3}),
    "stop": ("db[1]", {}),
    "throttle": ("db", {}),
}
#: All kinds that last and can be mended, so that tests of each of them cover kinds added later.
KINDS = sorted(word for word, kind in fault_kinds().own.items() if kind.lasts and kind.mendable)


def where(kind):
    """Return where a kind is mended: at the edge or at the service."""
    target, _ = FAULTS[kind]
    return target if "->" in target else target.partition(".")[0].partition("[")[0]

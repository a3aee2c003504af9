"""The key where a limit turned callers away, or a callee was cancelled."""

import pytest
from twin_runs import compare

from meshquake.faults.loader import Options, parse
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import parse as parse_mesh

MESH = """
name: answers
services:
  web: {kind: gateway, workers: 300, operations: {home: {calls: [app.get]}}}
  app: {workers: 100, operations: {get: {calls: [api.get]}}}
  api: {workers: 100, cpu: 100KEYS, operations: {get: {work: {exponential: 10ms}}}}
edges: {app -> api: {timeout: 200ms, retry: none, cancellation: true}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""


def key(fault, keys=""):
    mesh = parse_mesh(MESH.replace("KEYS", keys), "mesh.yaml")
    options = Options(lead_in=5.0, duration=10.0, recovery=5.0, seed=3)
    loaded = parse(f"name: x\nconfounders: none\nfaults: [{fault}]\n", "x.yaml", options, mesh=mesh)
    return compare(Simulation.of(loaded)).key["faults"][0]


def steps(fault):
    return {(step["from"], step["to"], step["mechanism"]) for step in fault["mechanism"]}


def symptoms(fault):
    """Return which symptoms of each affected service rose."""
    return {each["service"]: set(each["peak"]) for each in fault["affected"]}


def causes(fault):
    return {(alert["indicator"], alert["service"]) for alert in fault["alerts"] if alert["type"] == "cause"}


def test_a_limit_that_harms_users_is_told_as_the_mechanism_and_who_limits_shows_no_error():
    limit = ", rate_limit: {max_tokens: 40, tokens_per_fill: 40, fill_interval: 1s}"
    fault = key("surge: {target: users, factor: 4}", limit)
    assert {("api", "api", "rate limit"), ("api", "app", "rate limit"), ("app", "web", "failed dependency")} <= steps(
        fault
    )
    reached = symptoms(fault)
    assert "error_rate" in reached["app"] and "error_rate" in reached["web"]
    assert reached["api"] == set() and not fault["latent"]


@pytest.mark.parametrize("share", ["100%", "50%"])
def test_a_callee_that_begins_to_limit_is_seen_by_that_alone(share):
    fault = key(f"fail: {{target: api, share: {share}, error: rate_limited}}")
    assert ("api", "app", "rate limit") in steps(fault)
    assert "error_rate" not in symptoms(fault)["api"] and "error_rate" in symptoms(fault)["app"]
    assert ("rate_limited_rate", "api") in causes(fault) and ("error_rate", "api") not in causes(fault)
    assert {"service": "api", "metric": "rate_limited_rate", "target": None} in [
        {name: each[name] for name in ("service", "metric", "target")} for each in fault["moved"]
    ]


def test_a_slow_callee_that_is_told_to_stop_raises_an_alert_on_that_and_none_on_errors():
    fault = key("slow: {target: api, factor: 50}")
    assert symptoms(fault)["api"] == {"latency_p95"}
    assert ("cancelled_rate", "api") in causes(fault) and ("error_rate", "api") not in causes(fault)


def test_hedges_that_a_pushed_setting_brings_are_counted_from_then_on():
    fault = key("flip: {target: app -> api, set: {hedge: 5ms}}")
    assert ("hedge_rate", "app") in {(each["metric"], each["service"]) for each in fault["moved"]}
    assert not any(each["metric"] == "retry_rate" for each in fault["moved"])

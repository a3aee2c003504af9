"""The eight commands on other meshes: they play, or say in a line what the mesh lacks."""

import re
from pathlib import Path

import pytest
from commandline import call, play

#: Meshes of others, if they are next to the repository.
SHARED = Path(__file__).parents[3] / "shared" / "meshes"
COMMANDS = {
    "normal": ["normal"],
    "degradation": ["degradation"],
    "outage": ["outage"],
    "cascade": ["cascade"],
    "deployment": ["deployment"],
    "transient": ["noise", "--noise-type", "transient"],
    "high_volume": ["noise", "--noise-type", "high-volume"],
    "intermittent": ["noise", "--noise-type", "intermittent"],
}
SHORT = ("--duration", "24s", "--lead-in", "2s", "--recovery", "2s", "--rate", "2/s", "--no-truth")
NEED_DATABASE = {"outage", "cascade"}
MESHES = {
    "shop": """
services:
  web: {kind: gateway, operations: {home: {calls: [cart.get, ads.get: {optional: true}]}}}
  cart: {operations: {get: {work: 2ms, calls: [cache.get: {hit_rate: 90%, on_miss: [db.select]}]}}}
  ads: {operations: {get: {work: 1ms}}}
  cache: {kind: cache, operations: {get: {work: 0.2ms}}}
  db: {kind: database, replicas: 2, operations: {select: {work: 2ms}}}
workload: {rate: 5/s, mix: {web.home: 1}}
""",
    "two-stores": """
services:
  front: {kind: gateway, operations: {buy: {calls: [orders.put, stock.take]}}}
  orders: {operations: {put: {work: 2ms, calls: pay.charge}}}
  stock: {replicas: 4, operations: {take: {work: 2ms, calls: [mysql.update, mysql.select]}}}
  pay: {operations: {charge: {calls: [mongo.insert, bank.transfer: {probability: 50%}]}}}
  bank: {kind: external, operations: {transfer: {work: 20ms}}}
  mongo: {kind: database, operations: {insert: {work: 1ms}}}
  mysql: {kind: database, operations: {select: {work: 1ms}, update: {work: 1ms}}}
workload: {rate: 5/s, mix: {front.buy: 1}}
""",
    "tree": """
services:
  root: {kind: gateway, operations: {serve: {calls: [[left.serve, right.serve]]}}}
  left: {operations: {serve: {work: 1ms, calls: leaf.serve}}}
  right: {operations: {serve: {work: 1ms}}}
  leaf: {operations: {serve: {work: 1ms}}}
workload: {rate: 5/s, mix: {root.serve: 1}}
""",
    "no-kinds": """
services: {alone: {operations: {serve: {work: 1ms}}}}
workload: {rate: 5/s, mix: {alone.serve: 1}}
""",
    "gateways": """
services:
  outer: {kind: gateway, operations: {serve: {calls: inner.serve}}}
  inner: {kind: gateway, operations: {serve: {calls: db.select}}}
  db: {kind: database, operations: {select: {work: 1ms}}}
workload: {rate: 5/s, mix: {outer.serve: 1}}
""",
}
#: The target of each scenario in a mesh, or the role that the mesh lacks.
TARGETS = {
    "shop": {
        "degradation": "cart",
        "outage": "db",
        "cascade": "db",
        "deployment": "cart",
        "transient": "cart[0], cart[0], ads[0], cart[0]",
        "intermittent": "cache, db, cart, ads",
    },
    "two-stores": {
        "degradation": "pay",
        "outage": "mysql",
        "cascade": "mysql",
        "deployment": "stock",
        "transient": "stock[1], orders[0], pay[0], stock[2]",
        "intermittent": "mongo, mysql, orders, pay, stock",
    },
    "tree": {
        "degradation": "leaf",
        "outage": "has no database",
        "cascade": "has no database",
        "deployment": "left",
        "transient": "left[0], left[0], leaf[0], left[0]",
        "intermittent": "left, leaf, right",
    },
    "no-kinds": {
        "degradation": "alone",
        "outage": "has no database",
        "cascade": "has no database",
        "deployment": "alone",
        "transient": "alone[0], alone[0], alone[0], alone[0]",
        "intermittent": "alone",
    },
    "gateways": {
        "degradation": "has no service",
        "outage": "db",
        "cascade": "db",
        "deployment": "has no service",
        "transient": "has no service",
        "intermittent": "db",
    },
}


def tried(command, mesh, output):
    """Return the target of a command in a mesh, or the error that says what the mesh lacks and what to do."""
    result = call(*COMMANDS[command], *SHORT, "--topology", mesh, "--output", output)
    if result.exit_code == 0:
        found = re.search(r"^targets +(.*)$", result.stdout, re.MULTILINE)
        return re.sub(r" \({[^}]*}\)", "", found[1]).replace(";", ",") if found else ""
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{command}: faults[0].")
    assert line.endswith("For this mesh, write a scenario and run it: python run.py scenario FILE (docs/scenarios.md)")
    return line


@pytest.mark.parametrize("name", MESHES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_acts_on_what_has_the_role_in_the_mesh_or_says_that_nothing_has(command, name, tmp_path):
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(f"name: {name}{MESHES[name]}")
    expected, found = TARGETS[name].get(command, ""), tried(command, mesh, tmp_path)
    assert expected in found if expected.startswith("has no") else expected == found


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mesh", sorted(SHARED.glob("*.yaml")) or [None], ids=lambda mesh: mesh and mesh.stem)
def test_a_command_plays_on_meshes_that_others_have(command, mesh, tmp_path):
    if mesh is None:
        pytest.skip(f"no meshes in {SHARED}")
    line = tried(command, mesh, tmp_path)
    assert (" has no database; " in line) == (command in NEED_DATABASE and "kind: database" not in mesh.read_text())


def test_programs_are_told_what_each_fault_acts_on(tmp_path):
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(f"name: shop{MESHES['shop']}")
    summary = play(tmp_path, *COMMANDS["intermittent"], *SHORT, "--topology", mesh)
    assert summary["targets"] == [
        {"fault": "fail-1", "role": "{kind: cache, role: every}", "target": "cache"},
        {"fault": "fail-2", "role": "{kind: database, role: every}", "target": "db"},
        {"fault": "fail-3", "role": "{kind: service, role: every}", "target": "cart"},
        {"fault": "fail-4", "role": "{kind: service, role: every}", "target": "ads"},
    ]


def test_no_option_leads_to_an_error_or_a_warning_in_a_file_of_the_package(tmp_path):
    """A user of a shipped scenario or mesh has written neither."""
    short = call(*COMMANDS["transient"], "--duration", "10s", "--output", tmp_path)
    assert (short.exit_code, short.stderr) == (
        2,
        "transient: faults[3].slow: acts from 8.2s to 12.2s of the incident, which is outside the recording (lead_in "
        "0s, duration 10s, recovery 0s)\n",
    )
    busy = call(
        "cascade", "--duration", "10ms", "--lead-in", "0", "--recovery", "0", "--rate", "900/s", "--output", tmp_path
    )
    warnings = [line for line in busy.stderr.splitlines() if "metrics" not in line]
    assert busy.exit_code == 0 and warnings
    assert all(line.startswith("ten-services: warning: ") for line in warnings)

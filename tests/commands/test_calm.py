"""`--calm`: a mesh without background activity, in every command that plays one."""

import json

import pytest
from commandline import call, manifest, play

from meshquake.exporters.fixtures.provenance import provenance
from meshquake.faults.loader import Options
from meshquake.faults.recipe import Recipe
from meshquake.sim import api

MESH = """\
name: inn
services: {web: {kind: gateway, operations: {home: {work: 2ms}}}}
workload: {rate: 20/s, mix: {web.home: 1}}
"""
LIVELY = f"{MESH}environment: {{users: {{cv: 50%, over: 1m}}}}\n"
SHORT = ("normal", "--duration", "20")
RECORDS = ("metrics", "logs", "traces", "events")


@pytest.fixture
def meshes(tmp_path):
    for name, text in (("still", MESH), ("lively", LIVELY)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def records(folder):
    return [(folder / "normal" / f"{kind}.ndjson").read_bytes() for kind in RECORDS]


def test_a_calm_run_is_that_of_the_mesh_without_its_environment_and_its_manifest_says_so(meshes):
    for name, mesh, *calm in (("still", "still"), ("calm", "lively", "--calm"), ("lively", "lively")):
        play(meshes / name, *SHORT, "--topology", meshes / f"{mesh}.yaml", *calm)
    assert records(meshes / "calm") == records(meshes / "still") != records(meshes / "lively")
    told = {name: manifest(meshes / name / "normal")["options"].get("calm") for name in ("calm", "lively")}
    assert told == {"calm": True, "lively": None}
    assert provenance(meshes / "calm" / "normal").recipe.load().topology.environment.users == ()
    assert call("replay", meshes / "calm" / "normal").exit_code == 0


def test_whatif_plays_a_run_again_in_a_calm_mesh_with_the_same_requests(meshes):
    play(meshes, *SHORT, "--topology", meshes / "lively.yaml")
    calm, same = (
        json.loads(call("whatif", meshes / "normal", *change, "--json").stdout)
        for change in (["--calm"], ["--set", "environment={}"])
    )
    assert calm["changes"]["calm"] is True
    assert calm["after"] == same["after"] != calm["before"]
    assert 0 in (calm["made_only"]["before"]["requests"], calm["made_only"]["after"]["requests"])


def test_a_part_of_the_environment_that_is_set_is_what_a_calm_mesh_does():
    recipe = Recipe("name: x\nconfounders: none\n", LIVELY, Options(calm=True), "x.yaml")
    assert recipe.load().topology.environment.users == ()
    users = recipe.load_with(["environment.users.over=2m", "environment.users.cv=10%"]).topology.environment.users
    assert [(each.cv, each.over) for each in users] == [(0.1, 120.0)]
    lively = Recipe("name: x\nconfounders: none\n", LIVELY, Options(), "x.yaml")
    assert lively.load_with(["environment.users.over=2m"]).topology.environment.users[0].cv == 0.5
    assert lively.load_with(calm=True).topology.environment.users == ()


def test_topology_show_and_check_look_at_the_calm_mesh(meshes):
    lively, calm = (call("topology", "show", meshes / "lively.yaml", *option).stdout for option in ((), ("--calm",)))
    assert "At all times" in lively
    assert "At all times" not in calm
    assert call("topology", "check", meshes / "lively.yaml", "--calm").exit_code == 0


def test_python_has_the_same_setting(meshes):
    settings = {"duration": 5.0, "rate": 5.0}
    calm = api.normal(topology=meshes / "lively.yaml", calm=True, **settings)
    assert calm == api.normal(topology=meshes / "still.yaml", **settings)

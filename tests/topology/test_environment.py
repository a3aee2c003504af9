"""The environment of a topology file: what it's read to, what is refused, and what is odd."""

import editor
import pytest
from stage import topology_of

from meshquake.exporters.reports import outline
from meshquake.topology.environment import CALM
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import remarks
from meshquake.topology.schema import topology_schema

MESH = """
name: shop
services:
  web: {kind: gateway, cpu: 1, operations: {home: {work: 20ms, calls: [db.read, cache.get]}}}
  db: {kind: database, operations: {read: {work: 4ms}}}
  cache: {kind: cache, operations: {get: {work: 1ms}}}
workload: {rate: 30/s, mix: {web.home: 1}}
"""


def environment(text):
    return topology_of(f"{MESH}environment: {text}\n").environment


def test_a_mesh_without_an_environment_is_calm():
    assert topology_of(MESH).environment == CALM == environment("{}")
    lively = topology_of(f"{MESH}environment: {{users: 20%}}\n")
    assert lively.environment != CALM
    assert lively.calm() == topology_of(MESH)


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("20%", (Fluctuation(0.2),)),
        ("{cv: 0.3, over: 10m}", (Fluctuation(0.3, 600.0),)),
        ("[10%, {cv: 20%, over: 1h}]", (Fluctuation(0.1), Fluctuation(0.2, 3600.0))),
    ],
)
def test_users_come_and_go_on_one_time_scale_or_on_several(text, users):
    assert environment(f"{{users: {text}}}").users == users


REFUSED = {
    "[20%]": ": must be a block of keys, not a list",
    "{user: 20%}": ": unknown key 'user' (did you mean 'users'?)",
    "{users: {over: 3m}}": ".users: missing key 'cv'",
    "{users: 0%}": ".users: must be more than 0%, not 0%",
    "{users: {cv: 20%, over: 0.5s}}": ".users.over: must be at least 1s, not 0.5s",
    "{users: [10%, {cv: 40%, over: 2s}]}": ".users[1]: what lasts 2s evens out over five minutes: cv can be 13% at "
    "most, not 40% (or let it last longer: over)",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_is_told_with_its_place(text):
    with pytest.raises(DocumentError) as caught:
        environment(text)
    assert [str(problem) for problem in caught.value.problems] == [f"mesh.yaml:8: environment{REFUSED[text]}"]


def test_an_editor_knows_the_environment():
    accepted = {
        text: not editor.complaints(topology_schema(), f"{MESH}environment: {text}\n")
        for text in ("{users: [10%, {cv: 20%, over: 1h}]}", "{users: 200%}", "{users: {over: 3m}}", "{jobz: 1}")
    }
    assert [text for text, right in accepted.items() if right] == ["{users: [10%, {cv: 20%, over: 1h}]}"]


def test_the_highest_number_of_users_is_shown_and_services_without_room_for_it_are_told():
    lively = parse(f"{MESH}environment: {{users: 25%}}\n", "mesh.yaml")
    assert "Users come and go by 25% over 3m: up to 2.4 times as many as usual" in outline.blocks(lively.topology)
    assert [str(each) for each in remarks(lively)] == [
        "mesh.yaml:8: warning: environment.users: web is overloaded for 2.3% of the time: of its users there are 1.8 "
        "times as many then, who need 110% of it"
    ]
    assert not remarks(parse(f"{MESH}environment: {{users: 10%}}\n", "mesh.yaml"))

"""Services with names from real systems: dots in names, and where a service's name ends and an operation's begins."""

import pytest
from editor import complaints

from meshquake.faults import edits
from meshquake.faults.fault import Target
from meshquake.faults.targets import parse_target, read_target
from meshquake.topology.deadlock import deadlocks
from meshquake.topology.estimates import expected_visits
from meshquake.topology.loader import parse
from meshquake.topology.naming import parts
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import remarks
from meshquake.topology.schema import topology_schema

MESH = """
name: dots
services:
  shop.web: {kind: gateway, operations: {GET /: {calls: [acme.pay.v2.POST /pay, acme.pay.v2.x.y, Store.get]}}}
  acme.pay.v2: {replicas: 2, operations: {POST /pay: {work: 1ms, calls: Store.get}, x.y: {work: 1ms}}}
  Store: {kind: database, operations: {get: {work: 1ms}}}
edges: {shop.web -> acme.pay.v2: {timeout: 1s}}
workload: {rate: 20/s, mix: {shop.web.GET /: 1}}
"""


@pytest.fixture(scope="module")
def mesh():
    return parse(MESH, "dots.yaml").topology


def refused(services):
    with pytest.raises(DocumentError) as caught:
        parse(f"name: x\nservices: {services}\nworkload: {{rate: 1/s, mix: {{a.x: 1}}}}", "x.yaml")
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "service", "operation"),
    [
        ("a.b.c", "a.b", "c"),
        ("a.b.c.d/e.f", "a.b", "c.d/e.f"),
        ("a.b", "a.b", ""),
        ("z.b.c", "z", "b.c"),
        ("z", "z", ""),
        ("db.x", "db", "x"),
    ],
)
def test_a_service_is_the_known_one_that_a_name_begins_with_and_else_ends_at_the_first_dot(name, service, operation):
    assert parts(name, {"a.b", "db"}) == (service, operation)


def test_calls_edges_users_and_checks_find_services_with_dots(mesh):
    assert [(edge.caller, edge.callee) for edge in mesh.edges] == [
        ("shop.web", "acme.pay.v2"),
        ("shop.web", "Store"),
        ("acme.pay.v2", "Store"),
    ]
    visits = {"shop.web.GET /": 1, "acme.pay.v2.POST /pay": 1, "acme.pay.v2.x.y": 1, "Store.get": 2}
    assert expected_visits(mesh) == visits
    assert not list(deadlocks(mesh)) and not remarks(parse(MESH, "dots.yaml"))


def test_an_editor_takes_what_the_loader_takes():
    assert complaints(topology_schema(), MESH) == []


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("acme.pay.v2", Target("service", "acme.pay.v2")),
        ("acme.pay.v2[1]", Target("replica", "acme.pay.v2", replica=1)),
        ("acme.pay.v2.x.y", Target("operation", "acme.pay.v2", operation="x.y")),
        ("shop.web -> acme.pay.v2[1]", Target("edge", "shop.web", callee="acme.pay.v2", callee_replica=1)),
    ],
)
def test_faults_find_services_with_dots_and_what_they_are_called_is_read_again(text, target, mesh):
    assert read_target(text, mesh) == target
    assert read_target(str(target), mesh) == target


def test_a_name_that_ends_in_a_dot_names_an_operation_that_nobody_has():
    assert parse_target("acme.", {"acme"}) == Target("operation", "acme", operation="")
    with pytest.raises(DocumentError, match=r"must be service\.operation, not 'Store\.'"):
        parse(MESH.replace("Store.get]", "Store.]"), "dots.yaml")


@pytest.mark.parametrize("path", ["services.acme.pay.v2.workers", "services.acme.pay.v2.operations.x.y.contention"])
def test_a_path_leads_through_a_name_with_dots(path):
    assert edits.place(MESH, path) == path
    changed = parse(edits.apply(MESH, path, "3"), "dots.yaml").topology.service("acme.pay.v2")
    assert 3 in (changed.workers, changed.operations[1].contention)


def test_nothing_is_made_of_an_operation_that_a_service_with_dots_has_not():
    with pytest.raises(ValueError, match="there is no operation 'z'"):
        edits.apply(MESH, "services.acme.pay.v2.operations.z.work", "1ms")


def test_no_service_goes_on_from_another_one_and_a_dot():
    """`a.b` could be either of the two."""
    (message,) = refused("{a: {operations: {x: {}}}, a.b: {operations: {y: {}}}}")
    assert message.startswith("a service cannot be called 'a.b' beside 'a': one of them could also be an operation")
    assert len(refused("{a.b: {operations: {y: {}}}, a: {operations: {x: {}}}}")) == 1


@pytest.mark.parametrize("name", [".a", "a.", "a..b", "a b", "users.x", "users", "a" * 64, "2a", "a/b"])
def test_what_would_not_be_told_apart_or_fits_no_label_is_no_name(name):
    (message, *_) = refused(f"{{a: {{operations: {{x: {{}}}}}}, '{name}': {{}}}}")
    assert message.startswith("a service cannot be called")

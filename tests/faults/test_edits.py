"""Edits of documents: one value changes, and everything else reads as before."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.faults import loader as scenario_loader
from meshquake.faults.edits import apply, ids, place, side, split, write_out
from meshquake.faults.loader import Options
from meshquake.topology import loader as topology_loader
from meshquake.topology.distributions import Constant
from meshquake.topology.document import Document
from meshquake.topology.spec import Topology
from tests.topology.random_meshes import meshes

MESH = topology_loader.shipped()["ten-services"].read_text(encoding="utf-8")
SCENARIO = """
name: three
confounders: none
faults:
  - slow: {target: database, factor: 8}
  - stop: {target: "auth-service[0]", for: 20s, id: first}
  - slow: {target: cache-service, factor: 4, ramp: 10s}
background:
  - job: {target: user-service}
"""


def mesh(text):
    return topology_loader.parse(text, "m.yaml").topology


def scenario(text, **options):
    return scenario_loader.parse(text, "s.yaml", Options(**options)).scenario


def edge(text, caller, callee):
    (found,) = (edge for edge in mesh(text).edges if (edge.caller, edge.callee) == (caller, callee))
    return found


def changed(old, new):
    """Return the names of the fields in which two instances of a type differ, except texts."""
    return [
        field.name for field in fields(old) if field.compare and getattr(old, field.name) != getattr(new, field.name)
    ]


# -- unchanged parts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", topology_loader.shipped())
def test_a_shipped_mesh_written_anew_reads_as_before(name):
    text = topology_loader.shipped()[name].read_text(encoding="utf-8")
    assert mesh(apply(text, "name", name)) == mesh(text)


@pytest.mark.parametrize("name", scenario_loader.shipped())
def test_a_shipped_scenario_written_anew_reads_as_before(name):
    text = scenario_loader.shipped()[name].read_text(encoding="utf-8")
    assert scenario(apply(text, "name", name)) == scenario(text)


@given(meshes())
def test_any_mesh_written_anew_reads_as_before(drawn):
    """The text of a random mesh, in YAML's flow style, is rewritten in block style with the same meaning."""
    text = as_text(drawn)
    assert mesh(text).services == drawn.services
    assert mesh(apply(text, "name", "random")) == mesh(text)


def as_text(drawn: Topology) -> str:
    """Return a random mesh as a file, without its policies."""

    def call(link):
        keys = f"probability: {link.probability}, optional: {str(link.optional).lower()}"
        if link.hit_rate is not None:
            on_miss = ", ".join(f"{one.service}.{one.operation}: {{}}" for one in link.on_miss)
            keys += f", hit_rate: {link.hit_rate}, on_miss: [{on_miss}]"
        return f"{link.service}.{link.operation}: {{{keys}}}"

    lines = ["name: random", "services:"]
    for service in drawn.services:
        lines.append(f"  {service.name}: {{kind: {service.kind}, replicas: {service.replicas}, operations: {{")
        for operation in service.operations:
            groups = ", ".join(f"[{', '.join(map(call, group))}]" for group in operation.calls)
            lines.append(f"    {operation.name}: {{work: {{exponential: 10ms}}, calls: [{groups}]}},")
        lines.append("  }}")
    mix = ", ".join(f"{entry.service}.{entry.operation}: {entry.weight}" for entry in drawn.workload.mix)
    return "\n".join([*lines, f"workload: {{mix: {{{mix}}}}}"])


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12) | st.sampled_from(
    [
        "on",
        "none",
        "1e3",
        "2.0.0",
        "5:30",
        "~",
        "0x1f",
        "<<",
        "- a",
        "a: b",
        "#",
        "%",
        "[",
        "'",
        '"',
        "a # b",
        "\n",
        "é",
    ]
)


@given(st.recursive(words, lambda inner: st.lists(inner) | st.dictionaries(words, inner), max_leaves=12))
def test_any_document_keeps_its_texts_to_the_letter(value):
    """Whatever YAML might take a text for, it is read back as that text, in the same place."""
    text = f"x: {quoted(value)}\ny: 1"
    assert content(Document.parse(apply(text, "y", "2"), "x").root) == {"x": value, "y": "2"}


def quoted(value):
    """Return a value in flow style with every text in double quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {quoted(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'


def content(node):
    """Return a node as dicts, lists and texts."""
    if node.kind == "map":
        return {key: content(entry) for key, entry in node.entries.items()}
    return [content(item) for item in node.items] if node.kind == "list" else node.text


@pytest.mark.parametrize("word", ["on", "no", "1e3", "2.0.0", "5:30", "1.10", "40%", "~", "null", "0x1f"])
def test_a_plain_value_stays_a_plain_value(word):
    assert apply("name: a\nversion: 1", "version", word) == f"name: a\nversion: {word}\n"


def test_quotes_stay_where_they_make_a_difference():
    assert apply("a: 'none'\nb: none\nc: 1", "c", "2") == "a: 'none'\nb: none\nc: 2\n"


def test_keys_keep_their_order_and_new_ones_come_last():
    assert apply("b: 1\na: {z: 1, y: 2}\n", "a.x", "3") == "b: 1\na:\n  z: 1\n  y: 2\n  x: 3\n"


def test_what_stood_for_two_places_by_an_alias_changes_in_one():
    text = "a: &both {x: 1}\nb: *both\n"
    assert apply(text, "b.x", "2") == "a:\n  x: 1\nb:\n  x: 2\n"


# -- changes ---------------------------------------------------------------------------------------------------------


def test_a_key_of_a_service_changes_that_and_nothing_else():
    old, new = mesh(MESH), mesh(apply(MESH, "services.database.replicas", "3"))
    assert changed(old, new) == ["services"]
    assert [
        (one.name, changed(one, two)) for one, two in zip(old.services, new.services, strict=True) if one != two
    ] == [("database", ["replicas"])]
    assert new.service("database").replicas == 3


@pytest.mark.parametrize("arrow", [" -> ", "->", "  ->  "])
@pytest.mark.parametrize("written", ["auth-service -> database", "auth-service->database"])
def test_an_edge_is_the_same_however_its_arrow_is_spaced(arrow, written):
    text = MESH.replace("auth-service -> database:", f"{written}:")
    new = apply(text, f"edges.auth-service{arrow}database.breaker", "none")
    assert edge(text, "auth-service", "database").breaker is not None
    assert edge(new, "auth-service", "database").breaker is None


def test_blocks_missing_on_the_way_are_made():
    new = apply(MESH, "edges.order-service -> payment-service.retry.base", "10ms")
    old = edge(MESH, "order-service", "payment-service")
    assert edge(new, "order-service", "payment-service") == replace(old, retry=replace(old.retry, base=0.01))
    assert edge(apply(MESH, "defaults.edge.timeout", "500ms"), "order-service", "payment-service").timeout == 0.5


def test_names_may_have_dots_and_the_longest_that_fits_is_meant():
    mix = {
        f"{entry.service}.{entry.operation}": entry.weight
        for entry in mesh(apply(MESH, "workload.mix.api-gateway.browse", "10")).workload.mix
    }
    assert (mix["api-gateway.browse"], mix["api-gateway.checkout"]) == (10, 12)
    new = mesh(apply(MESH, "workload.mix.order-service.list", "1")).workload.mix
    assert (new[-1].service, new[-1].operation, new[-1].weight) == ("order-service", "list", 1)
    assert apply("a: {b: 1, b.c: 2, b.c.d: 3}", "a.b.c.d", "4") == "a:\n  b: 1\n  b.c: 2\n  b.c.d: 4\n"


def test_a_value_may_be_a_block_or_a_list():
    path = "services.database.operations.select.work"
    (operation,) = (
        one for one in mesh(apply(MESH, path, "{constant: 5ms}")).service("database").operations if one.name == "select"
    )
    assert operation.work == Constant(0.005)
    calls = apply(MESH, "services.order-service.operations.list.calls", "[]")
    assert mesh(calls).service("order-service").operations[1].calls == ()


def test_a_value_that_stands_for_a_block_becomes_one():
    text = MESH.replace("retry: none", "retry: 2")
    new = apply(text, "defaults.edges_to.cache.retry.base", "1ms")
    assert edge(text, "auth-service", "cache-service").retry.max_attempts == 2
    assert edge(new, "auth-service", "cache-service").retry == replace(
        edge(text, "auth-service", "cache-service").retry, base=0.001
    )
    memory = mesh(apply(MESH, "services.database.memory.base", "10%")).service("database").memory
    assert (memory.limit, memory.base) == (4 * 2**30, 0.1)


def test_a_block_in_place_of_none_lies_over_the_defaults_below():
    new = edge(apply(MESH, "defaults.edges_to.cache.retry.max_attempts", "2"), "auth-service", "cache-service")
    assert edge(MESH, "auth-service", "cache-service").retry is None
    assert new.retry == replace(edge(MESH, "auth-service", "database").retry, max_attempts=2)


def test_a_call_without_keys_gets_some():
    new = apply(MESH, "services.order-service.operations.create.calls[3].database.insert.optional", "true")
    assert mesh(new).service("order-service").operations[0].calls[3][0].optional
    assert not mesh(MESH).service("order-service").operations[0].calls[3][0].optional


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("faults.slow-1.severity", 0),
        ("faults.first.severity", 1),
        ("faults.slow-2.severity", 2),
        ("faults[2].severity", 2),
        ("faults.2.severity", 2),
        ("faults[2].slow.severity", 2),
        ("faults.slow-2.slow.severity", 2),
        ("background.job-1.severity", 3),
    ],
)
def test_a_fault_is_called_by_its_id_or_its_place(path, position):
    new = scenario(apply(SCENARIO, path, "50%"))
    assert [fault.severity for fault in (*new.faults, *new.background)] == (
        [0.5 if number == position else 1 for number in range(4)]
    )


def test_the_place_of_a_path_is_what_the_loader_calls_it():
    assert place(SCENARIO, "faults.slow-2.factor") == "faults[2].slow.factor"
    assert place(SCENARIO, "background.job-1") == "background[0].job"
    assert place(MESH, "edges.auth-service->database.pool.size") == "edges.auth-service -> database.pool.size"
    assert place("name: x", "edges.a->b.pool") == "edges.a -> b.pool"


def test_times_of_a_scenario_are_set_like_anything_else():
    new = scenario(apply(apply(SCENARIO, "duration", "2m"), "recovery", "30s"))
    assert (new.duration, new.recovery, new.lead_in) == (120, 30, 60)


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "value", "message"),
    [
        (MESH, "services.databse.replicas", "3", "there is no service 'databse' (did you mean 'database'?)"),
        (
            MESH,
            "services.database.operations.selct.work",
            "1ms",
            "there is no operation 'selct' (did you mean 'select'?)",
        ),
        (MESH, "services.database.workers.most", "3", "services.database.workers is '40', not a block of keys"),
        (MESH, "services.database[0].replicas", "3", "services.database has no items"),
        (MESH, "services..replicas", "3", "a name in the path is empty"),
        (MESH, "services.database.", "3", "a name in the path is empty"),
        (MESH, "services.order-service.operations.create.calls.first", "x", "its items are"),
        (MESH, "services.order-service.operations.create.calls[5]", "x", "it has 5 items, counted from 0"),
        (MESH, "services.database" + ".a" * 60, "3", "nests deeper than 50 levels"),
        (MESH, "services.database.replicas", "{", "is not YAML"),
        (MESH, "services.database.replicas", "!!int 3", "tag 'tag:yaml.org,2002:int' is not allowed"),
        (MESH, "services.database.replicas", "# three", "is empty"),
        (SCENARIO, "faults.slow-3.factor", "3", "there is no fault 'slow-3' (did you mean 'slow-2'?)"),
        (SCENARIO, "faults.job-1.share", "3", "there is no fault 'job-1'"),
        (SCENARIO, "faults[3].factor", "3", "there is no faults[3]: it has 3 items, counted from 0"),
        ("name: x", "faults.slow-1.factor", "3", "there is no fault 'slow-1'"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_with_the_nearest_name(text, path, value, message):
    with pytest.raises(ValueError) as refused:
        apply(text, path, value)
    assert message in str(refused.value)


def test_the_first_key_says_whose_text_a_path_leads_into():
    sides = {path: side(path) for path in ("services.a.b", "edges.a -> b", "defaults", "workload.rate", "duration")}
    assert list(sides.values()) == ["topology"] * 4 + ["scenario"]
    assert {side(path) for path in ("lead_in", "rate", "faults[0]", "faults.a", "background.b", "severity")} == {
        "scenario"
    }
    with pytest.raises(ValueError, match=r"cannot begin with 'servces' \(did you mean 'services'\?\)"):
        side("servces.database")


def test_an_assignment_is_split_at_its_first_equals_sign():
    assert split(" a.b = {c: d=e} ") == ("a.b", "{c: d=e}")
    for wrong in ("", "a", "a=", "=b", " = "):
        with pytest.raises(ValueError, match="must be PATH=VALUE"):
            split(wrong)


def test_ids_in_a_text_are_those_that_the_loader_gives():
    whole = scenario(SCENARIO)
    assert ids(SCENARIO) == [fault.id for fault in (*whole.faults, *whole.background)]


# -- drawn values ------------------------------------------------------------------------------------------------------

DRAWN = """
name: drawn
confounders: many
faults:
  - any: {severity: 20%..80%}
  - slow: {target: any, factor: 10..80, at: 5s..20s, for: 20s}
  - fail: {target: [database, cache-service], share: 50%, for: 30s}
"""


@pytest.mark.parametrize("seed", range(5))
def test_what_the_seed_drew_is_written_out_and_reads_the_same_for_any_seed(seed):
    drawn = scenario(DRAWN, seed=seed)
    again = scenario(write_out(DRAWN, drawn, mesh(MESH)), seed=seed + 1, confounders="none")
    assert len(drawn.drawn) > 3
    assert again == replace(drawn, confounders="none", seed=seed + 1)
    assert again.drawn == ()


def test_what_has_a_role_is_written_out_and_stays_though_another_would_have_it():
    text = """
name: roles
confounders: none
faults:
  - fail: {target: {kind: cache}, share: 10%, id: one}
  - fail: {target: {kind: service, role: every}, share: 10%}
  - fail: {target: {from: gateway, role: every}, share: 10%, id: each}
  - slow: {target: [{kind: database}, {kind: cache}], factor: 2..3}
"""
    text = text.replace("fail: {target: {from", "drop: {target: {from")
    found = scenario(text)
    written = write_out(text, found, mesh(MESH))
    assert "kind:" not in written and "role:" not in written
    again = scenario(written)
    assert (again, again.roles) == (found, {})
    assert [fault.id for fault in again.faults] == (
        ["one", *(f"fail-{number}" for number in range(2, 9)), *(f"each-{number}" for number in range(1, 5)), "slow-1"]
    )

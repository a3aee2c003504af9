"""A `telemetry:` block changes how log lines are written, and nothing else of a run."""

import json
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_mesh import SMALL

from meshquake.faults import loader as scenario_loader
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

SCENARIO = """
name: x
lead_in: 1s
duration: 3s
recovery: 0s
confounders: none
faults: [slow: {target: db, factor: 40}, restart: {target: 'web[0]', at: 0.5s}]
"""


def frames(block="", scenario_block=""):
    """Return the records of a short run in which something fails, by kind."""
    mesh = topology_loader.parse(SMALL + block, "mesh.yaml")
    loaded = scenario_loader.parse(SCENARIO + scenario_block, "scenario.yaml", mesh=mesh)
    batches = list(Simulation.of(loaded).batches())
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}


@cache
def as_usual():
    """Return the same run without a block in any file."""
    return frames()


@pytest.fixture(scope="module")
def usual():
    return as_usual()


def all_refused(block):
    """Return the error messages for a block about logs."""
    with pytest.raises(DocumentError) as error:
        frames(f"telemetry: {{logs: {{{block}}}}}")
    return [problem.message for problem in error.value.problems]


def refused(block):
    """Return the only error message for a block about logs."""
    (message,) = all_refused(block)
    return message


def assert_but_logs_equal(found, usual):
    for kind in ("metrics", "traces", "events"):
        assert found[kind].equals(usual[kind])


def lines(found):
    return found["logs"].to_dicts()


JSON = '{"at": "{timestamp}", "lvl": "{severity}", "from": "{service}/{logger}", "trace": "{trace_id}", "msg": {json}}'


def test_a_format_of_ones_own_has_all_that_a_line_had_and_changes_nothing_else(usual):
    found = frames(f"telemetry: {{logs: {{format: '{JSON}'}}}}")
    assert_but_logs_equal(found, usual)
    assert found["logs"].drop("message").equals(usual["logs"].drop("message"))
    assert [json.loads(line["message"]) for line in lines(found)] == [
        {
            "at": line["timestamp"],
            "lvl": line["level"].lower(),
            "from": f"{line['service']}/{line['logger']}",
            "trace": line["trace_id"] or "",
            "msg": line["message"],
        }
        for line in lines(usual)
    ]


def test_of_two_formats_the_later_one_counts_and_that_of_the_scenario_is_later(usual):
    mesh = "telemetry: {logs: {format: [{line: 'A {message}', service: w*}, {line: 'B {message}', service: web}]}}"
    found = frames(mesh, "telemetry: {logs: {format: {line: 'C {message} {replica}', service: db}}}")
    marks = {"web": "B {message}", "db": "C {message} {replica}"}
    assert [line["message"] for line in lines(found)] == [
        marks.get(line["service"], "{message}").format(**line | {"replica": line["replica"] or ""})
        for line in lines(usual)
    ]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("format: '{messages}'", "there is no value {messages} (did you mean 'message'?)"),
        ("format: {line: x, service: wbe}", "no service matches 'wbe' (did you mean 'web'?)"),
        ("format: []", "must have at least one value"),
        ("formats: x", "unknown key 'formats' (did you mean 'format'?)"),
    ],
)
def test_a_mistake_is_told(block, message):
    assert refused(block) == message


# -- lines ---------------------------------------------------------------------------------------------------------


def changed(usual, found, kinds=("metrics", "traces", "events")):
    """Return the lines of both runs side by side, checking that nothing else differs, nor which lines there are."""
    for kind in kinds:
        assert found[kind].equals(usual[kind])
    same = ["timestamp", "service", "trace_id", "span_id", "replica"]
    assert found["logs"].select(same).equals(usual["logs"].select(same))
    return list(zip(lines(usual), lines(found), strict=True))


def differing(pairs):
    return [(before, after) for before, after in pairs if before != after]


def test_a_text_takes_the_place_of_those_of_some_services_and_of_no_others(usual):
    block = """
telemetry:
  logs:
    lines:
      - {when: handled, kind: [service, external], text: '{service} did {operation} for {peer} in {duration_ms}'}
      - {when: handled, service: ads, level: DEBUG, logger: ads, text: 'did {operation}, {status_code}'}
"""
    pairs = differing(changed(usual, frames(block)))
    assert {after["service"] for _, after in pairs} == {"cart", "ads"}
    for before, after in pairs:
        if after["service"] == "ads":
            assert (after["level"], after["logger"], after["message"]) == ("DEBUG", "ads", "did get, 200")
        else:
            assert after["message"].startswith("cart did get for web in ")
            assert (after["level"], after["logger"]) == (before["level"], before["logger"])


def test_severity_goes_by_cause(usual):
    block = "telemetry: {logs: {lines: [{cause: timeout, level: FATAL}, {cause: timeout, kind: gateway, level: WARN}]}}"
    pairs = differing(changed(usual, frames(block)))
    assert pairs
    for before, after in pairs:
        assert "Timeout" in before["message"]
        assert after == before | {"level": "WARN" if before["service"] == "web" else "FATAL"}


def test_a_text_beside_others_is_one_of_them(usual):
    text = "one more way to say {operation}"
    block = f"telemetry: {{logs: {{lines: {{when: handled, service: cart, add: true, text: '{text}'}}}}}}"
    pairs = changed(usual, frames(block))
    ours = [after for _, after in pairs if after["message"] == "one more way to say get"]
    answered = [before for before, _ in pairs if before["service"] == "cart" and before["level"] == "INFO"]
    assert 0.2 * len(answered) < len(ours) < 0.5 * len(answered)


def test_no_line_is_a_line_less(usual):
    found = frames("telemetry: {logs: {lines: [{when: handled, text: none}, {when: restart, text: none}]}}")
    kept = {(line["timestamp"], line["message"]) for line in lines(found)}
    gone = [line for line in lines(usual) if (line["timestamp"], line["message"]) not in kept]
    assert gone and {line["level"] for line in gone} <= {"INFO", "DEBUG"}
    assert any("Starting" in line["message"] for line in gone)
    assert found["events"].equals(usual["events"])


def test_what_happens_besides_has_other_texts_in_which_braces_are_braces(usual):
    block = (
        """telemetry: {logs: {lines: {when: restart, level: WARN, text: '{"up": "{replica}", "why": "{reason}"}'}}}"""
    )
    (pair,) = differing(changed(usual, frames(block)))
    assert json.loads(pair[1]["message"])["up"] == "web-0" and pair[1]["level"] == "WARN"


def test_the_lines_of_a_scenario_come_after_those_of_its_mesh(usual):
    mesh = "telemetry: {logs: {lines: {when: handled, text: 'mesh {operation}'}}}"
    found = frames(mesh, "telemetry: {logs: {lines: {when: handled, service: db, text: 'scenario {operation}'}}}")
    said = {after["service"]: after["message"].split()[0] for _, after in differing(changed(usual, found))}
    assert said["db"] == "scenario" and said["cart"] == said["cache"] == said["web"] == "mesh"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{when: handled, text: '{operatoin}'}", "there is no value {operatoin} (valid: operation, service, "),
        (
            "{when: restart, text: '{operation}'}",
            "there is no value {operation} of restart (valid: service, ",
        ),
        ("{when: handeld, text: x}", "cannot be 'handeld' (did you mean 'handled'?)"),
        ("{text: x}", "missing key 'when': a text is for one kind of line"),
        ("{service: web, text: 'deadline {peer}'}", "missing key 'when': a text is for one kind of line"),
        ("{when: handled, text: '{x:10..5}'}", "{x:10..5} must have the lower number first: {x:5..10}"),
        ("{when: handled, text: '{x#0.5..-1}'}", "{x#0.5..-1} must have the lower number first: {x#-1..0.5}"),
        (
            "{when: handled, text: '{y:a..b}'}",
            "{y:a..b} must have two numbers, as in {y:1..10}, or words, as in {y:ONE|OTHER}",
        ),
        ("{when: handled, text: '{y: 1..5}'}", "{y: 1..5} must have two numbers, as in {y:1..10}, or words"),
        ("{when: handled, text: '{y:1.25..99999999999999}'}", "{y:1.25..99999999999999} has too many digits"),
        ("{when: slow}", "changes nothing: give a text, a level or a logger"),
        (
            "{when: handled, cause: timeout, text: x}",
            "applies only to calls that fail: failed, retried, hedged and gave_up",
        ),
        ("{when: handled, level: NOTICE}", "cannot be 'NOTICE' (valid: DEBUG, INFO, WARN, ERROR, FATAL)"),
        ("{cause: timeuot, level: WARN}", "cannot be 'timeuot' (did you mean 'timeout'?)"),
        ("{when: handled, add: true, level: WARN}", "needs a text to add"),
        ("{when: handled, service: x, text: y}", "no service matches 'x' (valid: web, cart, ads, cache, db)"),
        ("{when: remarks, text: x}", "can only be none: remarks have many texts"),
        ("{when: handled, text: [{a: b}]}", "must be a text, not a block of keys"),
    ],
)
def test_a_mistake_about_lines_is_told(line, message):
    assert refused(f"lines: [{line}]").startswith(message)


@pytest.mark.parametrize(
    ("block", "messages"),
    [
        (
            "lines: [{when: handeld, service: wbe, text: '{operatoin} {x:2..1}'}]",
            [
                "cannot be 'handeld' (did you mean 'handled'?)",
                "no service matches 'wbe' (did you mean 'web'?)",
                "there is no value {operatoin} (did you mean 'operation'?)",
                "{x:2..1} must have the lower number first: {x:1..2}",
            ],
        ),
        (
            "lines: [{text: '{operatoin}'}]",
            [
                "missing key 'when': a text is for one kind of line",
                "there is no value {operatoin} (did you mean 'operation'?)",
            ],
        ),
        (
            "chatter: [{service: wbe, text: '{x:2..1}'}]",
            [
                "missing key 'every'",
                "no service matches 'wbe' (did you mean 'web'?)",
                "{x:2..1} must have the lower number first: {x:1..2}",
            ],
        ),
    ],
)
def test_a_mistake_in_one_key_of_a_line_hides_none_in_another(block, messages):
    assert sorted(all_refused(block)) == sorted(messages)


# -- lines by stack, and lines of processes ----------------------------------------------------------------------------

STACKS = {"web": "stack: nodejs/express", "cart": "stack: java/spring-boot", "db": "stack: postgresql"}


@pytest.fixture(scope="module")
def built():
    """Return the same mesh with services that name their stack."""
    text = SMALL.replace("  cart:\n", f"  cart:\n    {STACKS['cart']}\n", 1)
    text = text.replace("kind: gateway\n", f"kind: gateway\n    {STACKS['web']}\n", 1)
    return text.replace("{kind: database,", f"{{kind: database, {STACKS['db']},", 1)


def of(mesh, block=""):
    loaded = scenario_loader.parse(SCENARIO, "scenario.yaml", mesh=topology_loader.parse(mesh + block, "mesh.yaml"))
    batches = list(Simulation.of(loaded).batches())
    return {kind: pl.concat([batch.frame(kind) for batch in batches]) for kind in RECORD_KINDS}


def test_words_of_ones_own_lie_over_those_of_a_stack(built):
    text = "user {user_id} of {client_address} got {path}, cart {items:2..5}"
    usual = of(built)
    found = of(built, f"telemetry: {{logs: {{lines: {{when: handled, service: cart, text: '{text}'}}}}}}")
    assert_but_logs_equal(found, usual)
    ours = found["logs"].filter(pl.col("message").str.contains(r"^user \S+ of \S+ got \S+, cart [2-5]$"))
    assert {*ours["service"]} == {"cart"} and len(ours) > 20
    assert found["logs"].filter(pl.col("service") != "cart").equals(usual["logs"].filter(pl.col("service") != "cart"))


def test_remarks_can_be_left_out(built):
    found, usual = of(built, "telemetry: {logs: {lines: {when: remarks, text: none}}}"), of(built)
    assert len(found["logs"]) < len(usual["logs"])
    # The remaining lines are unchanged, in the same order.
    left = iter(usual["logs"].rows())
    assert all(line in left for line in found["logs"].rows())


def test_processes_say_what_a_file_has_them_say_on_time_and_change_nothing(usual):
    block = """
telemetry:
  logs:
    chatter: {service: c*, every: 500ms, level: DEBUG, logger: pulse, text: '{replica} holds {busy} of {workers}'}
"""
    found = frames(block)
    assert_but_logs_equal(found, usual)
    said = pl.col("logger") == "pulse"
    assert found["logs"].filter(~said).equals(usual["logs"])
    ours = found["logs"].filter(said)
    assert {*ours["replica"]} == {"cart-0", "cache-0"} and {*ours["level"]} == {"DEBUG"}
    assert ours["trace_id"].null_count() == len(ours)
    for replica in ("cart-0", "cache-0"):
        apart = ours.filter(replica=replica)["timestamp"].str.to_datetime().diff().drop_nulls().dt.total_milliseconds()
        assert len(apart) > 5 and apart.is_between(499, 502).all()
    assert ours["message"].str.contains(r"^c\w+-0 holds \d+ of \d+$").all()


@pytest.mark.parametrize(
    ("chatter", "message"),
    [
        ("{every: 1s, text: '{operation}'}", "a process has no value {operation} (valid: service, replica,"),
        ("{every: 1s}", "missing key 'text'"),
        ("{text: x}", "missing key 'every'"),
        ("{every: 0, text: x}", "must be at least 100ms, not 0"),
        ("{every: 1s, text: none}", "must be a text, not none"),
    ],
)
def test_a_mistake_about_chatter_is_told(chatter, message):
    assert refused(f"chatter: [{chatter}]").startswith(message)


WHEN = st.sampled_from(["handled", "slow", "failed", "retried", "gave_up", "missed", "restart", "called", "remarks"])
LINES = st.fixed_dictionaries(
    {"level": st.sampled_from(["DEBUG", "INFO", "WARN", "ERROR", "FATAL"])},
    optional={
        "when": st.lists(WHEN, min_size=1, max_size=3, unique=True),
        "service": st.sampled_from(["*", "c*", "web"]),
        "kind": st.lists(st.sampled_from(["gateway", "service", "database"]), min_size=1, max_size=2, unique=True),
        "logger": st.sampled_from(["one", "other"]),
    },
)
TEXTS = st.sampled_from(
    [{"when": "handled", "text": ["did {operation}", "{status_code}"]}, {"when": "slow", "text": "x"}]
)


@settings(max_examples=8, deadline=None)
@given(st.lists(LINES | TEXTS, min_size=1, max_size=4), st.sampled_from([None, "{level} {message}"]))
def test_whatever_lines_say_there_are_as_many_of_them_at_the_same_times_and_nothing_else_changes(rules, whole):
    usual, block = as_usual(), {"lines": rules} | ({} if whole is None else {"format": whole})
    found = frames(f"telemetry: {{logs: {json.dumps(block)}}}")
    for before, after in changed(usual, found):
        said = [rule for rule in rules if rule.get("level") == after["level"]]
        assert after["level"] == before["level"] or said
        assert after["logger"] == before["logger"] or any(rule.get("logger") == after["logger"] for rule in rules)
        assert whole is None or after["message"].startswith(f"{after['level']} ")

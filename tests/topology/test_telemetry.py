"""The content of a `telemetry:` block, and the errors for anything else."""

from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_mesh import SMALL

from meshquake.faults import loader as scenario_loader
from meshquake.topology import loader
from meshquake.topology.problems import DocumentError
from meshquake.topology.telemetry.expression import LONGEST, parse
from meshquake.topology.telemetry.metrics import recorded
from meshquake.topology.telemetry.vocabulary import vocabulary


def problems(block, scenario=None):
    """Return path and message of every error in a block of the small mesh, or in one of a scenario on it."""
    with pytest.raises(DocumentError) as refused:
        mesh = loader.parse(f"{SMALL}telemetry:\n  {block}\n", "mesh.yaml")
        if scenario is not None:
            scenario_loader.parse(f"name: x\ntelemetry:\n  {scenario}\n", "scenario.yaml", mesh=mesh)
    return [(problem.path.removeprefix("telemetry."), problem.message) for problem in refused.value.problems]


MISTAKES = {
    "metrics: {cpu_usag: {name: cpu}}": "there is no metric 'cpu_usag' (did you mean 'cpu_usage'?); to derive one "
    "from others, write {is: EXPRESSION}",
    "metrics: {cpu*x: none}": "no metric matches 'cpu*x'",
    "metrics: {cpu_usage: {of: edge}}": "is not measured for edge (valid: service, replica)",
    "metrics: {cpu_usage: {of: pods}}": None,
    "metrics: {cpu_usage: {scale: 0.01}}": "needs a unit beside it, that of the scaled values: the records give it",
    "metrics: {cpu_usage: {scale: 0, unit: s}}": "must be more than 0, not 0",
    "metrics: {cpu_usage: {name: 1st}}": "must be a name: up to 200 letters, digits and any of "
    "_ : . -, not starting with a digit",
    "metrics: {cpu_usage: {exported: mesh_cpu}}": "cannot begin with mesh_: that prefix is for exported "
    "names derived from the name",
    "metrics: {cpu_*: {name: cpu}}": "must contain {metric}: it names several metrics",
    "metrics: {cpu_usage: {is: error_rate, unit: 1}}": "applies only to a metric with a new name: this one is measured",
    "metrics: {own: {is: error_rate}}": "missing key 'unit': the records give it (1 for a plain number)",
    "metrics: {own: {is: errors / 2, unit: 1}}": None,
    "metrics: {own: {is: 1e400*cpu_usage, unit: 1}}": "1e400 is too large a number",
    "metrics: {own: {is: error_rate + retry_rate, unit: 1}}": "combines metrics that share no level: error_rate "
    "of service and replica; retry_rate of edge",
    "metrics: {own: {is: error_rate, unit: 1, of: edge}}": "is not measured for edge (valid: service, replica)",
    "metrics: {own: {is: error_rate, unit: 1, scale: 2}}": "applies only to a measured metric: write it into the "
    "expression",
    "metrics: {own: {is: error_rate, unit: 1, name: x}}": "applies only to a measured metric: this one is named by "
    "its key",
    "metrics: {cpu_usage: {name: queue_depth}}": "cpu_usage and queue_depth would all be called 'queue_depth'",
    "metrics: {cpu_usage: {name: requests}}": "cpu_usage and request_rate would all be exported as 'requests' (set "
    "exported: NAME)",
    "metrics: {latency_p95: {name: lag}, event_loop_lag: {name: lag_seconds}}": "latency_p95 and event_loop_lag would "
    "all be exported as 'lag_seconds' (set exported: NAME)",
    "metrics: {network_sent: {name: sent}, disk_read: {name: sent_bytes}}": (
        "network_sent and disk_read would all be exported as 'sent_bytes' (set exported: NAME)"
    ),
    "metrics: {retry_rate: {name: tries_total}, hedge_rate: {name: tries}}": "retry_rate and hedge_rate would all be "
    "exported as 'tries' (set exported: NAME)",
    "metrics: {cpu_usage: {name: a.b}, queue_depth: {name: a-b}}": None,
    "metrics: {cpu_usage: {nam: a}}": "unknown key 'nam' (did you mean 'name'?)",
    "leave_out: [{service: wbe}]": "no service matches 'wbe' (did you mean 'web'?)",
    "leave_out: [cpu, {metric: mem*, target: d?}]": None,
    "leave_out: [{of: everything}]": None,
    "leave-out: []": "unknown key 'leave-out' (did you mean 'leave_out'?)",
}


@pytest.mark.parametrize("block", MISTAKES)
def test_a_mistake_is_told_at_its_place(block):
    ((path, message),) = problems(block)
    assert path.split(".")[0].split("[")[0] in ("telemetry", block.partition(":")[0])
    assert MISTAKES[block] in (None, message)


def test_all_mistakes_are_told_at_once_each_at_its_line():
    text = f"{SMALL}telemetry:\n  metrics:\n    cpu: none\n    cpu_usage: {{of: edge}}\n  leave_out: [{{service: x}}]\n"
    with pytest.raises(DocumentError) as refused:
        loader.parse(text, "mesh.yaml")
    first = text[: text.index("    cpu: none")].count("\n") + 1
    assert [problem.line for problem in refused.value.problems] == [first, first + 1, first + 2]


@pytest.mark.parametrize(
    ("entry", "messages"),
    [
        (
            "own: {is: error_rat + latency_p50}",
            [
                "there is no metric 'error_rat' (did you mean 'error_rate'?)",
                "missing key 'unit': the records give it (1 for a plain number)",
            ],
        ),
        (
            "cpu_usage: {is: error_rat, unit: s}",
            [
                "there is no metric 'error_rat' (did you mean 'error_rate'?)",
                "applies only to a metric with a new name: this one is measured",
            ],
        ),
        (
            "cpu_usage: {scale: many, name: 1st}",
            [
                "must be a number such as 0.6, not 'many'",
                "must be a name: up to 200 letters, digits and any of _ : . -, not starting with a digit",
                "needs a unit beside it, that of the scaled values: the records give it",
            ],
        ),
    ],
)
def test_a_mistake_in_one_key_of_a_metric_hides_none_in_another(entry, messages):
    assert sorted(message for _, message in problems(f"metrics: {{{entry}}}")) == sorted(messages)


def levels_of(metric, *blocks):
    """Return the levels at which a metric is recorded with a block in the mesh, and perhaps another in a scenario."""
    mesh = loader.parse(f"{SMALL}telemetry: {{metrics: {blocks[0]}}}\n", "mesh.yaml")
    telemetry = mesh.topology.telemetry
    if blocks[1:]:
        text = f"name: x\ntelemetry: {{metrics: {blocks[1]}}}\n"
        telemetry = scenario_loader.parse(text, "s.yaml", mesh=mesh).scenario.telemetry.over(telemetry)
    found = {each.metric: each for each in recorded(telemetry.metrics, vocabulary().metrics)}
    return found[metric].levels if metric in found else ()


def test_naming_a_metric_again_brings_it_back():
    whole = vocabulary().metrics["cpu_usage"].levels
    assert levels_of("cpu_usage", "{cpu_usage: none}") == ()
    assert levels_of("cpu_usage", "{cpu_usage: none}", "{cpu_usage: {name: cc}}") == whole
    assert levels_of("cpu_usage", '{"*": none, cpu_usage: {}}') == whole
    assert levels_of("cpu_usage", '{"*": none, "cpu_*": {docs: Cores.}}') == whole
    assert levels_of("cpu_usage", '{"*": none, cpu_usage: {of: service}}', "{cpu_usage: {name: cc}}") == ("service",)
    assert levels_of("cpu_usage", "{cpu_usage: {name: cc}}", '{"*": none}') == ()
    assert levels_of("own", "{own: {is: cpu_usage, unit: s}}", "{own: none}") == ()


def test_a_scenario_may_speak_of_what_its_mesh_makes():
    mesh = loader.parse(f"{SMALL}telemetry: {{metrics: {{own: {{is: error_rate, unit: '1'}}}}}}", "mesh.yaml")
    loaded = scenario_loader.parse("name: x\ntelemetry: {metrics: {own: {of: service}}}", "s.yaml", mesh=mesh)
    assert loaded.scenario.telemetry.metrics[0].of == ("service",)
    ((path, message),) = problems("metrics: {cpu_usage: {name: use}}", "metrics: {queue_depth: {name: use}}")
    assert (path, message) == ("metrics.queue_depth", "cpu_usage and queue_depth would all be called 'use'")


# -- expressions ---------------------------------------------------------------------------------------------------

NAMES = ("p", "q", "r")
LEAVES = st.sampled_from([*NAMES, "1", "2.5", "0"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "<", "<=", ">", ">=", "==", "!="]), inner
        ),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("abs(-{})".format, inner),
    ),
    max_leaves=8,
).filter(lambda text: any(name in text for name in NAMES))
VALUES = st.lists(st.integers(-50, 50).map(float), min_size=3, max_size=3)


@given(EXPRESSIONS, VALUES)
def test_an_expression_is_what_python_makes_of_it(text, values):
    named = dict(zip(NAMES, values, strict=True))
    found = parse(text)({name: np.array([value]) for name, value in named.items()})
    assert found[0] == float(eval(text, {"min": min, "max": max, "abs": abs}, named))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a / b", 0.5),
        ("a / zero", nan),
        ("zero / zero", nan),
        ("a + none", nan),
        ("none < a", nan),
        ("max(none, a)", nan),
    ],
)
def test_what_is_no_number_is_no_sample(text, value):
    values = {"a": np.array([1.0]), "b": np.array([2.0]), "zero": np.array([0.0]), "none": np.array([nan])}
    assert parse(text)(values)[0] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "__import__('os')",
            "a.b",
            "a[0]",
            "lambda: a",
            "a if a else a",
            "a and a",
            "not a",
            "a ** a",
            "a % a",
            "a // a",
        ),
        *("1 + 2", "a b", "", "(a", "a; a", "a < a < a", "abs(a, a)", "max(a)", "sum(a)", "max(*a)", "max(a, key=a)"),
        *("f'{a}'", "'a'", "True + a", "1j * a", "1e999 * a", "a := 1", "a\n", f"a{' + a' * LONGEST}", "(" * 150 + "a"),
    ],
)
def test_an_expression_can_do_nothing_but_calculate(text):
    with pytest.raises(ValueError):
        parse(text)

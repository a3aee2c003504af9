"""Choices that a scenario leaves to the seed."""

import json
import re
from dataclasses import MISSING
from math import log

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from meshquake.commands.main import main
from meshquake.exporters.fixtures.manifest import load as manifest_of
from meshquake.faults.draws import choose
from meshquake.faults.kinds import fault_kinds, lottery
from meshquake.faults.loader import Options, parse
from meshquake.faults.scenario import Scenario
from meshquake.faults.targets import candidates, unfit
from meshquake.faults.writing import block
from meshquake.topology.binder import keys_of
from meshquake.topology.estimates import expected_visits
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.loader import parse as parse_mesh
from meshquake.topology.problems import DocumentError
from meshquake.topology.units import UNITS

MESH = load(shipped()[DEFAULT])

#: The kind whose setting is a block.
FLIP = "flip"


def faults(*blocks, seed=1, **options):
    """Return the faults of a scenario with these blocks, one per line from line 3 on."""
    text = "name: x\nfaults:\n" + "\n".join(f"  - {block}" for block in blocks)
    options = Options(seed=seed, **{"confounders": "none"} | options)
    return parse(text, "my.yaml", options, mesh=MESH).scenario.faults


def over_seeds(count, *blocks):
    """Return the first fault for each of some seeds."""
    return [faults(*blocks, seed=seed)[0] for seed in range(count)]


def complaints(*blocks):
    """Return the errors for these blocks, one per line."""
    with pytest.raises(DocumentError) as refused:
        faults(*blocks)
    return str(refused.value).split("\n")


# -- values ----------------------------------------------------------------------------------------------------------


def test_a_share_in_a_range_is_uniform_over_seeds():
    shares = [fault.share for fault in over_seeds(300, "fail: {target: database, share: 20%..60%}")]
    assert min(shares) >= 0.2 and max(shares) <= 0.6
    assert stats.kstest(shares, stats.uniform(0.2, 0.4).cdf).pvalue > 0.01


def test_a_factor_in_a_range_is_uniform_in_its_logarithm():
    factors = [fault.factor for fault in over_seeds(300, "slow: {target: database, factor: 2..200}")]
    assert min(factors) >= 2 and max(factors) <= 200
    assert stats.kstest(np.log(factors), stats.uniform(log(2), log(100)).cdf).pvalue > 0.01


def test_times_may_be_ranges_of_times_or_of_shares():
    for fault in over_seeds(50, "slow: {target: database, factor: 2, at: -20s..10s, for: 20%..50%, ramp: 1s .. 2s}"):
        assert -20 <= fault.at.seconds <= 10 and not fault.at.share
        assert 0.2 <= fault.for_.share <= 0.5 and not fault.for_.seconds
        assert 1 <= fault.ramp.seconds <= 2


def test_a_size_a_duration_and_a_severity_may_be_ranges():
    for leak, delay in (
        faults(
            "leak: {target: database, rate: 10MiB..20MiB, severity: 50%..100%}",
            "delay: {target: order-service -> database, by: 50ms..1s}",
            seed=seed,
        )
        for seed in range(30)
    ):
        assert 10 * 2**20 <= leak.rate <= 20 * 2**20
        assert 0.5 <= leak.severity <= 1
        assert 0.05 <= delay.by <= 1


def test_a_range_of_one_value_is_that_value():
    assert faults("slow: {target: database, factor: 7.25..7.25}")[0].factor == 7.25


def test_a_choice_may_be_a_list_of_which_each_comes_up_about_as_often():
    errors = [
        fault.error for fault in over_seeds(300, "fail: {target: database, share: 1, error: [internal, unavailable]}")
    ]
    assert set(errors) == {"internal", "unavailable"}
    assert stats.binomtest(errors.count("unavailable"), 300).pvalue > 0.01


# -- targets ---------------------------------------------------------------------------------------------------------


def test_a_target_may_be_one_of_a_list():
    drawn = {str(fault.target) for fault in over_seeds(40, 'stop: {target: [database, "auth-service[1]"]}')}
    assert drawn == {"database", "auth-service[1]"}


@pytest.mark.parametrize("kind", [word for word, kind in fault_kinds().items() if word != FLIP])
def test_any_target_is_one_that_the_kind_fits_and_that_requests_reach(kind):
    ranges = ", ".join(f"{word}: {text}" for word, text in fault_kinds()[kind].ranges.items())
    targets = [fault.target for fault in over_seeds(40, f"{kind}: {{target: any, {ranges}}}")]
    visited = {name.split(".")[0] for name, visits in expected_visits(MESH.topology).items() if visits}
    assert {target.level for target in targets} == set(candidates(fault_kinds()[kind], MESH.topology))
    for target in targets:
        assert not unfit(fault_kinds()[kind], target, MESH.topology)
        assert target.level == "users" or target.service in visited


def test_every_operation_comes_up_where_any_target_is_asked_for():
    operations = {str(target) for target in candidates(fault_kinds()["slow"], MESH.topology)["operation"]}
    drawn = {str(fault.target) for fault in over_seeds(400, "slow: {target: any, factor: 2}")}
    assert operations <= drawn


# -- kinds -----------------------------------------------------------------------------------------------------------


def test_any_fault_is_of_every_kind_of_the_lottery_for_some_seed():
    drawn = {fault.kind for fault in over_seeds(200, "any: {}")}
    assert drawn == {kind.kind for kind in lottery()}


def test_kinds_that_came_later_are_not_in_the_lottery_or_the_seed_would_draw_other_faults_than_before():
    first = {
        "delay",
        "deploy",
        "drop",
        "fail",
        "hang",
        "hog_cpu",
        "leak",
        "refuse",
        "shrink_pool",
        "slow",
        "stop",
        "surge",
    }
    assert {kind.kind for kind in lottery()} == first


def test_any_fault_may_be_of_some_kinds_and_have_keys_that_all_of_them_have():
    for fault in over_seeds(40, "any: {of: [slow, fail], target: database, at: 10s, severity: 50%..100%}"):
        assert fault.kind in ("slow", "fail")
        assert (str(fault.target), fault.at.seconds) == ("database", 10)
        assert 0.5 <= fault.severity <= 1


def test_any_fault_with_a_target_is_of_a_kind_that_fits_it():
    assert {fault.kind for fault in over_seeds(60, "any: {target: order-service -> database}")} == {
        *("drop", "delay", "shrink_pool")
    }


@pytest.mark.parametrize("kind", [word for word, kind in fault_kinds().items() if word != FLIP and not kind.harmless])
def test_a_kind_that_is_drawn_has_its_ranges_where_the_file_is_silent(kind):
    for fault in over_seeds(30, f"any: {{of: {kind}}}"):
        for word, text in fault_kinds()[kind].ranges.items():
            key = keys_of(type(fault))[word]
            low, high = map(UNITS[key.grammar.unit].parse, text.split(".."))
            assert low <= getattr(fault, key.field) <= high


def test_of_a_block_of_settings_the_seed_draws_what_is_a_range():
    flipped = over_seeds(
        40,
        "flip: {target: order-service -> database, set: {timeout: 2ms..9ms, retry: {max_attempts: 3..5, base: 1ms}}}",
    )
    set_to = [fault.set.settings() for fault in flipped]
    assert {each["retry"]["max_attempts"] for each in set_to} == {3, 4, 5}
    assert all(0.002 <= each["timeout"] <= 0.009 and each["retry"]["base"] == 0.001 for each in set_to)
    assert len({each["timeout"] for each in set_to}) > 30


def test_a_configuration_push_that_is_drawn_cuts_the_timeout_of_some_edge():
    edges = {(edge.caller, edge.callee) for edge in MESH.topology.edges}
    drawn = over_seeds(20, "any: {of: flip}")
    assert all(fault.set.paths() == ["timeout"] and fault.set.settings()["timeout"] <= 0.02 for fault in drawn)
    assert len({fault.target for fault in drawn}) > 5
    assert all((fault.target.service, fault.target.callee) in edges for fault in drawn)
    for fault in drawn:
        kind, *entries = block(fault).items()
        assert faults(json.dumps({kind[1]: dict(entries)})) == (fault,)


def test_all_are_the_kinds_that_do_harm_whenever_they_came():
    kinds = {fault.kind for fault in over_seeds(200, "any: {of: all}")}
    assert kinds == {kind.kind for kind in fault_kinds().own.values() if not kind.harmless}
    assert kinds > {kind.kind for kind in lottery()}


# -- addresses -------------------------------------------------------------------------------------------------------

OPEN = "slow: {target: any, factor: 2..200, at: 0s..20s}"


def test_the_same_seed_draws_the_same_and_another_seed_something_else():
    assert faults(OPEN, "any: {}", seed=5) == faults(OPEN, "any: {}", seed=5)
    assert faults(OPEN, "any: {}", seed=5) != faults(OPEN, "any: {}", seed=6)


def test_a_fault_more_or_a_key_more_or_a_fixed_key_changes_no_other_draw():
    for seed in range(20):
        (fault,) = faults(OPEN, seed=seed)
        assert faults(OPEN, "any: {}", seed=seed)[0] == fault
        (richer,) = faults(OPEN.replace("}", ", for: 5s..30s, severity: 50%..80%}"), seed=seed)
        (fixed,) = faults(OPEN.replace("2..200", "4"), seed=seed)
        assert (richer.target, richer.factor, richer.at) == (fault.target, fault.factor, fault.at)
        assert (fixed.target, fixed.at) == (fault.target, fault.at)


@given(st.sets(st.text(min_size=1), min_size=2), st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_a_choice_depends_neither_on_the_order_of_the_options_nor_on_those_not_chosen(options, seed, random):
    chosen = choose(sorted(options), seed, "place")
    shuffled = sorted(options)
    random.shuffle(shuffled)
    assert choose(shuffled, seed, "place") == chosen
    fewer = [option for option in options if option == chosen or random.random() < 0.5]
    assert choose(fewer, seed, "place") == chosen


KINDS = st.sampled_from([word for word, kind in fault_kinds().items() if not kind.harmless])
BLOCKS = st.builds(
    lambda of, at, length, low, high: (
        f"any: {{of: [{', '.join(of)}], at: -{at}s..{at}s, for: {length}s..{2 * length}s, severity: {low}%..{high}%}}"
    ),
    st.lists(KINDS, min_size=1, max_size=4),
    st.integers(1, 30),
    st.integers(1, 20),
    st.integers(1, 50),
    st.integers(50, 100),
)


@settings(max_examples=40)
@given(st.lists(BLOCKS, min_size=1, max_size=4), st.integers(0, 2**63 - 1))
def test_whatever_is_drawn_loads_stays_in_its_ranges_and_is_the_same_for_the_same_seed(blocks, seed):
    drawn = faults(*blocks, seed=seed)
    assert drawn == faults(*blocks, seed=seed)
    for text, fault in zip(blocks, drawn, strict=True):
        of, at, length, low, high = re.search(r"\[(.*)\], at: -(\d+).*for: (\d+).*y: (\d+)%\.\.(\d+)", text).groups()
        at, length, low, high = map(int, (at, length, low, high))
        assert fault.kind in of.split(", ")
        assert -at <= fault.at.seconds <= at
        assert length <= fault.for_.seconds <= 2 * length
        assert low / 100 <= fault.severity <= high / 100


# -- what is written down --------------------------------------------------------------------------------------------


def test_what_was_drawn_is_in_the_manifest_as_a_file_would_have_it_and_what_was_not_is_not(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\nduration: 20s\nlead_in: 40s\nrecovery: 20s\nrate: 1/s\n"
        "faults:\n  - slow: {target: database, factor: 2}\n  - slow: {target: any, factor: 2..200}\n"
        "background:\n  - job: {target: [auth-service, user-service]}\n"
    )
    result = CliRunner().invoke(main, ["scenario", str(file), "--seed", "3", "--quiet", "--output", str(tmp_path)])
    assert (result.exit_code, result.output) == (0, "")
    drawn = manifest_of(tmp_path / "incidents" / "mine")["drawn"]
    scenario = parse(file.read_text(), "mine.yaml", Options(seed=3)).scenario
    assert [each["id"] for each in drawn] == ["slow-2", "job-1", "confounder-1", "confounder-2"]
    assert drawn == [block(fault) for fault in (scenario.faults[1], *scenario.background)]


def test_what_is_written_of_a_fault_reads_as_that_fault():
    for seed in range(40):
        for fault in faults("any: {severity: 50%..100%}", "slow: {target: any, factor: 2..9, at: -5s..5s}", seed=seed):
            kind, *entries = block(fault).items()
            text = json.dumps({kind[1]: dict(entries)}, ensure_ascii=False)
            assert faults(text, seed=seed) == (fault,)


def test_a_scenario_that_leaves_nothing_open_has_nothing_drawn():
    loaded = parse("name: x\nfaults: [stop: {target: database}]", "x.yaml", Options(confounders="none"))
    assert loaded.scenario.drawn == () == Scenario("x").drawn


# -- errors ----------------------------------------------------------------------------------------------------------

BAD = {
    "an upside-down range": (
        "slow: {target: database, factor: 80..10}",
        "slow.factor: is reversed: the smaller end comes first, as in 10..80",
    ),
    "an end out of bounds": (
        "fail: {target: database, share: 50%..150%}",
        "fail.share: must be at most 100%, not 150%",
    ),
    "an end that is none": (
        "slow: {target: database, factor: 10..many}",
        "slow.factor: must be a number such as 0.6, not 'many'",
    ),
    "an end that is missing": ("slow: {target: database, factor: 10..}", "slow.factor: has no value"),
    "times without a unit": (
        "slow: {target: database, factor: 2, at: 1s..5}",
        "slow.at: needs a unit, as in 5ms or 5s",
    ),
    "a time to a share": (
        "slow: {target: database, factor: 2, at: 1s..50%}",
        "slow.at: must be a range of times or a range of shares, not '1s..50%'",
    ),
    "a negative length": (
        "slow: {target: database, factor: 2, for: -5s..5s}",
        "slow.for: must be at least 0, not -5s",
    ),
    "a choice that is not one": (
        "fail: {target: database, share: 1, error: [internal, unavailble]}",
        "fail.error[1]: cannot be 'unavailble' (did you mean 'unavailable'?)",
    ),
    "nothing to choose from": (
        "stop: {target: []}",
        "stop.target: must have at least one value to choose from",
    ),
    "a target of a list that is not there": (
        "stop: {target: [database, databse]}",
        "stop.target[1]: unknown service 'databse' (did you mean 'database'?)",
    ),
    "a target of a list that does not fit": (
        "stop: {target: [database, database.select]}",
        "stop.target[1]: a stop fault acts on a service or a replica (service[0]); database.select is an operation "
        "(service.operation)",
    ),
    "a list in a list": ("stop: {target: [[database]]}", "stop.target[0]: must be one value, not a list"),
    "an unknown kind to choose": (
        "any: {of: [slow, fial]}",
        "any.of[1]: unknown kind of fault 'fial' (did you mean 'fail'?)",
    ),
    "a range in a block that is upside down": (
        "flip: {target: order-service -> database, set: {retry: {max_attempts: 5..3}}}",
        "flip.set.retry.max_attempts: is reversed: the smaller end comes first, as in 3..5",
    ),
    "all and one more": (
        "any: {of: [all, slow]}",
        f"any.of[0]: unknown kind of fault 'all' (valid: {', '.join(fault_kinds())})",
    ),
    "no kind to choose": ("any: {of: []}", "any.of: must have at least one value to choose from"),
    "a key that not all have": (
        "any: {of: [slow, fail], factor: 4}",
        "any.factor: is not a key of all these kinds "
        "(they share id, target, targets, at, for, ramp, shape, severity, share)",
    ),
    "a target for which there is no kind": (
        "any: {of: [slow, stop], target: order-service -> database}",
        "any.target: none of these kinds of fault fits every target named: slow, stop",
    ),
    "a target that is not there": (
        "any: {target: databse}",
        "any.target: unknown service 'databse' (did you mean 'database'?)",
    ),
    "a word in place of a block": (
        "any: slow",
        "any: must be a block of keys, or {} for any kind of fault, not 'slow'",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), BAD.values(), ids=list(BAD))
def test_what_cannot_be_drawn_is_refused_with_its_line_whatever_the_seed(text, complaint):
    assert complaints("stop: {target: database}", text) == [f"my.yaml:4: faults[1].{complaint}"]


def test_where_nothing_fits_there_is_no_target_to_draw():
    lonely = "name: one\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}"
    for text, complaint in {
        "drop: {target: any}": "faults[0].drop.target: nothing that requests reach in this mesh fits a drop fault",
        "any: {of: [drop, delay]}": "faults[0].any: none of these kinds of fault fits anything that requests reach: "
        "drop, delay",
    }.items():
        with pytest.raises(DocumentError) as refused:
            parse(f"name: x\nfaults: [{text}]", "x.yaml", mesh=parse_mesh(lonely, "one"))
        assert str(refused.value) == f"x.yaml:2: {complaint}"


def test_all_that_is_wrong_with_a_fault_that_cannot_be_drawn_is_told_at_once_and_once():
    assert complaints("slow: {target: [databse], factor: 9..1, at: 1..2, colour: red}") == [
        "my.yaml:3: faults[0].slow.target[0]: unknown service 'databse' (did you mean 'database'?)",
        "my.yaml:3: faults[0].slow.at: needs a unit, as in 1ms or 1s",
        "my.yaml:3: faults[0].slow.at: needs a unit, as in 2ms or 2s",
        "my.yaml:3: faults[0].slow.factor: is reversed: the smaller end comes first, as in 1..9",
        "my.yaml:3: faults[0].slow: unknown key 'colour' "
        "(valid: id, target, targets, at, for, ramp, shape, severity, factor, share)",
    ]


def test_without_a_usable_mesh_any_target_is_no_complaint():
    with pytest.raises(DocumentError) as refused:
        parse("name: x\ntopology: nowhere\nfaults:\n  - slow: {target: any, factor: 9..1}\n  - any: {}", "x.yaml")
    assert [problem.line for problem in refused.value.problems] == [2, 4]


def test_every_kind_has_a_range_for_each_key_it_requires():
    for kind in fault_kinds().values():
        required = {word for word, key in keys_of(kind).items() if key.default is MISSING}
        assert kind.harmless or required <= {"target", *kind.ranges}

"""A fault on several targets is one cause, with one root."""

import pytest
from twin_runs import compare, simulation

from meshquake.faults.fault import Target
from meshquake.faults.loader import Options, parse
from meshquake.topology.problems import DocumentError
from meshquake.truth.score import mark


def loaded(fault):
    return parse(f"name: x\nconfounders: none\nfaults: [{{{fault}}}]\n", "x.yaml", Options(seed=3))


def complaints(fault):
    with pytest.raises(DocumentError) as caught:
        loaded(fault)
    return [str(problem) for problem in caught.value.problems if not problem.warning]


def test_a_group_may_be_named_or_be_all_of_a_kind():
    named = loaded('stop: {targets: ["cache-service", "database[0]"]}').scenario.faults[0]
    every = loaded("stop: {targets: {kind: gateway, role: every}}").scenario.faults[0]
    assert named.all_targets == (Target("service", "cache-service"), Target("replica", "database", 0))
    assert [str(target) for target in every.all_targets] == ["api-gateway"]


def test_what_is_no_group_is_refused_where_it_stands():
    assert complaints("stop: {targets: cache-service}") == [
        "x.yaml:3: faults[0].stop.targets: must be a list of targets, not 'cache-service'"
    ]
    assert complaints("stop: {targets: [cache-service, cache-servic]}") == [
        "x.yaml:3: faults[0].stop.targets[1]: unknown service 'cache-servic' (did you mean 'cache-service'?)"
    ]
    assert complaints("stop: {target: database, targets: [cache-service]}") == [
        "x.yaml:3: faults[0].stop.targets: replaces target: give only one of the two"
    ]
    assert complaints("stop: {targets: [cache-service, cache-service]}") == [
        "x.yaml:3: faults[0].stop.targets: must name each target only once"
    ]
    assert complaints("deploy: {targets: [cache-service, database]}") == [
        "x.yaml:3: faults[0].deploy.targets: a deploy fault acts on one target: write target"
    ]


def test_a_group_has_one_root_in_the_key_and_whoever_names_one_of_it_has_found_it():
    key = compare(simulation("fail: {targets: [database, cache-service], share: 80%, error: unavailable}")).key
    (fault,) = key["faults"]
    assert fault["root_cause"]["service"] == "database"
    assert fault["root_cause"]["aliases"]["services"] == ["cache-service"]
    assert [each["service"] for each in fault["targets"]] == ["database", "cache-service"]
    for guess in ("database", "cache-service"):
        marked = mark(key, {}, {"root_causes": [{"service": guess}]}, None)
        assert (marked.roots, marked.accuracy.at_1) == (1, 1.0)

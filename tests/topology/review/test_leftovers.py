"""Keys that belong to another choice than the one made."""

import pytest

from meshquake.topology.loader import parse
from meshquake.topology.review import remarks


@pytest.mark.parametrize(
    ("keys", "odd"),
    [
        ("queue: {target: 1ms}", ["queue.target: applies only to codel, but this queue is fifo: it does nothing"]),
        ("queue: {discipline: codel, target: 1ms}", []),
        ("cpu: {limit: 2, period: 50ms}", ["cpu.period: applies only to quota, but this cpu is fifo: it does nothing"]),
        ("cpu: {limit: 1500m, period: 50ms}", []),
        (
            "rollout: {strategy: recreate, max_surge: 1}",
            ["rollout.max_surge: applies only to rolling, but this rollout is recreate: it does nothing"],
        ),
        ("rollout: {max_surge: 1}", []),
    ],
)
def test_a_key_of_another_choice_than_the_one_that_was_made_is_odd_unless_it_is_a_default(keys, odd):
    text = (
        "name: m\ndefaults: {{service: {{{}}}}}\n"
        "services: {{a: {{{} operations: {{x: {{}}}}}}}}\nworkload: {{mix: {{a.x: 1}}}}"
    )
    own, default = (remarks(parse(text.format(*each), "m.yaml")) for each in (("", f"{keys},"), (keys, "")))
    assert [str(each) for each in own] == [f"m.yaml:3: warning: services.a.{each}" for each in odd]
    assert not default


@pytest.mark.parametrize(
    ("keys", "odd"),
    [
        ("tries: 2, retry: 10%", []),
        ("tries: 2, patience: 1s, reload: 10%", []),
        ("tries: 2, patience: 1s", ["tries: applies only to users who retry or reload, but both are 0%"]),
        ("retry_after: 2s, patience: 1s", ["retry_after: applies only to users who retry, but retry is 0%"]),
        ("away: 1m, patience: 1s", ["away: applies only to users who come back, but returns is 0%"]),
        ("away: 1m, patience: 1s, returns: 1%", []),
        (
            "think_time: 1s, patience: 1s",
            ["think_time: applies only to users who send several requests, but these send one"],
        ),
    ],
)
def test_a_key_of_what_the_users_of_a_population_never_do_is_odd(keys, odd):
    text = "name: m\nservices: {a: {operations: {x: {}}}}\n"
    text += f"workload: {{populations: {{them: {{rate: 1/s, mix: {{a.x: 1}}, {keys}}}}}}}"
    found = [str(each) for each in remarks(parse(text, "m.yaml"))]
    assert found == [f"m.yaml:3: warning: workload.populations.them.{each}: it does nothing" for each in odd]

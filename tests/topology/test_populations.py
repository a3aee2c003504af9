"""Populations in a topology file: how they are read, and what is refused."""

import editor
import pytest

from meshquake.topology.distributions import Constant, Exponential
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.schema import topology_schema
from meshquake.topology.users import USUAL, Step

MESH = """
name: shop
services: {{web: {{operations: {{home: {{work: 10ms}}, pay: {{work: 10ms}}}}}}}}
workload: {workload}
"""


def workload(text):
    return parse(MESH.format(workload=text), "mesh.yaml").topology.workload


def complaints(text):
    with pytest.raises(DocumentError) as caught:
        workload(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_population_is_read_with_its_journey():
    them = workload(
        "{populations: {them: {users: 50, think_time: {exponential: 1s}, patience: 3s, reload: 50%, "
        "journey: [web.home, web.pay: {chance: 40%, needs: web.home}]}}}"
    ).populations[0]
    assert (them.users, them.think_time, them.patience) == (50, Exponential(1.0), Constant(3.0))
    assert them.journey == (Step("web", "home"), Step("web", "pay", 0.4, "web.home"))
    assert them.answers_matter


def test_what_is_expected_of_all_is_the_rate_and_the_mix():
    whole = workload(
        "{rate: 10/s, mix: {web.home: 1}, populations: {open: {rate: 4/s, mix: {web.home: 3, web.pay: 1}}, "
        "closed: {users: 20, think_time: 990ms, mix: {web.pay: 1}}, "
        "visits: {rate: 2/s, journey: [web.home, web.pay: {chance: 50%}]}}}"
    )
    expected = {str(entry): entry.weight for entry in whole.mix}
    assert expected == pytest.approx({"web.home": 10 + 3 + 2, "web.pay": 1 + 20 + 1})
    assert whole.rate == pytest.approx(37)
    assert whole.usual() == {"web.home": 10.0}
    assert [each.name for each in whole.populations] == [USUAL, "open", "closed", "visits"]


def test_another_rate_makes_all_populations_larger_or_smaller_alike():
    closed = "{users: 20, think_time: 990ms, mix: {web.pay: 1}}"
    whole = workload(f"{{rate: 10/s, mix: {{web.home: 1}}, populations: {{closed: {closed}}}}}")
    double = whole.at_rate(60.0)
    assert (double.usual(), double.populations[1].users) == ({"web.home": 20.0}, 40)


REFUSED = {
    "{}": ": missing key 'mix'",
    "{rate: 3/s, populations: {a: {users: 2, mix: {web.home: 1}}}}": ".rate: needs a mix beside it",
    "{populations: {}}": ".populations: needs at least one population",
    "{populations: {usual: {users: 2, mix: {web.home: 1}}}}": ".populations.usual: no population can be called usual",
} | {
    f"{{populations: {{a: {{{text}}}}}}}": f".populations.a{complaint}"
    for text, complaint in {
        "mix: {web.home: 1}": ": must have one of rate, users, replay",
        "users: 2, rate: 3/s, mix: {web.home: 1}": ": must have one of rate, users, replay",
        "users: 2": ": must have either a mix or a journey",
        "users: 2, journey: [web.hom]": ".journey[0]: web has no operation 'hom'",
        "rate: 2/s, journey: [web.home: {chance: 0%}]": ".journey: has no step that anybody takes",
        "users: 2, journey: [web.home: {chance: 0%}, web.pay: {needs: web.home}]": ".journey: has no step that",
        "users: 2, journey: [web.home: {needs: web.pay}]": ".journey[0]: must be an earlier step",
        "rate: 2/s, think_time: 1s, mix: {web.home: 1}": ".think_time: has no effect without a journey",
        "users: 2, returns: 10%, mix: {web.home: 1}": ".returns: is only for open users",
        "users: 2, reload: 10%, mix: {web.home: 1}": ".reload: needs patience beside it",
        "rate: 2/s, mix: {web.home: 1}, over_time: {week: {hours: [1]}}": ".over_time.week: hours must be 24, not 1",
        "rate: 2/s, mix: {web.home: 1}, over_time: {mmpp: {}}": ".over_time: must have exactly one of ramp, steps, "
        "sine, on_off, week, bursts",
        "rate: 2/s, mix: {web.home: 1}, over_time: {bursts: {on: 0s, off: 0s}}": ".over_time.bursts: must be on or off",
    }.items()
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.items())
def test_what_makes_no_sense_is_refused_where_it_stands(text, complaint):
    assert complaints(text)[0].startswith(f"mesh.yaml:4: workload{complaint}")


SCHEMA = topology_schema()


@pytest.mark.parametrize(
    "text",
    [
        "{populations: {a: {users: 2, journey: [web.home, web.pay: {chance: 40%}], patience: {exponential: 1s}}}}",
        "{rate: 3/s, mix: {web.home: 1}, populations: {a: {rate: 2/s, mix: {web.pay: 1}, over_time: {sine: 4s}}}}",
    ],
)
def test_an_editor_takes_what_the_loader_takes(text):
    assert workload(text) and not editor.complaints(SCHEMA, MESH.format(workload=text))


@pytest.mark.parametrize("text", ["{}", "{populations: {}}", "{populations: {a: {mix: {web.home: 1}}}}"])
def test_an_editor_marks_what_is_not_whole(text):
    assert editor.complaints(SCHEMA, MESH.format(workload=text))

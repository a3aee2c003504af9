"""A scenario's statement of how well it is observed."""

import pytest
from small_mesh import SMALL

from meshquake.faults.loader import Options, parse
from meshquake.faults.observability import LEVELS, PERFECT, TailSampling, at_level
from meshquake.faults.recipe import Recipe
from meshquake.topology.problems import DocumentError


def observed(text, **options):
    recipe = Recipe(f"name: x\nobservability: {text}\n", SMALL, Options(**options), "x.yaml")
    return recipe.load_with([]).scenario.observability


def test_a_scenario_is_observed_perfectly_unless_it_says_otherwise():
    assert parse("name: x\n", "x.yaml").scenario.observability == PERFECT == at_level("perfect")


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_may_stand_in_place_of_the_block(level):
    assert observed(level) == observed(f"{{level: {level}}}") == at_level(level)


def test_what_is_set_besides_a_level_wins():
    found = observed("{level: typical, clock_skew: 1s, tail_sampling: {slow: 2s}}")
    assert (found.clock_skew, found.late) == (1.0, at_level("typical").late)
    assert found.tail_sampling == TailSampling(keep=0.2, slow=2.0)
    assert observed("{level: typical, tail_sampling: none}").tail_sampling is None


def test_the_option_takes_the_place_of_the_block():
    assert observed("{level: poor, lost: 50%}", observability="typical") == at_level("typical")


def test_a_change_is_made_of_what_was_played():
    recipe = Recipe("name: x\nobservability: poor\n", SMALL, Options(observability="typical"), "x.yaml")
    found = recipe.load_with(["observability.clock_skew=1s"]).scenario.observability
    assert (found.level, found.clock_skew, found.late) == ("typical", 1.0, 0.01)
    assert recipe.load_with(["observability=perfect"]).scenario.observability == PERFECT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tipical", "x.yaml:2: observability: cannot be 'tipical' (did you mean 'typical'?)"),
        ("none", "x.yaml:2: observability: cannot be none: write perfect to record everything as it happens"),
        ("{lost: 120%}", "x.yaml:2: observability.lost: must be at most 100%, not 120%"),
        ("{tail_sampling: {keap: 1}}", "x.yaml:2: observability.tail_sampling: unknown key 'keap' (did you mean 'keep'?)"),  # noqa: E501
        ("[typical]", "x.yaml:2: observability: must be a block of keys, not a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text, problem):
    with pytest.raises(DocumentError) as caught:
        parse(f"name: x\nobservability: {text}\n", "x.yaml")
    assert [str(each) for each in caught.value.problems] == [problem]


def test_an_unknown_level_is_refused_as_an_option():
    with pytest.raises(ValueError, match="observability cannot be 'good'"):
        Options(observability="good")

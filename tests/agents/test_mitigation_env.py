"""The reinforcement learning environment conforms to Gymnasium, and its rewards are the harm to users."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from mending import OPTIONS
from patience import every

from meshquake.agents.mitigation.choices import WAIT, Choice, choices
from meshquake.agents.mitigation.env import MitigationEnv
from meshquake.faults.loader import Options
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader as topology_loader
from meshquake.truth.relief import harm_of

#: Users who make twenty requests one after another once the first is answered, and otherwise stay away for a while.
SHOP = """
name: shop
services:
  web: {kind: gateway, workers: 300, operations: {home: {work: 2ms}, ask: {work: 2ms, calls: db.get}}}
  db: {kind: database, workers: 400, operations: {get: {work: 10ms}}}
workload:
  populations:
    them:
      users: 60
      think_time: {exponential: 300ms}
      journey: [web.home, STEPS]
      away: {exponential: 10s}
""".replace("STEPS", ", ".join(["web.ask: {optional: true}"] * 20))
CRISIS = """
name: crisis
lead_in: 10s
duration: 30s
recovery: 5s
confounders: none
topology: {mesh}
faults:
  - {fault}
"""
#: Useless actions, by step.
BUSY = {3: 1, 7: 25, 9: 133}
#: Turn all users away on arrival.
CLOSED = Choice("set_policy", {"target": "web", "settings": {"rate_limit": {"max_tokens": 1, "fill_interval": "60s"}}})


def episode(env, chosen, seed=7):
    """Return the rewards of an episode with actions at given steps, and the observations."""
    observation, _ = env.reset(seed=seed)
    rewards, seen, over = [], [observation], False
    while not over:
        observation, reward, over, cut, info = env.step(chosen.get(len(rewards), 0))
        rewards.append(reward)
        seen.append(observation)
        assert not cut and info["now"] <= env.incident.length
    return rewards, seen


def harm(env):
    """Compute the harm of the episode by playing it again in full."""
    run = Simulation.of(env.incident.script.loaded)
    scenario = env.incident.script.scenario
    return harm_of([run], run.without([cause.id for cause in (*scenario.faults, *scenario.actions)]))[0]


@pytest.fixture
def shop(tmp_path):
    """Return a function that makes an environment over a fault in the shop."""
    (tmp_path / "shop.yaml").write_text(SHOP)

    def make(fault, **settings):
        text = CRISIS.format(mesh=tmp_path / "shop.yaml", fault=fault)
        (tmp_path / "crisis.yaml").write_text(text)
        return MitigationEnv(tmp_path / "crisis.yaml", offered=[WAIT, CLOSED], **settings)

    return make


def test_it_is_an_environment_of_gymnasium():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*(Box observation space (maximum|minimum) value is|not within).*")
        check_env(MitigationEnv("cascade", options=replace(OPTIONS, duration=10)), skip_render_check=True)


@pytest.mark.parametrize("chosen", every([{}, BUSY], [BUSY]))
def test_rewards_are_minus_the_harm_to_users_and_a_remedy_that_helps_has_more(chosen):
    env = MitigationEnv("cascade", options=OPTIONS)
    right = env.choices.index(Choice("toggle_flag", {"target": "database"}))
    rewards, _ = episode(env, chosen)
    assert -sum(rewards) == harm(env).total > 100
    assert -sum(episode(env, {4: right} | chosen)[0]) == harm(env).total < -sum(rewards) / 2
    assert env.marks().averted == env.marks().prospects.left.total - harm(env).total


def test_of_requests_that_hang_harm_is_known_as_they_take_too_long(shop):
    env = shop("hang: {target: db, share: 30%}", step=1)
    rewards, _ = episode(env, {})
    assert -sum(rewards) == harm(env).total
    assert rewards[:10] == [0] * 10  # the lead-in, and the second within which users are promised an answer
    assert all(reward < 0 for reward in rewards[11:14])


def test_who_sends_all_users_away_is_charged_with_what_they_would_have_asked(shop):
    env = shop("fail: {target: db, share: 30%}")
    nothing, waited = episode(env, {})[0], harm(env)
    closed, sent = episode(env, {3: 1})[0], harm(env)
    assert (-sum(nothing), -sum(closed)) == (waited.total, sent.total)
    # Fewer bad answers, since hardly anybody calls, but more harm, since requests that were never made count.
    assert sent.harmed < waited.harmed and sent.total > 1.5 * waited.total


def test_a_seed_is_an_incident_and_the_same_done_is_seen_to_be_the_same():
    env = MitigationEnv("cascade", options=OPTIONS)
    one, other, another = (episode(env, {4: 9}, seed) for seed in (7, 7, 8))
    assert one[0] == other[0] != another[0]
    for first, second in zip(one[1], other[1], strict=True):
        assert env.observation_space.contains(first)
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_episodes_differ_as_the_seed_before_says_or_are_the_same_again():
    env = MitigationEnv("cascade", options=OPTIONS)
    seeds = [env.reset(seed=seed)[1]["seed"] for seed in (7, None, None, 7, None)]
    assert seeds[:2] == seeds[3:] and seeds[0] == 7 and len(set(seeds[:3])) == 3
    env = MitigationEnv("cascade", options=OPTIONS, vary=False)
    assert [env.reset(seed=seed)[1]["seed"] for seed in (7, None, None)] == [7, 7, 7]


def test_what_is_seen_has_the_shapes_and_units_that_are_told():
    env = MitigationEnv("cascade", options=OPTIONS, begin=20)
    observation, info = env.reset(seed=7)
    assert (observation["time"].tolist(), info["now"]) == ([20.0, 45.0], 20.0)
    assert observation["services"].shape == (10, 9) == (len(env.services), 9)
    assert observation["edges"].shape == (len(env.edges), 5)
    assert observation["alerts"].shape == (1 + len(env.entries),)
    gateway = observation["services"][env.services.index("api-gateway")]
    assert gateway[0] == pytest.approx(observation["users"][0], rel=0.2) == pytest.approx(20, rel=0.5)
    assert 0 < gateway[3] <= 100 and gateway[7:].tolist() == [3, 3]


def test_what_cannot_be_done_does_nothing_and_an_action_that_there_is_not_is_an_error():
    env = MitigationEnv("cascade", options=OPTIONS, offered=[WAIT, Choice("restart", {"target": "databse"})])
    env.reset(seed=7)
    info = env.step(1)[4]
    assert "did you mean 'database'" in info["refused"] and info["now"] == 6
    with pytest.raises(ValueError, match="action must be a whole number from 0 to 1, not 2"):
        env.step(2)
    env.marks()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


@pytest.mark.parametrize("settings", [{"step": 0}, {"step": 2.5}, {"begin": -1}])
def test_steps_are_whole_seconds(settings):
    with pytest.raises(ValueError, match="must be a whole number of seconds"):
        MitigationEnv("cascade", **settings)


@pytest.mark.parametrize("mesh", every(["ten-services", "otel-demo", "bookinfo"], ["bookinfo"]))
def test_each_choice_is_one_that_can_be_made(mesh):
    options = Options(topology=mesh, lead_in=2, duration=2, recovery=300, confounders="none")
    env = MitigationEnv("normal", options=replace(options, rate=1.0), step=1)
    env.reset(seed=7)
    topology = topology_loader.load(topology_loader.shipped()[mesh]).topology
    assert len(set(map(str, env.choices))) == len(env.choices) and env.choices[0] == choices(topology)[0] == WAIT
    assert [info["refused"] for action in range(len(env.choices)) if "refused" in (info := env.step(action)[4])] == []


def test_a_hidden_fault_is_another_one_with_each_seed(tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP)
    env = MitigationEnv(None, options=Options(topology=tmp_path / "shop.yaml"))
    env.reset(seed=3)
    one = env.incident.script.scenario.faults
    env.reset(seed=4)
    assert one != env.incident.script.scenario.faults

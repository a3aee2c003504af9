"""Episodes of an incident per second, played the way a learning agent plays them.

`python -m meshquake.benchmarks.episodes [EPISODES]` plays episodes of some scenarios with the same addressed choices:
once with no actions, and once with an action in every step. Each incident is new (`vary`), so the run without a fault
is played for each too; for one and the same incident it would be cached.
"""

from __future__ import annotations

import sys
import time

from meshquake.agents.mitigation.env import MitigationEnv
from meshquake.faults.loader import Options
from meshquake.topology.addresses import address

#: What is played: scenarios, with options that shorten some of them.
PLAYED: dict[str, Options] = {
    "cascade": Options(),
    "outage": Options(),
    "cascade, 1 min": Options(lead_in=10, duration=40, recovery=10),
}


def main(episodes: int) -> None:
    """Print a line for each scenario and each way of playing."""
    print(f"{'':16}{'acts':>6}{'same':>6}{'steps/s':>9}{'episodes/s':>12}{'simulated s/s':>15}")
    for name, options in PLAYED.items():
        for acts in (False, True):
            for vary in (True, False):
                env = MitigationEnv(name.partition(",")[0], options=options, vary=vary)
                begin = time.perf_counter()
                steps, played = play(env, episodes, acts)
                took = time.perf_counter() - begin
                shown = f"{'yes' if acts else 'no':>6}{'no' if vary else 'yes':>6}"
                print(f"{name:16}{shown}{steps / took:9.1f}{episodes / took:12.2f}{played / took:15.0f}", flush=True)


def play(env: MitigationEnv, episodes: int, acts: bool) -> tuple[int, float]:
    """Play this many episodes; returns the number of steps and the simulated seconds."""
    steps, played = 0, 0.0
    for number in range(episodes):
        env.reset(seed=1 if number == 0 else None)
        over = False
        while not over:
            action = address(1, "choice", steps) % len(env.choices) if acts else 0
            over = env.step(action)[2]
            steps += 1
        played += env.incident.length
    return steps, played


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

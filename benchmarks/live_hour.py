"""How much memory an hour of play by hand takes, at full speed, with a fault and an action every five minutes.

`python benchmarks/live_hour.py [SECONDS]` prints the peak of the process's memory after each ten minutes played.
"""

from __future__ import annotations

import resource
import sys

from meshquake.faults.loader import Options, parse
from meshquake.sim.live.script import free_play
from meshquake.sim.live.session import Session
from meshquake.topology.loader import DEFAULT


def main(seconds: int) -> None:
    """Play so many seconds."""
    options = Options(seed=7)
    session = Session(parse(free_play(DEFAULT), "live", options), options)
    for second in range(1, seconds + 1):
        session.play()
        if second % 300 == 0:
            session.do("faults", "slow", {"target": "database", "factor": 20, "for": "60s"})
            session.do("actions", "restart", {"target": "order-service"})
        if second % 600 == 0 or second == seconds:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{second:5} s played: {peak:.0f} MB at most, {len(session.recent.traces)} traces kept", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3599)

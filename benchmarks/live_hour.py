"""Memory of `live` over an hour at full speed, with a viewer connected and a fault and an action now and then.

`python -m meshquake.benchmarks.live_hour [SECONDS]` starts `live`, loads the page, listens to its stream, and prints
the peak of the server's memory (Linux) after every ten minutes played.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
#: Steps repeated every five minutes.
DONE = (
    {"do": "fault", "kind": "slow", "keys": {"target": "database", "factor": 20, "for": "60s"}},
    {"do": "action", "kind": "restart", "keys": {"target": "order-service"}},
)


def main(seconds: int) -> None:
    """Play this many seconds."""
    command = [sys.executable, str(ROOT / "run.py"), "live", "--port", "0", "--speed", "max", "--seed", "7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            address, token = re.findall(r"(http://\S+)/#token=(\S+)", server.stdout.readline())[0]
            watch(server.pid, address, token, seconds)
        finally:
            server.terminate()


def watch(server: int, address: str, token: str, seconds: int) -> None:
    """Watch and steer until this many seconds are played."""

    def steer(asked: dict[str, Any]) -> None:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        urlopen(Request(f"{address}/v1/steer", json.dumps(asked).encode(), headers)).close()

    with urlopen(address) as page:
        print(
            f"    0 s played: the page has {len(page.read()) / 1e6:.1f} MB, {peak(server):.0f} MB at most", flush=True
        )
    steer({"do": "resume"})
    acted = told = 0
    with urlopen(f"{address}/v1/stream") as stream:
        for line in stream:
            if not line.startswith(b"data: "):
                continue
            for second in json.loads(line[6:]).get("seconds", ()):
                now = int(second["time"])
                if now // 300 > acted and now < seconds:
                    acted = now // 300
                    for asked in DONE:
                        steer(asked)
                if now // 600 > told or now >= seconds:
                    told = now // 600
                    print(f"{now:5} s played: {peak(server):.0f} MB at most", flush=True)
                if now >= seconds:
                    return


def peak(process: int) -> float:
    """Return the peak memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3599)

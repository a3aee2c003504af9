"""What the answer key costs: `python benchmarks/truth.py [--rounds N]`.

Runs each shipped scenario as a command, alternating between runs with the answer key and without; ratios are of the
medians. The last lines show the peak memory of a short and of a long cascade with the answer key.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
#: The target: the time of a run with its key against one without.
COST = 2.3
#: The scenarios, and the number of faults in each.
SCENARIOS = {
    "cascade": 1,
    "degradation": 1,
    "deployment": 1,
    "outage": 4,
    "noise --noise-type transient": 4,
    "noise --noise-type intermittent": 9,
    "noise --noise-type high-volume": 1,
    "normal": 0,
}


def run(*arguments: str) -> float:
    """Return the seconds that a command takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        command = [sys.executable, str(ROOT / "run.py"), *arguments, "--quiet", "--output", folder]
        subprocess.run(command, check=True)
        return perf_counter() - began


def cost(rounds: int) -> None:
    """Time each scenario with and without its key."""
    print(f"{'scenario':<34}{'faults':>7}{'runs':>6}{'without s':>11}{'with s':>8}{'ratio':>7}")
    for scenario, faults in SCENARIOS.items():
        words = scenario.split()
        times = [(run(*words, "--no-truth"), run(*words)) for _ in range(rounds)]
        without, with_key = (median(column) for column in zip(*times, strict=True))
        runs = 1 if faults == 0 else 2 if faults == 1 else 2 + faults
        ratio = with_key / without
        print(f"{scenario:<34}{faults:>7}{runs:>6}{without:>11.2f}{with_key:>8.2f}{ratio:>7.2f}{_verdict(ratio)}")


def _verdict(ratio: float) -> str:
    return "" if ratio <= COST else f"  over {COST}"


def memory() -> None:
    """Print the peak memory of a cascade with its key."""
    for length in ("10m", "40m"):
        run("cascade", "--duration", length)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"cascade --duration {length}: peak memory at most {peak:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    cost(parser.parse_args().rounds)
    memory()

"""What data sets and ensembles cost with one worker and with two: `python benchmarks/sets.py [--quick]`.

First makes a data set in this process and shows where its CPU time goes: draws simulated alone until they break a
promise to users; draws simulated with their twins until it is clear whether to keep them; and the completion of the
cases that are kept. Then runs `dataset` and `ensemble` as commands, alternating between one worker and two.

CPU time covers all processes and threads. On a machine that is shared, compare CPU times, since wall times depend on
the other load. Two workers cannot halve the wall time of one, which already uses a second core to encode and write (the
column "other threads").
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time
from typing import Any
from unittest.mock import patch

from meshquake.exporters.fixtures import dataset, places, writing
from meshquake.exporters.fixtures.order import Order
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader
from meshquake.truth import preview

ROOT = Path(__file__).resolve().parent.parent
#: The target: wall time with one worker against two, on an otherwise idle machine.
TWO = 1.8
ALONE, TWIN, MADE = "simulated alone", "simulated with its twin", "completed"


class Spent:
    """CPU time (seconds) by activity: all threads, the main one, and simulating; the innermost activity counts."""

    def __init__(self) -> None:
        self.all: Counter[str] = Counter()
        self.main: Counter[str] = Counter()
        self.played: Counter[str] = Counter()
        self.times: Counter[str] = Counter()
        self._doing = ["the rest"]
        self._since = process_time(), thread_time()

    def turn(self) -> None:
        """Account for the time spent since the last call."""
        now = process_time(), thread_time()
        self.all[self._doing[-1]] += now[0] - self._since[0]  # type: ignore[assignment]
        self.main[self._doing[-1]] += now[1] - self._since[1]  # type: ignore[assignment]
        self._since = now

    def on(self, activity: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time counts for an activity."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            self.turn()
            self._doing.append(activity)
            self.times[activity] += 1
            try:
                return function(*arguments, **named)
            finally:
                self.turn()
                self._doing.pop()

        return timed

    def playing(self, strides: Callable[[Simulation], Iterator[float]]) -> Callable[[Simulation], Iterator[float]]:
        """Wrap the way a simulation is played so that its time counts separately."""

        def timed(simulation: Simulation) -> Generator[float]:
            every = strides(simulation)
            while True:
                began = thread_time()
                now = next(every, None)
                self.played[self._doing[-1]] += thread_time() - began  # type: ignore[assignment]
                if now is None:
                    return
                yield now

        return timed


def shares(order: Order) -> None:
    """Make a set in this process, and print where the time goes."""
    spent = Spent()
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(preview, "kept", spent.on(ALONE, preview.kept)),
        patch.object(preview, "felt", spent.on(TWIN, preview.felt)),
        patch.object(preview, "loudness", spent.on(TWIN, preview.loudness)),
        patch.object(writing, "write", spent.on(MADE, writing.write)),
        patch.object(Simulation, "strides", spent.playing(Simulation.strides)),
    ):
        content = dataset.generate(order, places.at(f"{folder}/set"), dataset.processes(1), lambda made: None)
        spent.turn()
    assert content is not None
    total = sum(spent.all.values())
    draws = order.cases + sum(content["drawn_again"].values())
    print(f"{order.cases} cases, {draws} draws: {total:.1f} s of CPU time, {total / order.cases:.2f} per case")
    print(f"{'':<24}{'times':>7}{'share':>8}{'simulating':>12}{'other threads':>15}")
    for activity in (ALONE, TWIN, MADE):
        own = spent.all[activity]
        print(
            f"{activity:<24}{spent.times[activity]:>7}{own / total:>8.0%}{spent.played[activity] / total:>12.0%}"
            f"{(own - spent.main[activity]) / total:>15.0%}"
        )


def cost(*arguments: str) -> tuple[float, float]:
    """Return CPU time and wall time (seconds) of a command and its workers."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "run.py"), *arguments, "--quiet", "--output", f"{folder}/made"]
        began = perf_counter()
        process = subprocess.Popen(command)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)}: ended with status {process.returncode}")
        return used.ru_utime + used.ru_stime, perf_counter() - began


def two_workers(rounds: int, *arguments: str) -> None:
    """Time a command with one worker and with two, in turn."""
    found = [[cost(*arguments, "--workers", workers) for workers in ("1", "2")] for _ in range(rounds)]
    (cpu, wall), (cpu_of_two, wall_of_two) = (
        [median(each) for each in zip(*column, strict=True)] for column in zip(*found, strict=True)
    )
    print(
        f"{' '.join(arguments):<44}{cpu:8.1f}{cpu_of_two:8.1f}{cpu_of_two / cpu:7.2f}"
        f"{wall:9.1f}{wall_of_two:8.1f}{wall / wall_of_two:7.2f}"
    )


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=60, help="cases in the data set (default: 60)")
    parser.add_argument("--runs", type=int, default=60, help="runs in the ensemble (default: 60)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds with one worker and with two (default: 1)")
    parser.add_argument("--quick", action="store_true", help="6 cases and 8 runs, for a first look")
    options = parser.parse_args()
    cases, runs = (6, 8) if options.quick else (options.cases, options.runs)
    shares(Order(cases, 1, (loader.load(loader.named(loader.DEFAULT)),), latent=False))
    print(
        f"\nOne worker and two, in seconds (target: wall 1/2 = {TWO}), on {os.cpu_count()} cores; "
        f"load average before: {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':<44}{'CPU 1':>8}{'CPU 2':>8}{'2/1':>7}{'wall 1':>9}{'wall 2':>8}{'1/2':>7}")
    two_workers(options.rounds, "dataset", "--cases", str(cases))
    two_workers(options.rounds, "ensemble", "cascade", "--replications", str(runs))


if __name__ == "__main__":
    main()

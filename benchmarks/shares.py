"""Where the time of a run goes: `python benchmarks/shares.py [SCENARIO] [--duration SECONDS] [--observability KIND]`.

Runs a scenario without an answer key, as its command does, but stage by stage in a single thread. Shows the CPU time of
each stage, including all threads that work for it. Each round is a process of its own; the figures are medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("start-up", "simulation", "records", "summary", "NDJSON and SHA-256")

Taken = TypeVar("Taken")


def stages(scenario: str, duration: float, observability: str | None) -> tuple[dict[str, float], int]:
    """Measure the seconds that each stage takes in this process since its start, and the number of records."""
    from meshquake.exporters.formats.ndjson import NdjsonSink
    from meshquake.sim.api import Settings, prepare
    from meshquake.sim.summary import Summary

    settings = Settings(duration=duration)
    if observability is not None:
        settings["observability"] = observability
    simulation = prepare(scenario, **settings)
    summary = Summary(simulation.scenario, simulation.start)
    taken = dict.fromkeys(STAGES, 0.0)
    taken["start-up"] = process_time()
    with tempfile.TemporaryDirectory() as folder:
        sink = NdjsonSink(Path(folder))
        cuts = timed(simulation.cuts(), taken, "simulation")
        for batch in timed(simulation.records(cuts), taken, "records"):
            began = process_time()
            summary.take(batch)
            between = process_time()
            sink.write(batch)
            taken["summary"] += between - began
            taken["NDJSON and SHA-256"] += process_time() - between
        sink.close()
    # Records are made from cuts, which the simulation keeps producing meanwhile.
    taken["records"] -= taken["simulation"]
    return taken, sum(summary.records.values())


def timed(values: Iterator[Taken], taken: dict[str, float], stage: str) -> Iterator[Taken]:
    """Yield the values of an iterable, adding the time spent in it to a stage."""
    while True:
        began = process_time()
        value = next(values, None)
        taken[stage] += process_time() - began
        if value is None:
            return
        yield value


def main() -> None:
    """Measure in separate processes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="normal", help="scenario to run (default: normal)")
    parser.add_argument("--duration", type=float, default=300.0, help="seconds of the recording (default: 300)")
    parser.add_argument("--observability")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--once", action="store_true", help="measure once, in this process, and print JSON")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(stages(arguments.scenario, arguments.duration, arguments.observability)))
        return
    command = [sys.executable, __file__, "--once", *sys.argv[1:]]
    rounds = [
        json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(arguments.rounds)
    ]
    records = rounds[0][1]
    seconds = {stage: median(taken[stage] for taken, _ in rounds) for stage in STAGES}
    whole = sum(seconds.values())
    print(f"{arguments.scenario}: {records:,} records, {whole:.2f} s of CPU time")
    for stage, time in seconds.items():
        print(f"{stage:<20}{time:>8.2f} s{time / whole:>7.0%}{time / records * 1e6:>8.2f} us/record")


if __name__ == "__main__":
    main()

"""How fast the simulator is, and how much memory it takes: `python benchmarks/throughput.py [--quick]`.

Variants take turns in one run, so that the ratios hold even if the machine's speed drifts; figures are medians over the
rounds. The whole pipeline is a run with all policies on, in which all four signals are written as NDJSON, hashed and
moved into place. It is compared with the same request tree in plain SimPy, which writes its records with `json.dumps`.
Both with and without its output, it is also compared with Ciw, which writes nothing.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from meshquake.benchmarks import baseline_simpy
from meshquake.benchmarks.baseline import Counts
from meshquake.benchmarks.meshes import copies, enlarged
from meshquake.exporters.fixtures import writing
from meshquake.faults.scenario import Scenario
from meshquake.sim.compiled import is_compiled
from meshquake.sim.engine.call import ROW
from meshquake.sim.records import Batch
from meshquake.sim.simulation import Simulation
from meshquake.topology.loader import DEFAULT, load, shipped
from meshquake.topology.spec import Topology

#: Targets; the first two apply to the compiled hot path.
SIMPY, CIW, SPREAD, MEMORY, HELP = 10.0, 3.0, 1.3, 250.0, 0.5
#: The target against SimPy when run as plain Python.
SIMPY_PLAIN = 8.0
#: A sampling interval longer than any recording here.
_NEVER = 86400.0


@dataclass(frozen=True)
class Speed:
    """The work done, and the seconds and CPU seconds (of all threads) that it took."""

    counts: Counts
    seconds: float
    cpu: float

    @property
    def calls(self) -> float:
        """Service calls per second."""
        return self.counts.calls / self.seconds

    @property
    def calls_by_cpu(self) -> float:
        """Service calls per second of CPU time."""
        return self.counts.calls / self.cpu

    @property
    def records(self) -> float:
        """Records written per second."""
        return self.counts.records / self.seconds


def scenario_of(duration: float, seed: int) -> Scenario:
    """Return a scenario of this many seconds in which nothing goes wrong."""
    return Scenario(
        "benchmark", group="normal", duration=duration, lead_in=0.0, recovery=0.0, confounders="none", seed=seed
    )


def alone(mesh: Topology, duration: float, seed: int) -> Counts:
    """Run ours without output: the mesh is played, but no records are made."""
    calls = requests = 0
    simulation = Simulation(scenario_of(duration, seed), mesh)
    for cut in simulation.cuts():
        rows = np.frombuffer(cut.rows, dtype=ROW)
        calls += int((rows["arrived"] >= 0).sum())
        requests += int((rows["caller"] < 0).sum())
    return Counts(requests, calls, 0)


def pipeline(mesh: Topology, duration: float, seed: int, folder: Path, interval: float = 1.0) -> Counts:
    """Run the whole pipeline, with metrics every `interval` seconds."""
    calls = requests = 0

    def count(batch: Batch) -> None:
        nonlocal calls, requests
        calls += int((batch.traces["kind"] == "server").sum())
        requests += batch.traces["parent_span_id"].null_count()

    simulation = Simulation(scenario_of(duration, seed), mesh, interval=interval)
    content = writing.write(simulation, folder / "fixture", count, truth=False)
    return Counts(requests, calls, sum(each["records"] for each in content["files"].values()))


def timed(run: Callable[[Path], Counts]) -> Speed:
    """Time a run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        began, used = perf_counter(), process_time()
        counts = run(Path(folder))
        return Speed(counts, perf_counter() - began, process_time() - used)


def against_baselines(mesh: Topology, seconds: float, rounds: int) -> None:
    """Time ours, SimPy and Ciw in turn."""
    runs: dict[str, Callable[[Path, int], Counts]] = {
        "meshquake, whole pipeline": lambda folder, seed: pipeline(mesh, 6 * seconds, seed, folder),
        "meshquake, no output": lambda _, seed: alone(mesh, 6 * seconds, seed),
        "plain SimPy, whole pipeline": lambda folder, seed: baseline_simpy.run(mesh, seconds, seed, folder),
    }
    try:
        from meshquake.benchmarks import baseline_ciw
    except ImportError:
        print("Ciw isn't installed (pip install -e '.[bench]'): skipped")
    else:
        runs["Ciw, one server per worker, no output"] = lambda _, seed: baseline_ciw.run(mesh, seconds, seed, "workers")
        runs["Ciw, one server per core, no output"] = lambda _, seed: baseline_ciw.run(mesh, seconds, seed, "cores")
    speeds: dict[str, list[Speed]] = {name: [] for name in runs}
    for seed in range(rounds + 1):
        for name, run in runs.items():
            speed = timed(lambda folder, run=run, seed=seed: run(folder, seed))  # type: ignore[misc]
            if seed:  # the first round warms up
                speeds[name].append(speed)
    ours, bare = speeds["meshquake, whole pipeline"], speeds["meshquake, no output"]
    simpy = SIMPY if is_compiled() else SIMPY_PLAIN
    targets = {"plain SimPy, whole pipeline": simpy, "Ciw, one server per worker, no output": CIW}
    titles = ("calls/s", "records/s", "pipeline", "by CPU", "no output", "by CPU", "target")
    print(f"{'':38}" + "".join(f"{title:>11}" for title in titles))
    for name, measured in speeds.items():
        ratios = [
            median(of(mine) / of(other) for mine, other in zip(side, measured, strict=True))
            for side in (ours, bare)
            for of in (attrgetter("calls"), attrgetter("calls_by_cpu"))
        ]
        target = f"{targets[name]:.0f}x" if name in targets else ""
        calls, records = median(s.calls for s in measured), median(s.records for s in measured)
        shown = "".join(f"{ratio:10.1f}x" for ratio in ratios)
        print(f"{name:38}{calls:11,.0f}{records:11,.0f}{shown}{target:>11}")


def across_sizes(mesh: Topology, rounds: int, records: int) -> None:
    """Print the cost of a record across mesh sizes and loads, with metrics every second and without any.

    A metric costs far less than a span or a line, and the share of metrics among the records depends on the size.
    """
    grown = {
        "10 services, 20 requests/s": mesh,
        "100 services, 200 requests/s": copies(mesh, 10),
        "1,000 services, 2,000 requests/s": copies(mesh, 100),
        "10 services, 200 requests/s": enlarged(mesh, 10),
        "10 services, 2,000 requests/s": enlarged(mesh, 100),
    }
    _spread("us/record", grown, rounds, records, 44.0, 1.0)
    _spread("without metrics", grown, rounds, records, 0.0, _NEVER)


def _spread(title: str, grown: dict[str, Topology], rounds: int, records: int, metrics: float, interval: float) -> None:
    """Print the cost of a record for each size, and the spread between sizes.

    A service has about `metrics` samples a second.
    """
    # Each recording is long enough for about this many records.
    cells = [
        (name, mesh, records / (metrics * len(mesh.services) + 25 * mesh.workload.rate)) for name, mesh in grown.items()
    ]
    costs: dict[str, list[float]] = {name: [] for name, _, _ in cells}
    for seed in range(rounds):
        for name, mesh, duration in cells:
            speed = timed(lambda folder, m=mesh, d=duration, s=seed: pipeline(m, d, s, folder, interval))  # type: ignore[misc]
            costs[name].append(1e6 / speed.records)
    print(f"\n{'':38}{title:>16}{'':14}{'target':>10}")
    for name, measured in costs.items():
        print(f"{name:38}{median(measured):16.2f}")
    middles = [median(measured) for measured in costs.values()]
    print(f"{'most / least':38}{max(middles) / min(middles):16.2f}{'':14}{f'{SPREAD}':>10}")


def memory(minutes: tuple[int, ...]) -> None:
    """Print the command's peak memory for recordings of different lengths."""
    print(f"\n{'':38}{'peak MB':>10}{'':20}{'target':>10}")
    for length in minutes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "run.py", "normal", "--duration", f"{length}m", "--output", folder, "--quiet"]
            print(f"{f'run.py normal --duration {length}m':38}{peak(command):10.0f}{'':20}{MEMORY:10.0f}")


def peak(command: list[str]) -> float:
    """Return the peak memory of a command in MB, measured by a process that has no other child."""
    probe = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *command], check=True, capture_output=True, text=True, cwd=_ROOT
    )
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return int(done.stdout) / unit


_ROOT = Path(__file__).resolve().parent.parent


def help_time(rounds: int) -> None:
    """Measure how long `--help` takes, and how long a Python that does nothing."""
    times: dict[str, list[float]] = {"run.py --help": [], "python -c pass": []}
    for _ in range(rounds + 1):
        for name, command in zip(times, (["run.py", "--help"], ["-c", "pass"]), strict=True):
            began = perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=_ROOT)
            times[name].append(perf_counter() - began)
    print(f"\n{'':38}{'seconds':>10}{'':20}{'target':>10}")
    for name, measured in times.items():
        target = f"{HELP:g}" if name == "run.py --help" else ""
        print(f"{name:38}{median(measured[1:]):10.3f}{'':20}{target:>10}")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, for a first look")
    quick = parser.parse_args().quick
    mesh = load(shipped()[DEFAULT]).topology
    print(f"hot path: {'compiled' if is_compiled() else 'plain Python'}")
    for factor in (1, 10):
        busy = mesh if factor == 1 else enlarged(mesh, factor)
        print(f"\n{busy.name}, {busy.workload.rate:g} requests/s")
        against_baselines(busy, (30 if quick else 300) / factor, 1 if quick else 5)
    across_sizes(mesh, 1 if quick else 3, 200_000 if quick else 2_000_000)
    memory((1, 10) if quick else (10, 100))
    help_time(3 if quick else 10)
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()

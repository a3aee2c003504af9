"""What a record costs in a mesh of ten services and in one of a thousand: `python benchmarks/sizes.py`.

All meshes are generated from the same seed, each with a request rate that gives its services the same number of calls
per second on average. So every size has about the same mix of records: those that come from services, replicas and
edges, and those that come from calls. Sizes take turns in each round, and costs are CPU time of all threads, so that
other load on the machine slows all sizes alike. Medians are compared.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from time import process_time

from meshquake.benchmarks.throughput import SPREAD, pipeline
from meshquake.topology.estimates import expected_visits
from meshquake.topology.generating import Order, generate
from meshquake.topology.loader import parse
from meshquake.topology.spec import Topology


def mesh_of(services: int, calls: float, seed: int) -> Topology:
    """Generate a mesh with this many calls per second and service on average, and replicas to serve them."""
    visits = sum(expected_visits(_made(Order(services, seed))).values())
    return _made(Order(services, seed, rate=float(f"{calls * services / visits:.3g}")))


def _made(order: Order) -> Topology:
    return parse(generate(order, "benchmark"), f"{order.name}.yaml").topology


def cost(mesh: Topology, records: int, seed: int) -> tuple[float, float]:
    """Measure CPU microseconds per record of a whole pipeline of about this many records, and calls per record."""
    duration = max(2.0, records / (60.0 * len(mesh.services)))
    with tempfile.TemporaryDirectory() as folder:
        began = process_time()
        counts = pipeline(mesh, duration, seed, Path(folder))
        return 1e6 * (process_time() - began) / counts.records, counts.calls / counts.records


def main() -> None:
    """Measure all sizes and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--services", type=int, action="append", help="number of services; may be repeated (default: 10, 100, 1000)"
    )
    parser.add_argument("--calls", type=float, default=20.0, help="calls per second at each service (default: 20)")
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="about this many records per run (default: 1,000,000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    options = parser.parse_args()
    sizes = options.services or [10, 100, 1000]
    meshes = {size: mesh_of(size, options.calls, 7) for size in sizes}
    costs: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for seed in range(options.rounds):
        for size, mesh in meshes.items():
            costs[size].append(cost(mesh, options.records, seed))
    print(f"{'services':>10}{'requests/s':>12}{'calls/record':>14}{'us/record':>11}")
    for size, found in costs.items():
        spent, mix = (median(each) for each in zip(*found, strict=True))
        print(f"{size:10,}{meshes[size].workload.rate:12,.0f}{mix:14.3f}{spent:11.2f}")
    middles = [median(spent for spent, _ in found) for found in costs.values()]
    print(f"most / least: {max(middles) / min(middles):.2f} (target: {SPREAD})")


if __name__ == "__main__":
    main()

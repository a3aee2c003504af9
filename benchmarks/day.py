"""The cost of a day-long recording: `python benchmarks/day.py [--hours 24] [--postgresql URL]`.

Simulates a day-long incident at 5 requests/s, with its answer key and without. The fixture is then scored, explained,
replayed, run again without its fault, exported to every format and loaded into databases. Each command is a process of
its own; its peak memory is shown next to that of the same command on one hour, to tell whether memory grows with the
length of the recording.

A day takes some 12 GB in the folder for temporary files (`TMPDIR`) and, on a small machine, most of an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

from meshquake.benchmarks.exporters import usable
from meshquake.benchmarks.throughput import peak
from meshquake.exporters.fixtures import answer_key, reading
from meshquake.topology.units import size

#: Targets, in MB.
MEMORY = 300.0
#: The request whose verdict is looked up, as a position among all verdicts.
_LATE = 0.9
_RUN = (sys.executable, "run.py")
_INCIDENT = ("cascade", "--rate", "5", "--interval", "10s", "--quiet")


def commands(folder: Path, hours: float, postgresql: str | None) -> Iterator[tuple[str, list[str], Path]]:
    """Yield the name, arguments and output path of each command; the first one makes the fixture of the others."""
    fixture, output = folder / "keep" / "incidents" / "cascade", folder / "output"

    def command(name: str, *arguments: object) -> tuple[str, list[str], Path]:
        return name, [*_RUN, *map(str, arguments)], output

    duration = ("--duration", f"{hours:g}h", "--output")
    yield "cascade", [*_RUN, *_INCIDENT, *duration, str(folder / "keep")], fixture
    yield command("cascade --no-truth", *_INCIDENT, "--no-truth", *duration, output)
    yield command("replay", "replay", fixture, "--quiet")
    yield command("whatif", "whatif", fixture, "--without", "slow-1", "--json")
    verdicts = [row for some in answer_key.verdicts(fixture) for row in some.select("trace_id", "effect").iter_rows()]
    trace, _ = verdicts[int(_LATE * len(verdicts))]
    yield command("explain", "explain", fixture)
    yield command("explain TRACE", "explain", fixture, trace)
    yield command(
        "explain, 20 traces", "explain", fixture, *(trace for trace, _ in verdicts[:: len(verdicts) // 20][:20])
    )
    answers = folder / "answers.json"
    answers.write_text(json.dumps({"root_causes": [{"service": "database"}], "verdicts": _named(verdicts)}))
    yield command("score", "score", fixture, "--answers", answers)
    for format in usable(reading.context(fixture)):
        yield command(
            f"export {format.name}", "export", fixture, "--format", format.name, "--output", output, "--quiet"
        )
    databases = {"SQLite": f"sqlite:///{output}", "DuckDB": f"duckdb:///{output}", "PostgreSQL": postgresql}
    for name, url in databases.items():
        if url is not None:
            yield command(f"load, {name}", "load", fixture, "--into", url, "--quiet")


def _named(verdicts: list[tuple[str, str | None]]) -> list[dict[str, object]]:
    """Return an answer's verdicts: on a thousand requests, some of them wrong."""
    return [{"trace_id": trace, "harmed": effect is None} for trace, effect in verdicts[:1000]]


def peaks(hours: float, postgresql: str | None) -> dict[str, tuple[float, int]]:
    """Return the peak memory of each command in MB, and the number of bytes it wrote."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, command, output in commands(Path(folder), hours, postgresql):
            found[name] = peak(command), _bytes(output)
            print(f"{hours:g} h, {name}: {found[name][0]:.0f} MB", file=sys.stderr)
            if output.name == "output":
                rmtree(output, ignore_errors=True)
                output.unlink(missing_ok=True)
    return found


def _bytes(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="length of the recording (default: 24)")
    parser.add_argument("--postgresql", metavar="URL", help="a database that the benchmark may write to")
    options = parser.parse_args()
    short, long = peaks(1, options.postgresql), peaks(options.hours, options.postgresql)
    print(f"{'':26}{'1 h, MB':>10}{f'{options.hours:g} h, MB':>10}{'ratio':>8}{'written':>10}")
    for name, (most, written) in long.items():
        beyond = f"  over {MEMORY:.0f}" if most > MEMORY else ""
        told = size(written, digits=3) if written else ""
        print(f"{name:26}{short[name][0]:10.0f}{most:10.0f}{most / short[name][0]:8.2f}{told:>10}{beyond}")


if __name__ == "__main__":
    main()

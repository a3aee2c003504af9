"""How fast records are converted to other formats, and in how much memory: `python benchmarks/exporters.py [--quick]`.

All formats are made from the same fixture, taking turns in one run, so that the ratios hold even if the machine's speed
drifts. Figures are medians over the rounds and include reading the fixture. The baseline writes the same records as
NDJSON, with one dict and one `orjson.dumps` per record. All formats in one pass are compared with the sum of separate
runs. The last table shows the peak memory of `export`, for this fixture and for one four times as long.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from meshquake.benchmarks.throughput import peak
from meshquake.exporters.extras import MissingExtraError
from meshquake.exporters.fixtures import manifest, reading
from meshquake.exporters.fixtures.export import export
from meshquake.exporters.formats.context import Context
from meshquake.exporters.formats.registry import FORMATS, Format, FormatError
from meshquake.exporters.formats.sink import Sinks
from meshquake.sim.records import RECORD_KINDS, Batch

_ROOT = Path(__file__).resolve().parent.parent
_ORJSON = "orjson, a record at a time"
_TOGETHER = "all formats in one pass"


def make(folder: Path, minutes: float) -> Path:
    """Make a fixture of this many minutes of the ten services."""
    command = [sys.executable, "run.py", "normal", "--duration", f"{minutes}m", "--no-truth", "--quiet", "--output"]
    subprocess.run([*command, str(folder)], check=True, cwd=_ROOT)
    return folder / "normal"


def usable(context: Context) -> list[Format]:
    """Return the formats whose libraries are installed and which need no answer key."""
    found = []
    for format in FORMATS.values():
        with tempfile.TemporaryDirectory() as folder:
            try:
                format.sink(Path(folder), context).discard()
            except (MissingExtraError, FormatError) as error:
                print(f"skipped: {error}")
            else:
                found.append(format)
    return found


def by_orjson(fixture: Path, target: Path) -> None:
    """Write the records as lines, one by one."""
    import orjson

    files = {kind: (target / f"{kind}.ndjson").open("wb") for kind in RECORD_KINDS}
    for batch in reading.batches(fixture):
        for kind, file in files.items():
            file.writelines(orjson.dumps(record) + b"\n" for record in batch.records(kind))
    for file in files.values():
        file.close()


def in_one_pass(fixture: Path, context: Context, formats: list[Format], target: Path) -> None:
    """Write all formats from one reading, as during a simulation."""
    for format in formats:
        (target / format.name).mkdir()
    sinks = Sinks([format.sink(target / format.name, context) for format in formats])
    for batch in reading.batches(fixture):
        sinks.write(batch)
    sinks.close()


def speeds(fixture: Path, rounds: int) -> None:
    """Time every format, the baseline, and all formats together."""
    context = reading.context(fixture)
    formats = usable(context)

    def one(format: Format) -> Callable[[Path], object]:
        return lambda target: export(fixture, format, context, target / "out", _ignore)

    runs: dict[str, Callable[[Path], object]] = {format.name: one(format) for format in formats}
    runs[_TOGETHER] = lambda target: in_one_pass(fixture, context, formats, target)
    try:
        import orjson  # noqa: F401
    except ImportError:
        print("orjson isn't installed (pip install orjson): skipped")
    else:
        runs[_ORJSON] = lambda target: by_orjson(fixture, target)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            with tempfile.TemporaryDirectory() as folder:
                began = perf_counter()
                run(Path(folder))
                if number:  # the first round warms up
                    times[name].append(perf_counter() - began)
    records = sum(each["records"] for each in manifest.load(fixture)["files"].values())
    print(f"{'':32}{'records/s':>12}{'times orjson':>14}")
    for name, measured in times.items():
        if name == _TOGETHER:
            continue
        pairs = zip(times.get(_ORJSON, []), measured, strict=False)
        ratio = f"{median(theirs / mine for theirs, mine in pairs):.2f}" if _ORJSON in times else "-"
        print(f"{name:32}{records / median(measured):12,.0f}{ratio:>14}")
    alone = [sum(times[format.name][number] for format in formats) for number in range(rounds)]
    share = median(mine / other for mine, other in zip(times[_TOGETHER], alone, strict=True))
    print(f"{_TOGETHER:32}{records / median(times[_TOGETHER]):12,.0f}{'':14}   {share:.0%} of the sum of separate runs")


def _ignore(batch: Batch) -> None:
    pass


def memory(fixtures: list[Path]) -> None:
    """Print the command's peak memory, format by format."""
    print(f"\n{'peak MB':32}" + "".join(f"{f'{_megabytes(fixture):,.0f} MB':>12}" for fixture in fixtures))
    for format in usable(reading.context(fixtures[0])):
        print(f"{format.name:32}", end="", flush=True)
        for fixture in fixtures:
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "run.py", "export", str(fixture), "--format", format.name, "--quiet"]
                print(f"{peak([*command, '--output', f'{folder}/out']):12.0f}", end="", flush=True)
        print()


def _megabytes(fixture: Path) -> float:
    return sum(path.stat().st_size for path in fixture.iterdir()) / 1e6


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the recording and one round, for a first look")
    quick = parser.parse_args().quick
    minutes = 2 if quick else 10
    with tempfile.TemporaryDirectory() as folder:
        short, long = (make(Path(folder) / str(length), length) for length in (minutes, 4 * minutes))
        speeds(short, 1 if quick else 3)
        memory([short, long])


if __name__ == "__main__":
    main()

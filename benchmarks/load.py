"""How fast `load` is: `python benchmarks/load.py [--quick] [--postgresql URL]`.

Each database is filled with the same fixture twice, in alternation: by `load` and by the database's own bulk loader.
For SQLite and PostgreSQL that is `.import` and `\\copy`, from CSV files made beforehand, so these loaders need neither
read the fixture nor make CSV, while `load` must read it. DuckDB reads the fixture's own files. All fill the same
tables, with the same keys and indexes. The last table shows the peak memory of `load`, for this fixture and for one
four times as long.

The benchmark drops its tables in the database at URL; without a URL, PostgreSQL is skipped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import which
from statistics import median
from time import perf_counter

from meshquake.benchmarks.exporters import make
from meshquake.benchmarks.throughput import peak
from meshquake.exporters.databases.connecting import connected
from meshquake.exporters.databases.load import load
from meshquake.exporters.databases.tables import FIXTURES, RECORDS, Table, placed
from meshquake.exporters.fixtures import manifest, reading
from meshquake.sim.records import RECORD_KINDS

Run = Callable[[Path, Path], None]


def by_load(url: str) -> Run:
    """Load with `load`."""

    def run(fixture: Path, folder: Path) -> None:
        load(fixture, url.format(folder=folder), "x", False, lambda rows: None)

    return run


def tables(url: str) -> None:
    """Create the tables, without the indexes that `load` adds once all rows are in."""
    with connected(url) as database:
        database.prepare((FIXTURES, *RECORDS))


def indexes() -> list[str]:
    """Return the statements that create the indexes."""
    wanted = [(table.name, ", ".join(columns)) for table in RECORDS for columns in table.indexes]
    return [f"CREATE INDEX index{number} ON {table} ({columns});" for number, (table, columns) in enumerate(wanted)]


def by_sqlite(csv: Path) -> Run:
    """Load with SQLite's own loader."""

    def run(fixture: Path, folder: Path) -> None:
        tables(f"sqlite:///{folder}/bulk.db")
        imports = [f".import {csv / table.name}.csv {table.name}" for table in RECORDS]
        lines = [".mode csv", "BEGIN;", *imports, *indexes(), "COMMIT;"]
        subprocess.run(["sqlite3", folder / "bulk.db"], input="\n".join(lines), text=True, check=True)

    return run


def by_duckdb(fixture: Path, folder: Path) -> None:
    """Load with DuckDB's own loader."""
    import duckdb

    tables(f"duckdb:///{folder}/bulk.duckdb")
    with duckdb.connect(folder / "bulk.duckdb") as connection:
        for table in RECORDS:
            file = fixture / f"{table.name}.ndjson"
            columns = ", ".join(f"{column.name}: '{_DUCKDB[column.type]}'" for column in RECORD_KINDS[table.name].table)
            connection.execute(
                f"INSERT INTO {table.name} SELECT 'x', row_number() OVER (), * "
                f"FROM read_json('{file}', format = 'newline_delimited', columns = {{{columns}}})"
            )


_DUCKDB = {"time": "TIMESTAMPTZ", "string": "VARCHAR", "object": "JSON", "number": "DOUBLE", "integer": "BIGINT"}


def by_psql(url: str, csv: Path) -> Run:
    """Load with PostgreSQL's own loader."""

    def run(fixture: Path, folder: Path) -> None:
        tables(url)
        copies = [rf"\copy {table.name} FROM '{csv / table.name}.csv' (FORMAT csv)" for table in RECORDS]
        script = "\n".join(["BEGIN;", *copies, *indexes(), "COMMIT;"])
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", url], input=script, text=True, check=True)

    return run


def drop(url: str) -> None:
    """Drop our tables from PostgreSQL."""
    script = ";".join(f"DROP TABLE IF EXISTS {table.name}" for table in (FIXTURES, *RECORDS))
    subprocess.run(["psql", "-q", url, "-c", script], check=True, capture_output=True)


def as_csv(fixture: Path, table: Table, path: Path) -> None:
    """Write the rows of a table to a CSV file."""
    before = 0
    with path.open("wb") as file:
        for frame in reading.records(fixture, RECORD_KINDS[table.name]):
            placed(frame, "x", before).write_csv(file, include_header=False)
            before += len(frame)


def speeds(fixture: Path, rounds: int, csv: Path, postgresql: str | None) -> None:
    """Time each database both ways, in turn."""
    runs: dict[str, tuple[Run, Run]] = {"DuckDB": (by_load("duckdb:///{folder}/ours.duckdb"), by_duckdb)}
    if which("sqlite3"):
        runs["SQLite"] = (by_load("sqlite:///{folder}/ours.db"), by_sqlite(csv))
    if postgresql:
        runs["PostgreSQL"] = (by_load(postgresql), by_psql(postgresql, csv))
    for table in RECORDS:
        as_csv(fixture, table, csv / f"{table.name}.csv")
    records = _records(fixture)
    print(f"{records:,} records\n{'':12}{'load, rows/s':>16}{'its own, rows/s':>18}{'ratio':>8}")
    for name, ways in runs.items():
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for way, measured in zip(ways, times, strict=True):
                with tempfile.TemporaryDirectory() as folder:
                    if name == "PostgreSQL" and postgresql:
                        drop(postgresql)
                    began = perf_counter()
                    way(fixture, Path(folder))
                    measured.append(perf_counter() - began)
        ratio = median(theirs / mine for mine, theirs in zip(*times, strict=True))
        print(f"{name:12}{records / median(times[0]):16,.0f}{records / median(times[1]):18,.0f}{ratio:8.2f}")


def memory(fixtures: list[Path], postgresql: str | None) -> None:
    """Print the command's peak memory."""
    print(f"\n{'peak MB':12}" + "".join(f"{_records(fixture):>14,} rows" for fixture in fixtures))
    for scheme in ("sqlite", "duckdb", *(["postgresql"] if postgresql else [])):
        peaks = []
        for fixture in fixtures:
            with tempfile.TemporaryDirectory() as folder:
                if postgresql:
                    drop(postgresql)
                url = postgresql if postgresql and scheme == "postgresql" else f"{scheme}:///{folder}/x"
                peaks.append(peak([sys.executable, "run.py", "load", str(fixture), "--into", url, "--quiet"]))
        print(f"{scheme:12}" + "".join(f"{each:19,.0f}" for each in peaks))


def _records(fixture: Path) -> int:
    return sum(each["records"] for each in manifest.load(fixture)["files"].values())


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the recording and one round, for a first look")
    parser.add_argument("--postgresql", metavar="URL", help="a database in which the tables of `load` may be dropped")
    chosen = parser.parse_args()
    minutes, rounds = (1.0, 1) if chosen.quick else (10.0, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixture, longer = make(folder / "one", minutes), make(folder / "four", 4 * minutes)
        (folder / "csv").mkdir()
        speeds(fixture, rounds, folder / "csv", chosen.postgresql)
        memory([fixture, longer], chosen.postgresql)


if __name__ == "__main__":
    main()

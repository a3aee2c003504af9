"""Write the tables of an ensemble's report to files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from meshquake.ensembles.analysis import Analysis
from meshquake.exporters.ensembles.frames import frames
from meshquake.exporters.fixtures import staging


def write(analysis: Analysis, folder: Path) -> list[str]:
    """Write each table as CSV and Parquet; returns the names of the files. Raises OSError."""
    names = []
    for name, frame in frames(analysis).items():
        staging.write_bytes(folder / f"{name}.csv", frame.write_csv().encode())
        content = BytesIO()
        frame.write_parquet(content)
        staging.write_bytes(folder / f"{name}.parquet", content.getvalue())
        names += [f"{name}.csv", f"{name}.parquet"]
    return names

"""Writes a fixture's records once more, in another format."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from exporters import reading
from exporters.context import Context
from exporters.formats import Format
from exporters.staging import staged
from sim.records import Batch


def export(
    folder: Path, format: Format, context: Context, output: Path, on_batch: Callable[[Batch], None]
) -> dict[str, int]:
    """Write a fixture in a format; returns the size in bytes of each file, by its path in the output folder.

    Parameters
    ----------
    folder
        The fixture.
    format
        The format.
    context
        What `exporters.reading.context` says of the fixture.
    output
        The folder to make, which appears whole or not at all; it may be there already if it's empty.
    on_batch
        Hears of each batch.

    Raises
    ------
    exporters.manifest.ManifestError
        If the folder isn't a whole fixture.
    exporters.extras.MissingExtraError
        If the format needs a library that isn't installed.
    OSError
        If the output can't be written, or is there already.
    """
    if output.is_dir() and any(output.iterdir()):
        raise FileExistsError(errno.EEXIST, "it is there already, and isn't empty", str(output))
    with staged(output) as stage:
        sink = format.sink(stage, context)
        try:
            for batch in reading.batches(folder):
                sink.write(batch)
                on_batch(batch)
            sink.close()
        except BaseException:
            sink.discard()
            raise
        files = sorted(path for path in stage.rglob("*") if path.is_file())
        return {path.relative_to(stage).as_posix(): path.stat().st_size for path in files}

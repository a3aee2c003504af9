"""The answer key of a fixture, in a folder of its own beside the telemetry, and the page that gives nothing away.

brief.md                     what the person on call gets
truth/ground_truth.json      what was wrong (`sim.truth.key`)
truth/verdicts.ndjson        what became of each request, and why (`sim.truth.verdict`)
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from exporters import layout, manifest
from exporters.files import Files
from exporters.layout import TRUTH
from exporters.ndjson import Written
from sim.records import TRACE
from sim.truth.brief import brief
from sim.truth.floors import symptoms
from sim.truth.key import FORMAT, Clock, ground_truth, since
from sim.truth.twins import Twins
from sim.truth.verdict import SCHEMA as VERDICT_SCHEMA

BRIEF = "brief.md"
GROUND_TRUTH, VERDICTS = layout.GROUND_TRUTH, f"{TRUTH}/verdicts.ndjson"
_TRACES = f"{TRACE.name}.ndjson"
#: Of the hash of a recording, so many digits are its name in a brief and in answers.
_DIGITS = 12
#: Bytes of a file that are read in one go, about.
_PIECE = 2**24
#: Every file of a key, by its path in the fixture's folder.
FILES = (BRIEF, GROUND_TRUTH, VERDICTS)


class TruthError(Exception):
    """A folder has no answer key, or one that this version can't read."""


def locate(folder: Path) -> Path:
    """The folder of the key of a fixture, or of a case of a data set, which has it in a tree that can be withheld.

    Raises
    ------
    TruthError
        If the folder is neither, or has no key; of a data set or a folder of fixtures it says what to name instead.
    """
    if not layout.path(folder, _TRACES).is_file():
        raise TruthError(f"{folder}: {layout.missing(folder, _TRACES)}")
    place = layout.path(folder, GROUND_TRUTH).parent
    if not place.is_dir():
        raise TruthError(f"{folder}: has no answer key: no folder {TRUTH} is in it, and it's no case of a data set")
    return place


def read_ground_truth(folder: Path) -> dict[str, Any]:
    """What was wrong in a fixture; TruthError as from `locate`, or if it can't be read."""
    path = locate(folder) / Path(GROUND_TRUTH).name
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TruthError(f"{path}: can't be read: {error}") from None
    found = truth.get("format") if isinstance(truth, dict) else None
    if not isinstance(truth, dict) or found != FORMAT:
        raise TruthError(f"{path}: of format {found!r}; this version reads format {FORMAT}")
    return truth


def scan_verdicts(folder: Path) -> pl.LazyFrame:
    """The verdicts on a fixture's requests; TruthError as from `locate`. Reading them may raise `polars` errors."""
    return pl.scan_ndjson(locate(folder) / Path(VERDICTS).name, schema=VERDICT_SCHEMA)


def read_verdicts(folder: Path, truth: dict[str, Any], *columns: str) -> pl.DataFrame:
    """Some columns of the verdicts on a fixture's requests.

    Raises
    ------
    TruthError
        As from `locate`; or if they can't be read, or are more or fewer than the requests that `truth` counts.
    KeyError, TypeError
        If `truth` counts none: it isn't an answer key.
    """
    path, total = locate(folder) / Path(VERDICTS).name, truth["requests"]["total"]
    try:
        found = scan_verdicts(folder).select(columns).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TruthError(f"{path}: can't be read: {str(error).partition(chr(10))[0]}") from None
    if len(found) != total:
        raise TruthError(f"{path}: holds {len(found)} verdicts, and there were {total} requests: is it the whole file?")
    return found


class KeySink:
    """Writes the key into a fixture's folder: verdicts as they come, and the rest at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = Files(folder)
        self._files.write(VERDICTS, b"")  # it is there even if no request came
        self._hash = hashlib.sha256()
        self._records = self._bytes = 0

    def write(self, verdicts: pl.DataFrame) -> None:
        """Append verdicts."""
        if not len(verdicts):
            return
        buffer = io.BytesIO()
        verdicts.write_ndjson(buffer)
        lines = buffer.getvalue()
        self._files.write(VERDICTS, lines)
        self._hash.update(lines)
        self._records += len(verdicts)
        self._bytes += len(lines)

    def finish(self, twins: Twins, records: Mapping[str, Written]) -> dict[str, Written]:
        """Write the rest, once the run is over and its records are in the folder; returns what the files hold.

        Parameters
        ----------
        twins
            The run.
        records
            What the files of its records hold, by name.
        """
        # Of what everybody sees, so that it tells nobody anything.
        fixture = manifest.recording({name: each.sha256 for name, each in records.items()})[:_DIGITS]
        clock = Clock(twins.simulation.start)
        seen = {finding.fault.id: since(finding) for finding in twins.findings}
        # Symptoms compare what came before with as long a time after, at most.
        spans = _server_spans(self._folder / _TRACES, clock(2 * max(seen.values(), default=0.0)))
        ranked = {second: symptoms(spans, clock(second)) for second in dict.fromkeys(seen.values())}
        truth = ground_truth(twins, {fault: ranked[second] for fault, second in seen.items()}, fixture)
        written = {
            BRIEF: self._text(BRIEF, brief(twins, fixture)),
            GROUND_TRUTH: self._text(GROUND_TRUTH, json.dumps(truth, indent=2, ensure_ascii=False) + "\n"),
            VERDICTS: Written(self._records, self._bytes, self._hash.hexdigest()),
        }
        self._files.close()
        return written

    def _text(self, name: str, text: str) -> Written:
        content = text.encode()
        self._files.write(name, content)
        return Written(None, len(content), hashlib.sha256(content).hexdigest())

    def discard(self) -> None:
        """Close the files without caring what becomes of them."""
        self._files.discard()


def _server_spans(path: Path, until: str) -> pl.DataFrame:
    """What symptoms are read off: the server spans that began before a moment.

    Read piece by piece: a file that polars scans is mapped into memory whole.
    """
    found = [pl.DataFrame(schema=TRACE.frame_schema)]
    with path.open("rb") as file:
        while lines := file.readlines(_PIECE):
            spans = pl.read_ndjson(b"".join(lines), schema=TRACE.frame_schema)
            if spans["timestamp"][0] >= until:
                break
            found.append(spans.filter(pl.col("kind") == "server", pl.col("timestamp") < until))
    return pl.concat(each.select("timestamp", "service", "duration_ms", "status", "kind") for each in found)

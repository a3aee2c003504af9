"""Requests recorded elsewhere: a file of times and entry operations, read line by line.

A file ending in `.csv` has a header with the columns `time` and `entry`; any other is NDJSON, one object with these
keys per line. Times are seconds from the start of the recording, or ISO 8601 timestamps, the first of which is the
start. They never decrease. All other values of a line are attributes of the request: who sent it, from which page, with
which client. They don't change what the mesh does; the entry records them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import TextIOWrapper
from math import inf
from pathlib import Path

from meshquake.topology import outside
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.topology.units import shown

#: Values of a request besides its time and entry, by name.
Attributes = Mapping[str, str]
#: Most characters in the attributes of one request, including their names.
MOST_OF_ATTRIBUTES = 4096
_COLUMNS = ("time", "entry")
#: Number of errors after which reading a file stops.
_MOST = 20


class _BadLineError(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True)
class Replay:
    """A request file, as it was when it was scanned.

    Attributes
    ----------
    name
        Its name in the topology.
    file
        Its path.
    counts
        The number of requests for each entry, by name, in order of appearance.
    length
        The time of the last request (seconds).
    """

    name: str
    file: str
    counts: dict[str, int] = field(hash=False)
    length: float

    def requests(self) -> Iterator[tuple[float, str, Attributes]]:
        """Yield the time (seconds), the entry operation and the attributes of each request, in order.

        The file is read lazily.

        Raises
        ------
        topology.problems.DocumentError
            If the file is gone, or at a line that cannot have been there when the file was scanned.
        """
        before, problems = 0.0, list[Problem]()
        try:
            for line, time, entry, attributes in _lines(Path(self.file), problems):
                if problems or entry not in self.counts or not before <= time <= self.length:
                    raise DocumentError(problems or [Problem(self.file, line, "", "was changed since it was checked")])
                before = time
                yield time, entry, attributes
        except OSError as error:
            raise DocumentError([Problem(self.file, 0, "", outside.reason(error))]) from None
        if problems:
            raise DocumentError(problems)


def read(name: str, path: Path, entries: Collection[str]) -> Replay | list[Problem]:
    """Scan a request file; return a `Replay`, or the problems found.

    Parameters
    ----------
    name
        Its name in the topology.
    path
        Its path.
    entries
        The operations that exist.
    """
    problems: list[Problem] = []
    counts: dict[str, int] = {}
    before = 0.0
    try:
        for line, time, entry, _ in _lines(path, problems):
            if entry not in entries:
                message = f"there is no operation {shown(entry)}{suggestion(entry, entries)}"
                problems.append(Problem(str(path), line, "", message))
            elif time < before:
                problems.append(
                    Problem(str(path), line, "", f"is {before - time:g} s earlier than the previous request")
                )
            else:
                before = time
                counts[entry] = counts.get(entry, 0) + 1
            if len(problems) >= _MOST:
                break
    except UnicodeDecodeError:
        problems.append(Problem(str(path), 0, "", "is not UTF-8 text"))
    except OSError as error:
        problems.append(Problem(str(path), 0, "", outside.reason(error)))
    if not problems and not counts:
        problems.append(Problem(str(path), 0, "", "has no requests"))
    return problems or Replay(name, str(path), counts, before)


def _lines(path: Path, problems: list[Problem]) -> Iterator[tuple[int, float, str, Attributes]]:
    """Yield line number, time, entry and attributes of each request; add a problem for each bad line."""
    start: datetime | None = None
    with TextIOWrapper(outside.opened(path), encoding="utf-8-sig", newline="") as file:
        rows = _csv(file) if path.suffix == ".csv" else _ndjson(file)
        while True:
            line = 0
            try:
                line, row = next(rows)
                if isinstance(row, str):
                    raise _BadLineError(row)
                time, start = _time(row.get("time"), start)
                entry = row.get("entry")
                if not isinstance(entry, str) or not entry:
                    raise _BadLineError("has no entry, as in web.home")
                attributes = _attributes(row) if len(row) > len(_COLUMNS) else {}
            except StopIteration:
                return
            except _BadLineError as error:
                problems.append(Problem(str(path), line, "", str(error)))
                if len(problems) >= _MOST:
                    return
                continue
            yield line, time, entry, attributes


def _attributes(row: Mapping[str, object]) -> Attributes:
    """Return the values of a line besides time and entry, as text, without those that are empty or null."""
    found = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in row.items()
        if name not in _COLUMNS and value not in ("", None)
    }
    text = "".join((*found, *found.values()))
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _BadLineError("has an attribute with half a surrogate pair, which is not text")
    size = len(text)
    if size > MOST_OF_ATTRIBUTES:
        raise _BadLineError(f"has attributes of {size} characters; at most {MOST_OF_ATTRIBUTES} are allowed")
    return found


def _csv(file: Iterator[str]) -> Iterator[tuple[int, dict[str, object] | str]]:
    reader = csv.DictReader(file)
    missing = set(_COLUMNS) - set(reader.fieldnames or ())
    if missing:
        yield 1, f"has no column {' or '.join(sorted(missing))}"
        return
    for row in reader:
        yield reader.line_num, {name: value for name, value in row.items() if name is not None}


def _ndjson(file: Iterator[str]) -> Iterator[tuple[int, dict[str, object] | str]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            yield line, "is not JSON"
            continue
        yield line, row if isinstance(row, dict) else "is not a JSON object"


def _time(value: object, start: datetime | None) -> tuple[float, datetime | None]:
    """Return a time in seconds, and the start of the recording; a timestamp is relative to the start."""
    if isinstance(value, str):
        text = value
        try:
            value = float(text)
        except ValueError:
            return _since(text, start)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise _BadLineError("has no time, as in 12.5 (seconds) or 2024-01-15T10:30:00Z")
    return float(value), start


def _since(text: str, start: datetime | None) -> tuple[float, datetime | None]:
    try:
        moment = datetime.fromisoformat(text)
        first = start or moment
        return (moment - first).total_seconds(), first
    except (ValueError, TypeError):
        raise _BadLineError(
            f"must have a time, as in 12.5 (seconds) or 2024-01-15T10:30:00Z, not {shown(text)}"
        ) from None

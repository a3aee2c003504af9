"""Requests that were recorded elsewhere: a file of times and entry operations, read line by line.

A file ending in `.csv` has a header with the columns `time` and `entry`; any other is NDJSON, an object with these keys
a line. Times are seconds from the start of the recording, or moments in ISO 8601, of which the first is the start. They
never go back. What else a line has are attributes of the request: who it is from, which page, which client. They change
nothing of what the mesh does, and its entry writes them down.
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

#: What a request is like besides its time and entry: values by name.
Attributes = Mapping[str, str]
#: Characters that the attributes of one request may have, their names included.
MOST_OF_ATTRIBUTES = 4096
_COLUMNS = ("time", "entry")
#: Errors after which a file is read no further.
_MOST = 20


class _BadLineError(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True)
class Replay:
    """A file of requests, as it was when it was looked through.

    Attributes
    ----------
    name
        What the topology calls it.
    file
        Where it is.
    counts
        How many requests of each entry it has, by name, in order of appearance.
    length
        The time of the last one (seconds).
    """

    name: str
    file: str
    counts: dict[str, int] = field(hash=False)
    length: float

    def requests(self) -> Iterator[tuple[float, str, Attributes]]:
        """The time (seconds), the entry operation and the attributes of each request, in order.

        The file is read as they are taken.

        Raises
        ------
        topology.problems.DocumentError
            At a line that was not there when the file was looked through, or if the file is gone.
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
    """Look through a file of requests for some entry operations; returns what is wrong with it if anything is.

    Parameters
    ----------
    name
        What the topology calls it.
    path
        Where it is.
    entries
        The operations that there are.
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
                problems.append(Problem(str(path), line, "", f"is {before - time:g} s earlier than the request before"))
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
    """Line, time, entry and attributes of each request. What is wrong with a line is added to `problems`."""
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
    """What a line has besides its time and its entry, as text; what is empty, or null, isn't there."""
    found = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in row.items()
        if name not in _COLUMNS and value not in ("", None)
    }
    text = "".join((*found, *found.values()))
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _BadLineError("has an attribute with half a surrogate pair, which is no text")
    size = len(text)
    if size > MOST_OF_ATTRIBUTES:
        raise _BadLineError(f"has attributes of {size} characters; at most {MOST_OF_ATTRIBUTES} can be carried")
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
    """A time in seconds; of a moment, since the first one, which is returned."""
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
        raise _BadLineError(f"has no time, as in 12.5 (seconds) or 2024-01-15T10:30:00Z, but {shown(text)}") from None

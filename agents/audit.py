"""The audit of a run: a line for each call of a tool, from which the search is marked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meshquake.agents.answer import PER_TOKEN

#: Names of the files of a run.
NAME, ANSWERS = "audit.ndjson", "answers.json"
#: Characters of arguments that are kept; for longer ones, only their length is kept.
_LONGEST = 4_000


@dataclass(frozen=True)
class Entry:
    """One call of a tool.

    Attributes
    ----------
    call
        The number of the call, from 1.
    tool, arguments
        The tool, and its arguments.
    now
        The moment up to which records were visible, in ISO 8601.
    elapsed
        Simulated seconds from the start of the recording to `now`.
    bytes, tokens
        Length of the answer as UTF-8, and in tokens, approximately.
    cut
        Whether the answer was cut.
    error
        The error of the call; None if it succeeded.
    records
        Ids of the records in the answer (spelled as in `truth.way.citation`).
    """

    call: int
    tool: str
    arguments: Mapping[str, Any]
    now: str
    elapsed: float
    bytes: int
    tokens: int
    cut: bool
    error: str | None
    records: Sequence[str]

    @property
    def line(self) -> str:
        """The entry as a line of NDJSON."""
        return json.dumps(asdict(self)) + "\n"


#: Receives each entry as it is made.
Sink = Callable[[Entry], None]


def tokens(length: int) -> int:
    """Estimate the number of tokens in so many bytes of text."""
    return -(-length // PER_TOKEN)


def kept(arguments: Any) -> Mapping[str, Any]:
    """Return arguments as the audit keeps them."""
    length = len(json.dumps(arguments))
    if length > _LONGEST:
        return {"omitted": f"{length} characters"}
    return arguments if isinstance(arguments, dict) else {"not an object": arguments}


def to_file(path: Path) -> Sink:
    """Return a sink that writes each entry to a file at once; an existing file is overwritten."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")

    def write(entry: Entry) -> None:
        with path.open("ab") as file:
            file.write(entry.line.encode())

    return write

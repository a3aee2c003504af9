"""The audit of a run: a line for each call of a tool, by which its way is marked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from meshquake.agents.answer import PER_TOKEN

#: What the files of a run are called.
NAME, ANSWERS = "audit.ndjson", "answers.json"
#: Characters of arguments that are kept; longer ones are told of by their length.
_LONGEST = 4_000


@dataclass(frozen=True)
class Entry:
    """One call.

    Attributes
    ----------
    call
        Its number, from 1.
    tool, arguments
        What was asked.
    now
        The moment that could be seen up to, in ISO 8601.
    elapsed
        Simulated seconds from the beginning of the recording until then.
    bytes, tokens
        Length of the answer as UTF-8, and about how many tokens that is.
    cut
        Whether there is more of the answer.
    error
        What was wrong with the call; None if nothing was.
    records
        Ids of the records in the answer (`truth.way.citation` has their spelling).
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
        """The entry as a line of the file."""
        return json.dumps(asdict(self)) + "\n"


#: Takes entries, as they are made.
Sink = Callable[[Entry], None]


def tokens(length: int) -> int:
    """About how many tokens so many bytes of text are."""
    return -(-length // PER_TOKEN)


def kept(arguments: Any) -> Mapping[str, Any]:
    """Arguments as an audit has them."""
    length = len(json.dumps(arguments))
    if length > _LONGEST:
        return {"omitted": f"{length} characters"}
    return arguments if isinstance(arguments, dict) else {"not an object": arguments}


def to_file(path: Path) -> Sink:
    """What writes an audit to a file, line by line, as it is made; a file that is there is begun anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")

    def write(entry: Entry) -> None:
        with path.open("ab") as file:
            file.write(entry.line.encode())

    return write

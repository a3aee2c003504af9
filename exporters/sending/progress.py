"""How far sending got, in a small file: a second call goes on from there."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from meshquake.exporters.fixtures import json_file, staging
from meshquake.exporters.sending.protocols import Answer
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.json_schema import Schema, block, count, flag, number, text
from meshquake.topology.problems import DocumentError
from meshquake.topology.units import counted

#: Seconds of a recording that anybody would send at a time.
_LONGEST_SLICE = 3600
#: Microseconds from one end of the calendar to the other.
_FARTHEST_SHIFT = 25 * 10**16


class ProgressError(MeshquakeError):
    """A file doesn't say how far this got."""


@dataclass(frozen=True)
class Progress:
    """What was sent of what, where to, and how.

    Attributes
    ----------
    fixture
        The SHA-256 of its manifest.
    to, protocol
        The receiver, without secrets.
    slice_s, shift_us
        How the recording was cut and shifted: in seconds, and in microseconds.
    requests, accepted, rejected
        What was answered.
    why
        Why something was rejected, as the receiver said first.
    second
        Up to which second of the recording all was sent, or nearly.
    done
        Whether that is all.
    """

    fixture: str
    to: str
    protocol: str
    slice_s: float
    shift_us: int
    requests: int = 0
    accepted: int = 0
    rejected: int = 0
    why: str = ""
    second: float = 0.0
    done: bool = False

    def load(self, file: Path) -> Progress:
        """What a file says of this that was begun before; this if there is no such file.

        Raises
        ------
        ProgressError
            If the file can't be read, or says something else, or is of something else.
        """
        if not os.path.lexists(file):
            return self
        try:
            content = json_file.read(file)
            json_file.check(file, _schema(), content)
        except DocumentError as error:
            raise ProgressError(*error.problems) from None
        found = Progress(**content)
        for what in ("fixture", "protocol", "to"):
            if getattr(found, what) != getattr(self, what):
                raise ProgressError(f"{file}: belongs to another {'receiver' if what == 'to' else what}")
        return found

    def keep(self, file: Path | None) -> None:
        """Write it into a file that only its owner may read, if there is one, whole or not at all; raises OSError."""
        if file is not None:
            staging.write_text(file, json.dumps(asdict(self)) + "\n", private=True)

    def after(self, answer: Answer, second: float) -> Progress:
        """With one more request that was answered."""
        return replace(
            self,
            requests=self.requests + 1,
            accepted=self.accepted + answer.accepted,
            rejected=self.rejected + answer.rejected,
            why=self.why or answer.why,
            second=second,
        )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {key: value for key, value in asdict(self).items() if key not in ("slice_s", "second")}

    def line(self) -> str:
        """For people."""
        rejected = f", rejected {self.rejected}: {self.why}" if self.rejected else ""
        return f"{self.to}: accepted {self.accepted} in {counted(self.requests, 'request')}{rejected}"


def _schema() -> Schema:
    """The JSON Schema of the file."""
    return block(
        "How far sending got.",
        {
            "fixture": text(pattern="^[0-9a-f]{64}$"),
            "to": text(),
            "protocol": text(),
            "slice_s": number(minimum=1, maximum=_LONGEST_SLICE),
            "shift_us": {"type": "integer", "minimum": -_FARTHEST_SHIFT, "maximum": _FARTHEST_SHIFT},
            "requests": count(),
            "accepted": count(),
            "rejected": count(),
            "why": text(),
            "second": number(),
            "done": flag(),
        },
    )

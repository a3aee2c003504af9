"""The progress of an upload, kept in a small file so that a later call can resume."""

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

#: Seconds of the longest slice that a state file may have.
_LONGEST_SLICE = 3600
#: Microseconds across the whole calendar (years 1 to 9999).
_FARTHEST_SHIFT = 25 * 10**16


class ProgressError(MeshquakeError):
    """Raised for a state file that is invalid or belongs to another upload."""


@dataclass(frozen=True)
class Progress:
    """How much of a fixture was sent, where to, and how.

    Attributes
    ----------
    fixture
        The fingerprint of its manifest (SHA-256).
    to, protocol
        The receiver, without secrets.
    slice_s, shift_us
        The length of a slice in seconds, and the shift of times in microseconds.
    requests, accepted, rejected
        Number of requests answered, and of items accepted and rejected.
    why
        The receiver's first reason for a rejection.
    second
        The second of the recording that sending has reached.
    done
        Whether everything was sent.
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
        """Return the progress in a file of the same upload, or this one if there is no such file.

        Raises
        ------
        ProgressError
            If the file can't be read, is invalid, or belongs to another upload.
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
        """Write it atomically to a file, if given, that only its owner may read; raises OSError."""
        if file is not None:
            staging.write_text(file, json.dumps(asdict(self)) + "\n", private=True)

    def after(self, answer: Answer, second: float) -> Progress:
        """Return the progress after one more answered request."""
        return replace(
            self,
            requests=self.requests + 1,
            accepted=self.accepted + answer.accepted,
            rejected=self.rejected + answer.rejected,
            why=self.why or answer.why,
            second=second,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the progress for programs."""
        return {key: value for key, value in asdict(self).items() if key not in ("slice_s", "second")}

    def line(self) -> str:
        """Return the progress for people."""
        rejected = f", rejected {self.rejected}: {self.why}" if self.rejected else ""
        return f"{self.to}: accepted {self.accepted} in {counted(self.requests, 'request')}{rejected}"


def _schema() -> Schema:
    """Return the JSON Schema of the file."""
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

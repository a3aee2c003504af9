"""How far sending got, in a small file: a second call goes on from there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from meshquake.exporters.fixtures import staging
from meshquake.exporters.sending.protocols import Answer
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.units import counted

#: Bytes of the largest file: what a receiver said in it is short.
_LARGEST = 64 * 2**10


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
            If the file says something else, or is of something else.
        OSError
            If it can't be read.
        """
        try:
            with file.open("rb") as stream:
                text = stream.read(_LARGEST)  # cut off, it's not JSON
            found = Progress(**json.loads(text))
        except FileNotFoundError:
            return self
        except (ValueError, TypeError):
            raise ProgressError(f"{file}: does not say how far sending got") from None
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

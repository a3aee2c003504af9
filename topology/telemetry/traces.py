"""Changes of traces in a `telemetry:` block: which spans inside processes, and which attributes, are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from meshquake.topology.keys import key


@dataclass(frozen=True)
class TraceChanges:
    """What a block changes in traces. Whatever it doesn't set stays as it is."""

    internal: bool | None = key("flag", "whether work inside a process has spans (default: as each service says)", None)
    attributes: tuple[tuple[str, str | None], ...] = key(
        "other", "new names of span attributes, by name or pattern; `none` leaves them out", ()
    )

    def over(self, lower: TraceChanges) -> TraceChanges:
        """Return these changes laid over others."""
        said = dict(self.attributes)
        below = tuple(each for each in lower.attributes if each[0] not in said)
        return TraceChanges(lower.internal if self.internal is None else self.internal, (*below, *self.attributes))

    def called(self, name: str) -> str | None:
        """Return an attribute's name in records; None if it's not recorded."""
        found: str | None = name
        for pattern, other in self.attributes:
            if fnmatchcase(name, pattern):
                found = other
        return found

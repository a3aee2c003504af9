"""What a `telemetry:` block says of log lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from meshquake.topology.keys import key

#: A value in a text. Other braces are what they are.
FIELD = re.compile(r"\{(\w+)\}")
#: What a format may name: columns of records of log lines; `severity` is the level in lower case, and `json` the
#: message as JSON has it, quotes included.
COLUMNS = (
    *("timestamp", "service", "level", "severity", "logger", "replica", "trace_id", "span_id", "message", "json"),
)


@dataclass(frozen=True)
class Format:
    """How whole lines are written: what `message` is in a record."""

    shorthand: ClassVar[str] = "line"
    line: str = key("text", "the line, with columns of log records in braces; {json} is the message in quotes")
    service: str = key("text", "services that write so; `*` and `?` stand for anything in a name", "*")

    def has(self, service: str) -> bool:
        """Whether a service writes so."""
        return fnmatchcase(service, self.service)


@dataclass(frozen=True)
class LogChanges:
    """What a block says of log lines. Of two entries about the same line the later one lies over the earlier one."""

    format: tuple[Format, ...] = key("spec", "how whole lines are written", (), many=True, spec=Format)

    def over(self, lower: LogChanges) -> LogChanges:
        """This one, laid over another: what it says comes later."""
        return LogChanges(format=(*lower.format, *self.format))

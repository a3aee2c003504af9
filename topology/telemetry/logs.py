"""Changes of log lines in a `telemetry:` block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from meshquake.topology.errors import ERRORS
from meshquake.topology.keys import key
from meshquake.topology.telemetry.vocabulary import vocabulary

#: A value in a text: its name; or `NAME:LOW..HIGH` and `NAME:ONE|OTHER` for a value drawn for each request (or each
#: time that a process writes the line), and `NAME#LOW..HIGH`, `NAME#ONE|OTHER` for one that belongs to the code (or,
#: outside requests, to the service).
FIELD = re.compile(r"\{(\w+(?:[:#][^{}]+)?)\}")
#: A drawn value.
DRAWN = re.compile(
    r"(?P<name>\w+)(?P<fixed>[:#])(?:(?P<low>-?\d+(?:\.(?P<digits>\d+))?)\.\.(?P<high>-?\d+(?:\.\d+)?)|(?P<words>[^{}]+))"
)
#: Numbers are drawn as whole multiples of their last decimal, of which there can be this many.
_MOST = 2**53
#: The calls that a service writes lines about: one that it answered in time, too late or not well; one that it made and
#: that failed for good, before another attempt, or beside one; a lookup that found nothing.
CALLS = vocabulary().calls
#: What services write about requests in progress, with many texts: it may be left out, or get another severity.
REMARKS = "remarks"
#: The calls of `CALLS` that have a line for each error.
FAILURES = ("failed", "retried", "hedged", "gave_up")
#: What else may happen that has a line.
NOTICES = tuple(vocabulary().notices)
KINDS = vocabulary().kinds
SEVERITIES = vocabulary().severities
#: Columns of log records that a format may name; `severity` is the level in lower case, and `json` the message as a
#: JSON string, quotes included.
COLUMNS = (
    *("timestamp", "service", "level", "severity", "logger", "replica", "trace_id", "span_id", "message", "json"),
)


def misdrawn(value: str) -> str:
    """Return the message for a value that a text wants drawn in an impossible way; empty for any other value.

    Parameters
    ----------
    value
        What is between braces, such as `cache:10..90`.
    """
    found = DRAWN.fullmatch(value)
    if found is None:
        return ""
    start = found["name"] + found["fixed"]
    if found["words"] is not None:
        if ".." in found["words"] and "|" not in found["words"]:
            return f"{{{value}}} must have two numbers, as in {{{start}1..10}}, or words, as in {{{start}ONE|OTHER}}"
        return ""
    low, high = float(found["low"]), float(found["high"])
    if low > high:
        return f"{{{value}}} must have the lower number first: {{{start}{found['high']}..{found['low']}}}"
    if max(-low, high) * 10.0 ** len(found["digits"] or "") > _MOST:
        return f"{{{value}}} has too many digits"
    return ""


@dataclass(frozen=True, kw_only=True)
class LineChange:
    """Other texts for lines, or other severities for existing texts."""

    when: tuple[str, ...] | None = key(
        "choice", "what the lines are about (default: everything)", None, choices=(*CALLS, *NOTICES), many=True
    )
    cause: tuple[str, ...] | None = key(
        "choice", "for failed calls, the errors (default: all)", None, choices=tuple(ERRORS), many=True
    )
    service: str = key("text", "services that write them; `*` and `?` stand for anything in a name", "*")
    kind: tuple[str, ...] = key("choice", "kinds of services that write them", KINDS, choices=KINDS, many=True)
    text: tuple[str, ...] | None = key(
        "other", "what they say, with values in braces: one text, or several to choose from; `none` for no line", None
    )
    add: bool = key("flag", "whether to add the texts to the existing ones rather than replace those", False)
    level: str | None = key(
        "choice", "their severity (default: that of the first existing text)", None, choices=SEVERITIES
    )
    logger: str | None = key("text", "their logger (default: that of the first existing text)", None)

    def has(self, service: str, kind: str) -> bool:
        """Whether services of this name and kind write them."""
        return kind in self.kind and fnmatchcase(service, self.service)

    @property
    def moments(self) -> tuple[str, ...]:
        """The events that the lines are about."""
        moments = (*CALLS, *NOTICES) if self.when is None else self.when
        return moments if self.cause is None else tuple(each for each in moments if each in FAILURES)


@dataclass(frozen=True, kw_only=True)
class Chatter:
    """A line that each process writes again and again, outside any request."""

    text: tuple[str, ...] = key("other", "what it says, with values in braces; several texts are consecutive lines")
    every: float = key("duration", "interval between lines, approximately", low=0.1, high=86400)
    service: str = key("text", "services whose processes write it; `*` and `?` stand for anything in a name", "*")
    kind: tuple[str, ...] = key("choice", "kinds of services whose processes write it", KINDS, choices=KINDS, many=True)
    level: str = key("choice", "its severity", "INFO", choices=SEVERITIES)
    logger: str = key("text", "its logger", "main")

    def has(self, service: str, kind: str) -> bool:
        """Whether processes of a service of this name and kind write it."""
        return kind in self.kind and fnmatchcase(service, self.service)


@dataclass(frozen=True)
class Words:
    """What files change in the lines of a service: rules and chatter in order, and its kind; empty for nothing."""

    rules: tuple[LineChange, ...] = ()
    chatter: tuple[Chatter, ...] = ()
    kind: str = ""

    @classmethod
    def of(cls, changes: LogChanges, service: str, kind: str) -> Words:
        """Return the changes for a service; equal for services of a kind that have the same rules."""
        rules = tuple(each for each in changes.lines if each.has(service, kind))
        chatter = tuple(each for each in changes.chatter if each.has(service, kind))
        return cls(rules, chatter, kind) if rules or chatter else NONE


#: No changes.
NONE = Words()


@dataclass(frozen=True)
class Format:
    """The format of whole lines: the `message` of a record."""

    shorthand: ClassVar[str] = "line"
    line: str = key("text", "the line, with columns of log records in braces; {json} is the message in quotes")
    service: str = key("text", "services that use it; `*` and `?` stand for anything in a name", "*")

    def has(self, service: str) -> bool:
        """Whether a service writes its lines in this format."""
        return fnmatchcase(service, self.service)


@dataclass(frozen=True)
class LogChanges:
    """What a block changes in log lines. Of two entries about the same line the later one overrides the earlier one."""

    lines: tuple[LineChange, ...] = key("other", "other texts and severities", ())
    chatter: tuple[Chatter, ...] = key("other", "lines that processes write on their own", ())
    format: tuple[Format, ...] = key("spec", "how whole lines are written", (), many=True, spec=Format)

    def over(self, lower: LogChanges) -> LogChanges:
        """Return these changes laid over others: they come later."""
        return LogChanges((*lower.lines, *self.lines), (*lower.chatter, *self.chatter), (*lower.format, *self.format))

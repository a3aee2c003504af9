"""The type of a tool: its name, its arguments, and the function that answers.

Arguments are declared once, as a JSON Schema, which agents see and by which arguments are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meshquake.agents.answer import Answer
from meshquake.agents.clock import MomentError, moment
from meshquake.agents.telemetry import View
from meshquake.exporters.fixtures.violations import Formats
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.json_schema import Schema, block, count, text
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

Arguments = Mapping[str, Any]
#: Most rows in an answer, and the default.
MOST_ROWS, USUAL_ROWS = 200, 25

SERVICE = text("name of a service", pattern=r"^[^\x00-\x1f]+$", format="service", examples=["database"])
SINCE = text(
    "start: +90s or 90 (since the recording began), -30s (before now), or ISO 8601; default: the beginning",
    pattern=r"^[^\x00-\x1f]+$",
    format="moment",
    examples=["+90s"],
)
UNTIL = text(
    "end (exclusive), in the same forms; default: now",
    pattern=r"^[^\x00-\x1f]+$",
    format="moment",
    examples=["+120s"],
)
OFFSET = count("rows to skip, as `cut` of the previous answer says; default: 0", maximum=10**9)
LIMIT = count(f"maximum number of rows; default: {USUAL_ROWS}", minimum=1, maximum=MOST_ROWS)
PAGED: Mapping[str, Schema] = {"offset": OFFSET, "limit": LIMIT}


def named(view: View) -> Formats:
    """Return checks that the names in arguments exist: services, metrics, moments."""

    def service(name: str) -> str:
        return "" if name in view.names else f"this mesh has no service {shown(name)}{suggestion(name, view.names)}"

    def metric(name: str) -> str:
        return "" if name in view.table else f"no metric is called {shown(name)}{suggestion(name, [*view.table])}"

    def at(text: str) -> str:
        try:
            moment(text, view.start, view.now)
        except MomentError as error:
            return str(error)
        return ""

    return {"service": service, "metric": metric, "moment": at}


class ToolError(MeshquakeError):
    """Raised for an invalid call; its text says what would be right."""


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes
    ----------
    name, doc
        Its name, and its purpose in one or two sentences.
    run
        The function that answers, given the view and valid arguments.
    required, optional
        Its arguments, by name.
    needs
        The kind of record that it needs; empty for none.
    formats
        Returns checks that the names in arguments exist.
    acts
        Whether it acts rather than reads.
    """

    name: str
    doc: str
    run: Callable[[View, Arguments], Answer]
    required: Mapping[str, Schema] = field(default_factory=dict)
    optional: Mapping[str, Schema] = field(default_factory=dict)
    needs: str = ""
    formats: Callable[[View], Formats] = named
    acts: bool = False

    @property
    def schema(self) -> Schema:
        """Return the JSON Schema of its arguments."""
        return block("", self.required, self.optional)


def paged(arguments: Arguments) -> slice:
    """Return the slice of requested rows."""
    offset = arguments.get("offset", 0)
    return slice(offset, offset + arguments.get("limit", USUAL_ROWS))

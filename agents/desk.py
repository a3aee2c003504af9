"""The desk of the person on call: tools over what can be seen now, with a line of audit for each call.

It knows neither the source of the records nor how time passes: for a case on disk, `agents.incident` does that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ClassVar

from meshquake.agents import audit, clock
from meshquake.agents.answer import Page, page
from meshquake.agents.checking import checked
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Tool, ToolError
from meshquake.agents.tools.window import told
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown

#: Most lines of an error, and characters of each, so that any error fits into a page.
_LINES, _LONGEST = 8, 400


class Desk:
    """Dispatches calls of tools.

    Attributes
    ----------
    tools
        The available tools, by name.
    calls
        The number of calls so far.
    sinks
        Receivers of the audit.
    task
        The task of the agent, in a sentence or two.
    """

    task: ClassVar[str] = (
        "Find out from metrics, logs, traces and events what is wrong, and give your answer with submit, once."
    )

    def __init__(
        self,
        look: Callable[[], View],
        tools: Iterable[Tool],
        withheld: Collection[str] = (),
        sinks: Sequence[audit.Sink] = (),
    ) -> None:
        """Set up a desk.

        Parameters
        ----------
        look
            Returns what can be seen now; called once per call of a tool.
        tools
            The tools.
        withheld
            Kinds of record to hide; tools that need them are not available.
        sinks
            Receivers of the audit.
        """
        given = list(tools)
        self.tools = {tool.name: tool for tool in given if not tool.needs or tool.needs not in withheld}
        self._missing = {tool.name: tool.needs for tool in given if tool.name not in self.tools}
        self._look = look
        self.sinks = list(sinks)
        self.calls = 0

    def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool, and return its answer as a JSON object.

        Raises
        ------
        ToolError
            If the call is invalid. Each line says what is wrong and what would be right.
        """
        found, wrong = self.ask(tool, arguments)
        if wrong is not None:
            raise wrong
        answer: dict[str, Any] = json.loads(found.text)
        return answer

    def ask(self, tool: str, arguments: Any) -> tuple[Page, ToolError | None]:
        """Call a tool, and return the answer to send, and the error, if there was one.

        Parameters
        ----------
        tool
            The name of the tool.
        arguments
            The arguments, a JSON object; anything else gives an error.
        """
        view, wrong = self._look(), None
        self.calls += 1
        try:
            known = self._found(tool)
            found = page(known.run(view, checked(known, arguments, view)), told(view))
        except MeshquakeError as error:
            wrong = error if isinstance(error, ToolError) else ToolError(*error.args)
            found = Page({**told(view), "error": _lines(error)})
        self._record(tool, arguments, view, found, wrong)
        return found, wrong

    def _found(self, name: str) -> Tool:
        if name in self.tools:
            return self.tools[name]
        if name in self._missing:
            raise ToolError(f"{name} is not available: this incident is without {self._missing[name]}")
        raise ToolError(f"there is no tool {shown(name)}{suggestion(name, [*self.tools])}")

    def _record(self, tool: str, arguments: Any, view: View, found: Page, wrong: ToolError | None) -> None:
        length = len(found.text.encode())
        entry = audit.Entry(
            call=self.calls,
            tool=tool,
            arguments=audit.kept(arguments),
            now=clock.iso(view.now),
            elapsed=view.elapsed,
            bytes=length,
            tokens=audit.tokens(length),
            cut=found.cut,
            error=None if wrong is None else str(wrong),
            records=found.records,
        )
        for sink in self.sinks:
            sink(entry)


def _lines(error: MeshquakeError) -> list[str]:
    """Shorten an error, which must fit into an answer too, to its first lines and a count of the others."""
    lines = str(error).split("\n")
    kept = [each if len(each) <= _LONGEST else f"{each[: _LONGEST - 3]}..." for each in lines[:_LINES]]
    return kept + ([f"and {len(lines) - _LINES} more like these"] if len(lines) > _LINES else [])

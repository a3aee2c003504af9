"""The tool that submits an answer. The answer is passed on for marking, and nothing of the truth comes back."""

from __future__ import annotations

from collections.abc import Callable

from meshquake.agents.answer import Answer
from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Arguments, Tool
from meshquake.exporters.fixtures import answers
from meshquake.exporters.fixtures.violations import Formats
from meshquake.topology.loading.names import USERS


def submit(take: Callable[[Arguments], None]) -> Tool:
    """Build the tool that submits an answer.

    Parameters
    ----------
    take
        Receives the answer; raises ToolError if none can be submitted any more.
    """
    schema = answers.json_schema()
    keys = schema["properties"]
    required = schema["required"]

    def run(view: View, arguments: Arguments) -> Answer:
        take(arguments)
        return Answer({"submitted": True, "root_causes": len(arguments["root_causes"])})

    return Tool(
        "submit",
        "Submit the answer, once: what was wrong, likeliest cause first. An empty list of root causes says that "
        "nothing was wrong. If the root cause is that too many users came, its service is called users.",
        run,
        required={name: keys[name] for name in required},
        optional={name: each for name, each in keys.items() if name not in required},
        formats=_formats,
        acts=True,
    )


def _formats(view: View) -> Formats:
    """Return checks that an answer fits this recording, using only what is visible, and nothing of the key."""
    traces = frozenset(view.requests["trace_id"])
    # Accept every name that any answer may contain; else a refusal would give away what is wrong.
    return answers.belongs(view.fixture, (*view.names, USERS), view.start, view.now, traces)

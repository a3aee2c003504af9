"""Validation of a call's arguments, which reports everything that is wrong and what would be right."""

from __future__ import annotations

import json
from typing import Any

from meshquake.agents.telemetry import View
from meshquake.agents.tools.tool import Arguments, Tool, ToolError
from meshquake.exporters.fixtures.violations import violations

#: Most characters in the arguments of a call.
_LONGEST = 1_000_000


def checked(tool: Tool, arguments: Any, view: View) -> Arguments:
    """Check the arguments of a call, and drop those that are null.

    Raises
    ------
    ToolError
        If any are invalid, with a line for each problem.
    """
    try:
        if len(json.dumps(arguments, allow_nan=False).encode()) > _LONGEST:
            raise ToolError(f"arguments are longer than {_LONGEST:,} characters")
        json.dumps(arguments, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):  # a lone surrogate, infinity, or a value that isn't JSON
        raise ToolError("arguments must be JSON: an object, of texts in Unicode and finite numbers") from None
    if isinstance(arguments, dict):
        arguments = {name: value for name, value in arguments.items() if value is not None}
    found = [
        f"{each.path}: {each.message}".removeprefix(": ")
        for each in violations(tool.schema, arguments, tool.formats(view))
    ]
    if found:
        known = ", ".join([*tool.required, *(f"[{name}]" for name in tool.optional)])
        raise ToolError(*found, f"{tool.name} takes {known or 'no arguments'}")
    checked: Arguments = arguments
    return checked

"""Agents on call: an incident to look at with an operator's tools, and to answer; and those who try.

telemetry.py   what can be seen at a moment
case.py        a case on disk, read without its truth
clock.py       now, and how moments are told
promise.py     what users are promised, and the brief
tools/         the tools, a family a file
answer.py      an answer, cut to a page
checking.py    arguments, checked
audit.py       a line for each call
desk.py        tools, who calls them, and the audit
incident.py    a case at such a desk, for a harness in Python
mitigation/    a mesh that is played, at such a desk where one may act; and for learners
serving/       the same as a Model Context Protocol server, in a process that sees no truth
judge/         the process beside it that takes the answer
inspect/       cases as tasks of Inspect
solvers/       agents without a model, from loudest first to the oracle
"""

from __future__ import annotations

from meshquake.agents.incident import Incident
from meshquake.agents.tools.tool import ToolError

__all__ = ["Incident", "ToolError"]

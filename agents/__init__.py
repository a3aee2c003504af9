"""Agents on call: an incident to investigate with an operator's tools, and to answer; and solvers that try.

telemetry.py   what can be seen at a moment
case.py        a case on disk, read without its truth
clock.py       the present, and how moments are written
promise.py     what users are promised, and the brief
tools/         the tools, a file for each family
answer.py      a tool's answer, cut to a page
checking.py    checks arguments
audit.py       one line per call
desk.py        the tools, who calls them, and the audit
incident.py    a case at such a desk, for a harness in Python
mitigation/    a running mesh at such a desk, for agents and learners that may act
serving/       the same as a Model Context Protocol server, in a process that sees no truth
judge/         the process beside it that takes the answer
inspect/       cases as Inspect tasks
solvers/       agents without a model, from loudest first to the oracle
"""

from __future__ import annotations

from meshquake.agents.incident import Incident
from meshquake.agents.tools.tool import ToolError

__all__ = ["Incident", "ToolError"]

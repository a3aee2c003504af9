"""What may stand in a topology file for a name, and for the ways in which an operation is asked."""

from __future__ import annotations

import re

from meshquake.topology.document import Document, Node
from meshquake.topology.plugins import offered
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import LOGS

#: As real systems call them. With up to seven dots, neither side by side nor at the end (`topology.naming`).
SERVICE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,62}){0,7}", re.ASCII)
#: Whatever real systems call them, but for what targets, edges and paths are written with: `[0]`, `->`, `=`.
_SIGNS = "A-Za-z0-9_./{}:*?&$@(),+~'!%#-"
OPERATION_NAME = re.compile(rf"[{_SIGNS}](?:[ {_SIGNS}]{{0,98}}[{_SIGNS}])?", re.ASCII)
#: The methods of HTTP (RFC 9110, RFC 5789), and a path that may have parameters.
ROUTE = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /\S{0,200}", re.ASCII)
RPC = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_]{1,100}", re.ASCII)
SYSTEM = re.compile(r"[a-z][a-z0-9_.]{0,62}", re.ASCII)
#: What an operation may say of how it's asked, and kinds of services of which it may.
PROTOCOLS = {
    "route": ("gateway", "service", "external"),
    "rpc": ("gateway", "service", "external"),
    "statement": ("database",),
    "command": ("database", "cache"),
}


def matching(document: Document, pattern: re.Pattern[str], rule: str, node: Node) -> str | None:
    """A text of a pattern; None, and an error, if it's no such text."""
    if node.kind == "scalar" and pattern.fullmatch(node.text):
        return node.text
    document.error(node, f"must be {rule}, not {node}")
    return None


def logs(document: Document, node: Node) -> str | None:
    """The catalogue that a text names; None, and an error, if no installed package has it."""
    known = offered(LOGS)
    if node.text in known:
        return node.text
    document.error(node, f"no installed package has a catalogue of logs {node}{suggestion(node.text, known)}")
    return None

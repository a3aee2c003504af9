"""Patterns for names in a topology file, and for the ways in which operations are requested."""

from __future__ import annotations

import re

from meshquake.topology.document import Document, Node
from meshquake.topology.plugins import offered
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import LOGS

#: Names as real systems have them: up to seven dots, neither adjacent nor at the end (`topology.naming`).
SERVICE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,62}){0,7}", re.ASCII)
#: Whatever real systems use in names, except what targets, edges and paths are written with: `[0]`, `->`, `=`.
_SIGNS = "A-Za-z0-9_./{}:*?&$@(),+~'!%#-"
OPERATION_NAME = re.compile(rf"[{_SIGNS}](?:[ {_SIGNS}]{{0,98}}[{_SIGNS}])?", re.ASCII)
#: The methods of HTTP (RFC 9110, RFC 5789), and a path that may have parameters.
ROUTE = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) /\S{0,200}", re.ASCII)
RPC = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_]{1,100}", re.ASCII)
SYSTEM = re.compile(r"[a-z][a-z0-9_.]{0,62}", re.ASCII)
#: Keys that say how an operation is requested, with the kinds of service that may have them.
PROTOCOLS = {
    "route": ("gateway", "service", "external"),
    "rpc": ("gateway", "service", "external"),
    "statement": ("database",),
    "command": ("database", "cache"),
}


def matching(document: Document, pattern: re.Pattern[str], rule: str, node: Node) -> str | None:
    """Return a node's text if it matches a pattern; otherwise None, and an error."""
    if node.kind == "scalar" and pattern.fullmatch(node.text):
        return node.text
    document.error(node, f"must be {rule}, not {node}")
    return None


def logs(document: Document, node: Node) -> str | None:
    """Return the name of a log catalogue; None, and an error, if no installed package has it."""
    known = offered(LOGS)
    if node.text in known:
        return node.text
    document.error(
        node, f"no installed package has a catalogue of log lines called {node}{suggestion(node.text, known)}"
    )
    return None

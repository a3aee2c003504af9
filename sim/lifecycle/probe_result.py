"""How a probe ends, and how the kubelet words it (`pkg/probe` of Kubernetes: `http`, `exec`)."""

from __future__ import annotations

from enum import Enum


class ProbeResult(Enum):
    """How a probe ends: the process answers that it is well or that it is not, the kernel refuses, or nobody answers.

    Services are asked over HTTP. Databases and caches are asked by a command that runs beside the process, such as
    `pg_isready`. The values are the words for the two.
    """

    PASSED = ("", "")
    FAILED = ("HTTP probe failed with statuscode: 503", "command exited with status 1")
    REFUSED = ("connect: connection refused", "connection refused")
    TIMED_OUT = ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "command timed out")

    def reads(self, kind: str) -> str:
        """Return the words for a probe of a service of that kind; empty if it passed."""
        over_http, by_command = self.value
        return by_command if kind in ("database", "cache") else over_http

"""Every way in which a call can fail, one row per error; nothing about errors is kept anywhere else.

The columns say what a client sees, how retries and breakers treat the error, and what telemetry and the answer key call
it. The texts of its log lines are in `sim/telemetry/logs/catalogue.yaml`, under its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Refusal(Enum):
    """Who refused the call before any work was done."""

    NOBODY = "nobody"
    CALLER = "caller"
    CALLEE = "callee"


@dataclass(frozen=True)
class Error:
    """One kind of error.

    Attributes
    ----------
    name
        `error_type` of a span.
    status
        The equivalent HTTP status (`status_code` of a span); 0 if there is none.
    grpc
        The equivalent gRPC status (https://grpc.io/docs/guides/status-codes/).
    mechanism
        How the answer key describes a call that fails with it.
    retryable
        Whether another attempt may help: what Envoy's `5xx,connect-failure,refused-stream,reset` covers, minus the
        caller's own refusals, which a retry would only fight.
    refusal
        Who refused the call. A refusal by the caller says nothing about the callee: breakers don't count it.
    connected
        Whether the connection, if there was one, survives it.
    answered
        Whether the caller got an answer from the callee.
    met
        Whether a part of the mesh can see it, so that a caller may retry it.
    ends
        Whether the callee ends the connection in place of an answer.
    """

    name: str
    status: int
    grpc: str
    mechanism: str = "errors"
    retryable: bool = False
    refusal: Refusal = Refusal.NOBODY
    connected: bool = True
    answered: bool = True
    met: bool = True
    ends: bool = False

    @property
    def given(self) -> bool:
        """Whether a service can give it to its callers: as an answer, or by ending the connection.

        Other errors are the caller's own, or the network's: a service does not say that a connection to it was refused.
        """
        return self.answered or self.ends

    @property
    def of_request(self) -> bool:
        """Whether it says something about the request rather than about the service that answers: a 4xx status.

        The caller has left (499) or asks for too much (429). It is not a server error: OpenTelemetry's conventions
        leave a server's span unset for 4xx, and for gRPC's CANCELLED and RESOURCE_EXHAUSTED; Envoy counts 4xx,
        cancelled and rate-limited requests separately. To the caller it is a failure like any other. A server that
        sheds load answers 503: it cannot do its job.
        """
        return 400 <= self.status < 500


_CALLER, _CALLEE = Refusal.CALLER, Refusal.CALLEE

#: Every error, by name. The order is fixed: records store the position.
ERRORS: dict[str, Error] = {
    error.name: error
    for error in (
        Error("timeout", 504, "DEADLINE_EXCEEDED", "timeout", retryable=True, answered=False),
        Error(
            "connection_refused",
            503,
            "UNAVAILABLE",
            "connection refused",
            retryable=True,
            refusal=_CALLEE,
            connected=False,
            answered=False,
        ),
        Error("connection_timeout", 504, "DEADLINE_EXCEEDED", "connection timeout", retryable=True, answered=False),
        Error(
            "connection_reset",
            502,
            "UNAVAILABLE",
            "connection reset",
            retryable=True,
            connected=False,
            answered=False,
            ends=True,
        ),
        Error(
            "no_ready_replica",
            503,
            "UNAVAILABLE",
            "no ready replica",
            retryable=True,
            refusal=_CALLEE,
            connected=False,
            answered=False,
        ),
        Error("pool_timeout", 503, "UNAVAILABLE", "connection pool exhausted", refusal=_CALLER, answered=False),
        Error("circuit_open", 503, "UNAVAILABLE", "circuit breaker open", refusal=_CALLER, answered=False),
        Error("bulkhead_full", 503, "UNAVAILABLE", "bulkhead full", refusal=_CALLER, answered=False),
        Error("overloaded", 503, "UNAVAILABLE", "overload", retryable=True, refusal=_CALLEE),
        Error("unavailable", 503, "UNAVAILABLE", retryable=True),
        Error("internal", 500, "INTERNAL"),
        Error("config_error", 500, "INTERNAL"),
        Error("database_error", 500, "INTERNAL"),
        Error("dependency_failed", 502, "UNAVAILABLE", "failed dependency"),
        Error("cancelled", 499, "CANCELLED", "cancelled", answered=False),
        Error("unfinished", 0, "UNKNOWN", "slow answer", answered=False, met=False),
        # As Envoy's local rate limit does with `rate_limited_as_resource_exhausted`.
        Error("rate_limited", 429, "RESOURCE_EXHAUSTED", "rate limit", refusal=_CALLEE),
        Error(
            "connect_failed",
            503,
            "UNAVAILABLE",
            "failed handshake",
            retryable=True,
            connected=False,
            answered=False,
        ),
        Error("shed", 503, "UNAVAILABLE", "load shedding", retryable=True, refusal=_CALLEE),
        Error("client_throttled", 503, "UNAVAILABLE", "client-side throttling", refusal=_CALLER, answered=False),
        Error("concurrency_limited", 503, "UNAVAILABLE", "concurrency limit", refusal=_CALLER, answered=False),
        Error("pool_full", 503, "UNAVAILABLE", "connection pool exhausted", refusal=_CALLER, answered=False),
    )
}

#: The errors that a part of the mesh can see.
MET: tuple[str, ...] = tuple(name for name, error in ERRORS.items() if error.met)
#: The errors that a service can give to its callers.
GIVEN: tuple[str, ...] = tuple(name for name, error in ERRORS.items() if error.given)
#: How long a request is followed after its arrival (simulated seconds); whatever isn't over by then is `unfinished`.
#: The most patient browsers and proxies give up after five minutes; twice that is longer than anybody waits.
FOLLOWED: Final = 600.0

#: The outcome of a call, as rows store it: this for success, else the position of its error in `ERRORS`, from 1.
SUCCESS: Final = 0
CODES: dict[str, int] = {name: code for code, name in enumerate(ERRORS, start=1)}
#: The errors by code; None for success.
BY_CODE: tuple[Error | None, ...] = (None, *ERRORS.values())


def unanswered(error: str, entry: str) -> str:
    """Return why an entry cannot fail with an error: users get an answer; empty if it can."""
    if ERRORS[error].answered:
        return ""
    right = ", ".join(name for name in GIVEN if ERRORS[name].answered)
    return f"{error} is nothing that users of {entry} would see; give it an error with an answer: {right}"

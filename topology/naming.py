"""Names that are written as one text: `SERVICE.OPERATION`, either of which may have dots of its own."""

from __future__ import annotations

from collections.abc import Container


def parts(name: str, services: Container[str]) -> tuple[str, str]:
    """The service and the operation that a name is of; the operation is empty if there is none.

    Parameters
    ----------
    name
        As in `database.select`, or `payments.v2.POST /pay`.
    services
        Names of services, of which none goes on from another one and a dot (`topology.loader`): so one at most fits.
        Where none does, the service is what comes before the first dot, whatever it was meant to be.
    """
    service = name
    while service not in services:
        service, dot, _ = service.rpartition(".")
        if not dot:
            service = name.partition(".")[0]
            break
    return service, name[len(service) + 1 :]


def goes_on(name: str, other: str) -> bool:
    """Whether a name is another one, a dot and more, so that it might as well be an operation of that."""
    return name.startswith(f"{other}.")

"""Names written as one text: `SERVICE.OPERATION`, where both parts may contain dots."""

from __future__ import annotations

from collections.abc import Container


def parts(name: str, services: Container[str]) -> tuple[str, str]:
    """Split a name into its service and its operation; the operation is empty if there is none.

    Parameters
    ----------
    name
        As in `database.select`, or `payments.v2.POST /pay`.
    services
        Names of services. None of them is another one followed by a dot and more (`topology.loader`), so at most one
        fits. If none does, the service is whatever comes before the first dot.
    """
    service = name
    while service not in services:
        service, dot, _ = service.rpartition(".")
        if not dot:
            service = name.partition(".")[0]
            break
    return service, name[len(service) + 1 :]


def goes_on(name: str, other: str) -> bool:
    """Whether `name` is `other` followed by a dot and more, so that it could as well name an operation of it."""
    return name.startswith(f"{other}.")

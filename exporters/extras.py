"""What needs a library that isn't installed with the core says which extra has it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from meshquake.topology.exceptions import MeshquakeError


class MissingExtraError(MeshquakeError):
    """Something needs a library that isn't installed."""


def load(module: str, extra: str | None, what: str) -> ModuleType:
    """Import a module that needs libraries of an extra.

    Parameters
    ----------
    module
        Its dotted name.
    extra
        The extra of this package that installs what it needs; None if the core does.
    what
        What needs it, for the message: "format parquet".

    Raises
    ------
    MissingExtraError
        If a library isn't there.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if extra is None or error.name is None:
            raise
        missing = error.name.partition(".")[0]
        raise MissingExtraError(f"{what} needs {missing}: pip install 'meshquake[{extra}]'") from None

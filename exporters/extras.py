"""Import modules that need optional libraries; if one is missing, say which extra installs it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from meshquake.topology.exceptions import MeshquakeError


class MissingExtraError(MeshquakeError):
    """A required library isn't installed."""


def load(module: str, extra: str | None, what: str) -> ModuleType:
    """Import a module that needs libraries of an extra.

    Parameters
    ----------
    module
        Its dotted name.
    extra
        The extra of this package that installs the libraries; None if the core does.
    what
        What needs the module, for the message: "format parquet".

    Raises
    ------
    MissingExtraError
        If a library isn't installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if extra is None or error.name is None:
            raise
        missing = error.name.partition(".")[0]
        raise MissingExtraError(f"{what} needs {missing}: pip install 'meshquake[{extra}]'") from None

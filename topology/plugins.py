"""Tables that installed packages can add to through entry points, without a fork.

A package declares in its own `pyproject.toml` what it adds, to which table, and under which name:

    [project.entry-points."meshquake.faults"]
    flap = "meshquake_flap:Flap"

Nothing is imported until somebody asks for it by name, so a package that is installed but not used costs nothing,
breaks nothing, and changes no run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from meshquake.topology.exceptions import MeshquakeError

T = TypeVar("T")

#: Names serve as keys in files and as names of folders.
NAME = re.compile(r"[a-z][a-z0-9_-]*")


class PluginError(MeshquakeError):
    """A package adds something that cannot be used; the message says in one line which package, what, and why."""


class Extensible(Mapping[str, T]):
    """A table by name: its own rows in their order, then those that installed packages add, sorted by name.

    Its keys are known without an import; a row from a package is imported when it's looked up.

    Parameters
    ----------
    group
        The group of entry points that add to it.
    own
        Its own rows.
    misfit
        Returns why an object cannot be the row of a name; empty if it can.
    reserved
        Names that mean something else wherever its rows are named.

    Attributes
    ----------
    own
        Its own rows.
    """

    def __init__(
        self, group: str, own: dict[str, T], misfit: Callable[[str, Any], str], reserved: Collection[str] = ()
    ) -> None:
        self.own = own
        self._group = group
        self._misfit = misfit
        self._reserved = reserved
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """Return a row; KeyError if there is none, PluginError if it's from a package and cannot be used."""
        added = self._added()
        if name in self.own:
            return self.own[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(added[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._added()

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self._added()

    def __len__(self) -> int:
        return len(self.own) + len(self._added())

    def packages(self, names: Iterable[str]) -> dict[str, str]:
        """Return the versions of the packages that these rows come from, by package; its own rows come from none."""
        points = (self._added().get(name) for name in names)
        return dict(sorted(_package(point) for point in points if point is not None))

    def _added(self) -> dict[str, EntryPoint]:
        added = offered(self._group)
        for name, point in added.items():
            if name in self.own or name in self._reserved:
                raise _refused(point, f"the name {name} is taken")
        return added

    def _load(self, point: EntryPoint) -> T:
        try:
            value: T = point.load()
        except Exception as error:
            raise _refused(point, f"cannot be imported: {type(error).__name__}: {error}") from error
        problem = self._misfit(point.name, value)
        if problem:
            raise _refused(point, problem)
        return value


@cache
def offered(group: str) -> dict[str, EntryPoint]:
    """Return what installed packages add to a table, sorted by name; PluginError if two use the same name."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points().select(group=group), key=lambda point: (point.name, *_package(point))):
        if not NAME.fullmatch(point.name):
            raise _refused(point, "a name must be lower case letters, digits, `-` and `_`, starting with a letter")
        if point.name in found:
            raise _refused(point, f"the name {point.name} is taken by {' '.join(_package(found[point.name]))}")
        found[point.name] = point
    return found


def of_type(base: type, word: str) -> Callable[[str, Any], str]:
    """Return a check that an object is a frozen dataclass derived from `base` whose attribute `word` is its name.

    The check takes the name and the object and returns what is wrong, empty if nothing is.
    """

    def misfit(name: str, value: Any) -> str:
        if not (isinstance(value, type) and issubclass(value, base)):
            return f"must be a class derived from meshquake.extending.{base.__name__}"
        if getattr(value, word, None) != name:
            return f"must have the name of its entry point: {word} = {name!r}"
        # An undecorated type inherits the decoration of its base, but has no keys of its own.
        parameters = vars(value).get("__dataclass_params__")
        return "" if parameters is not None and parameters.frozen else "must be a frozen dataclass"

    return misfit


def _package(point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of the package that an entry point belongs to."""
    assert point.dist is not None  # always known for those that `entry_points` finds
    return point.dist.name, point.dist.version


def _refused(point: EntryPoint, problem: str) -> PluginError:
    why = " ".join(problem.split())
    return PluginError(f"{' '.join(_package(point))}: {point.group}: {point.name} = {point.value}: {why}")

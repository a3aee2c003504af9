"""A change to the settings of a part of a mesh, as a topology file has them: the content of a configuration push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from meshquake.topology.binder import Settings, build, keys_of, overlay
from meshquake.topology.keys import Key
from meshquake.topology.spec import Edge, Service, Version
from meshquake.topology.units import UNITS

T = TypeVar("T")

#: Settings of a service that its processes read while they run. The others are fixed when a process starts.
LIVE = ("queue", "rate_limit", "readiness", "liveness", "startup", "startup_probe", "autoscale")
#: The same for a version that runs beside others: its share of the traffic, and its own autoscaler.
LIVE_OF_VERSION = ("weight", "autoscale")


@dataclass(frozen=True)
class Change:
    """New values of some keys of a type, and of blocks in it; all other keys stay as they are."""

    of: type
    values: tuple[tuple[str, Any], ...]

    @classmethod
    def made_of(cls, of: type, settings: Settings) -> Change:
        """Return the change that a block makes with the keys that it sets (`topology.binder.settings`)."""
        keys = keys_of(of)
        return cls(of, tuple((word, _nested(keys[word].grammar, value)) for word, value in settings.items()))

    def applied(self, spec: T) -> T:
        """Return a part of a mesh with the change applied."""
        kind = type(spec)
        fixed = {each.name: getattr(spec, each.name) for each in fields(spec)}  # type: ignore[arg-type]
        for key in keys_of(kind).values():
            del fixed[key.field]
        changed = build(kind, overlay(kind, _settings_of(spec), self.settings()), **fixed)
        assert changed is not None  # a complete part stays complete
        return changed

    def settings(self) -> Settings:
        """Return what it sets, in the binder's form."""
        return {word: value.settings() if isinstance(value, Change) else value for word, value in self.values}

    def paths(self) -> list[str]:
        """Return the keys that it sets, as in `retry.max_attempts`."""
        return list(_leaves(self))

    def texts(self) -> dict[str, Any]:
        """Return what it sets, as in a file."""
        keys = keys_of(self.of)
        return {
            word: value.texts() if isinstance(value, Change) else text(keys[word].grammar, value)
            for word, value in self.values
        }


def found(spec: Any, path: str) -> str:
    """Return the text of the setting at a path of a part of a mesh; `none` if it, or a block on the way, is absent."""
    word, _, rest = path.partition(".")
    key = keys_of(type(spec))[word]
    value = getattr(spec, key.field)
    return found(value, rest) if rest and value is not None else text(key.grammar, value)


def text(grammar: Key, value: Any, defaults: bool = False) -> str:
    """Return a value as written in a file, in one line; of a block, the keys that differ from their defaults.

    With `defaults`, keys at their defaults are included, except lists and what is off.
    """
    if value is None:
        return "none"
    if grammar.spec is not None:
        own = {word: (key, getattr(value, key.field)) for word, key in keys_of(type(value)).items()}
        pairs = [
            f"{word}: {text(key.grammar, each, defaults)}"
            for word, (key, each) in own.items()
            if each != key.default or (defaults and not key.grammar.many and each not in (None, False))
        ]
        return f"{{{', '.join(pairs)}}}"
    show = UNITS[grammar.unit].show
    return f"[{', '.join(map(show, value))}]" if grammar.many else show(value)


def immovable(of: type, word: str) -> str:
    """Return why a key of an edge or a service cannot be changed while the mesh runs; empty if it can."""
    if of is Edge and word == "latency":
        return "belongs to the network and is not a setting: use a delay fault to change it"
    if of is Edge and word == "policies":
        return "cannot change while the mesh runs: policies from packages are set up when it starts"
    if of is Service and word in keys_of(Service) and word not in LIVE:
        return f"cannot change while its processes run: only {', '.join(LIVE)} can"
    if of is Version and word in keys_of(Version) and word not in LIVE_OF_VERSION:
        return f"cannot change while its processes run: only {' and '.join(LIVE_OF_VERSION)} can"
    return ""


def _nested(grammar: Key, value: Any) -> Any:
    return Change.made_of(grammar.spec, value) if grammar.spec is not None and value is not None else value


def _settings_of(spec: Any) -> Settings:
    """Return the settings that make a part of a mesh."""
    values = {word: (key.grammar, getattr(spec, key.field)) for word, key in keys_of(type(spec)).items()}
    return {
        word: _settings_of(value) if grammar.spec is not None and value is not None else value
        for word, (grammar, value) in values.items()
    }


def _leaves(change: Change, before: str = "") -> Iterator[str]:
    for word, value in change.values:
        if isinstance(value, Change) and value.values:
            yield from _leaves(value, f"{before}{word}.")
        else:
            yield f"{before}{word}"

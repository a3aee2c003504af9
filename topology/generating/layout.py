"""The skeleton of a generated mesh: its services, their distance from the users, and their owners.

Services stand in levels: entries at 0, middle services at the least number of calls that lead to them. Each service
except the entries has an owner one level above, which it exists for; so calls reach every service, and none leads back
up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meshquake.topology.generating import figures, words
from meshquake.topology.generating.draws import Draws

ENTRY, MIDDLE, FUNCTION, EXTERNAL, CACHE, DATABASE = "entry", "middle", "function", "external", "cache", "database"
#: The kind of each role in a topology file.
KINDS: Final = {
    ENTRY: "gateway",
    MIDDLE: "service",
    FUNCTION: "service",
    EXTERNAL: "external",
    CACHE: "cache",
    DATABASE: "database",
}
#: The roles that store something.
STORES: Final = (CACHE, DATABASE)
#: Share of the middle services that have a subject of their own.
_NEW_SUBJECT: Final = 0.6


@dataclass(frozen=True)
class Member:
    """A service to be generated.

    Attributes
    ----------
    name, role
        Its name, and its role in the mesh.
    level
        The least number of calls from the users to it; entries are at 0.
    subject
        What it is about.
    owner
        The name of the service that it exists for; empty for an entry.
    """

    name: str
    role: str
    level: int
    subject: str
    owner: str = ""


@dataclass(frozen=True)
class Numbers:
    """The number of services of each role; for middle services, by level from 1 on."""

    entries: int
    middle: tuple[int, ...]
    functions: int
    externals: int
    caches: int
    databases: int

    @classmethod
    def of(cls, services: int, entries: int | None) -> Numbers:
        """Return the numbers for a mesh of this size, by published shares (`figures`); `entries` overrides theirs."""
        doors = max(1, round(figures.ENTRIES * services)) if entries is None else entries
        leaves = round(figures.LEAVES * services)
        databases = max(1, round(figures.DATABASES * leaves))
        caches = max(1, round(figures.CACHES * leaves))
        externals = round(figures.EXTERNALS * leaves)
        return cls(
            doors,
            _levels(services - doors - leaves),
            leaves - databases - caches - externals,
            externals,
            caches,
            databases,
        )


def members(numbers: Numbers, draws: Draws) -> tuple[Member, ...]:
    """Return all members: entries first, then level by level, then those that call nobody."""
    names = words.Names(draws)
    levels = [_entries(numbers.entries, names, draws)]
    for level, many in enumerate(numbers.middle, start=1):
        levels.append(_middle(level, many, levels[-1], names, draws))
    middle = [each for level in levels[1:] for each in level]
    leaves = [
        *_leaves(FUNCTION, numbers.functions, middle, words.FIRST_FUNCTIONS, words.FUNCTIONS, names, draws),
        *_leaves(EXTERNAL, numbers.externals, middle, words.FIRST_PROVIDERS, words.PROVIDERS, names, draws),
    ]
    # First a database for each keeper, the deepest first, as far as the databases go; then caches in front of them.
    keepers = sorted(middle, key=lambda each: draws.uniform("keeps", each.name) / each.level)
    databases = _stores(DATABASE, numbers.databases, keepers, words.DATABASES, names)
    caches = _stores(CACHE, numbers.caches, keepers, words.CACHES, names)
    return (*levels[0], *middle, *leaves, *caches, *databases)


def _levels(middle: int) -> tuple[int, ...]:
    """Return the number of middle services at each level: the published shares, but at least one at each level used."""
    levels: list[int] = []
    for share in figures.LEVELS:
        many = min(middle - sum(levels), max(1, round(share * middle)))
        if many:
            levels.append(many)
    levels[0] += middle - sum(levels)
    return tuple(levels)


def _entries(many: int, names: words.Names, draws: Draws) -> list[Member]:
    found = []
    for number in range(many):
        subject = draws.one(words.SUBJECTS, "entry", number)
        first = names.plain(words.FIRST_FRONTS[number]) if number < len(words.FIRST_FRONTS) else None
        name = first or names.of(subject, draws.shuffled(words.FRONTS, "front", number))
        found.append(Member(name, ENTRY, 0, subject))
    return found


def _middle(level: int, many: int, above: Sequence[Member], names: words.Names, draws: Draws) -> list[Member]:
    """Return the services of a level.

    Some owners in the level above have many services below them; half of the owners have at least one, if there are
    enough.
    """
    breadth = [1 / (1 - draws.uniform("breadth", each.name)) for each in above]
    cumulative = [sum(breadth[: place + 1]) for place in range(len(above))]
    waiting = draws.shuffled(above, "below", level)
    found = []
    for number in range(many):
        owner = waiting[number] if number < len(above) // 2 else above[draws.weighted(cumulative, level, number)]
        own = draws.chance(_NEW_SUBJECT, "subject", level, number) or not number
        subject = (names.subject() if own else None) or owner.subject
        name = names.plain(subject) or names.of(subject, draws.shuffled(words.FACETS, "facet", level, number))
        found.append(Member(name, MIDDLE, level, subject, owner.name))
    return found


def _leaves(
    role: str,
    many: int,
    above: Sequence[Member],
    first: Sequence[str],
    endings: Sequence[str],
    names: words.Names,
    draws: Draws,
) -> list[Member]:
    """Return services that store nothing and call nobody, each with an owner drawn from those above."""
    found = []
    for number in range(many):
        owner = draws.one(above, role, number)
        known = names.plain(first[number]) if number < len(first) else None
        name = known or names.of(owner.subject, draws.shuffled(endings, role, "name", number))
        found.append(Member(name, role, owner.level + 1, owner.subject, owner.name))
    return found


def _stores(
    role: str, many: int, keepers: Sequence[Member], endings: Sequence[str], names: words.Names
) -> list[Member]:
    """Return caches or databases, one for each keeper in turn."""
    owners = [keepers[number % len(keepers)] for number in range(many)]
    return [Member(names.of(each.name, endings), role, each.level + 1, each.subject, each.name) for each in owners]

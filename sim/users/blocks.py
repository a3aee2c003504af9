"""Blocks of request numbers, for those who share a run: no two of them have the same."""

from __future__ import annotations

from meshquake.topology.addresses import address
from meshquake.topology.exceptions import MeshquakeError


class Blocks:
    """Blocks that are given out by name.

    A name's block is that of a hash, so in every run of a seed it is the same, whoever else comes. If it has been given
    to another name, the next free one takes its place.

    Parameters
    ----------
    seed, what
        What addresses the hash: the run's seed, and a word for whom the blocks are for.
    count
        How many there are.
    """

    def __init__(self, seed: int, what: str, count: int) -> None:
        self._seed = seed
        self._what = what
        self._count = count
        self._names: dict[str, int] = {}
        self._taken: set[int] = set()

    def of(self, name: str) -> int:
        """Return the place of a name's block, from 0; the same one each time.

        Raises
        ------
        MeshquakeError
            If all blocks are taken.
        """
        if name not in self._names:
            if len(self._taken) == self._count:
                raise MeshquakeError(
                    f"{name}: the requests of at most {self._count:,} populations, and surges of them, can be told "
                    "apart: leave some out"
                )
            place = address(self._seed, self._what, name) % self._count
            while place in self._taken:
                place = (place + 1) % self._count
            self._taken.add(place)
            self._names[name] = place
        return self._names[name]

"""Reads the populations of a workload: blocks by name, each saying how its users arrive and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from meshquake.topology.binder import ByHand, bind, block
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.problems import suggestion
from meshquake.topology.replay import Replay, read
from meshquake.topology.shapes import SHAPES, Shape, Week, shape
from meshquake.topology.units import shown
from meshquake.topology.users import MOST_STEPS, USUAL, Bursts, Entry, Population, Step

#: Keys that say how users arrive; a population has exactly one of them.
_COME = ("rate", "users", "replay")
#: Keys that mean nothing for users who arrive regardless of answers and ask once.
_OF_SESSIONS = ("think_time", "away", "returns")


class PopulationLoader:
    """Reads the populations of a document.

    Parameters
    ----------
    document
        Collects the errors.
    mix
        Reads a mix.
    operation
        Returns the service and the operation that a text names; None, and an error at a node, if there is none.
    known
        The operations of each service, for the entries of a request file.
    folder
        The folder that paths of request files are relative to.
    replayed
        Request files that were scanned before, by their names in the document.
    """

    def __init__(
        self,
        document: Document,
        mix: Callable[[Node], tuple[Entry, ...]],
        operation: Callable[[str, Node], tuple[str, str] | None],
        known: Mapping[str, Mapping[str, None]],
        folder: Path,
        replayed: Mapping[str, Replay],
    ) -> None:
        self._document = document
        self._mix = mix
        self._operation = operation
        self._known = known
        self._folder = folder
        self._replayed = replayed

    def read(self, node: Node) -> tuple[Population, ...]:
        """Return the populations of a block."""
        entries = block(self._document, node)
        if node.kind == "map" and not entries:
            self._document.error(node, "needs at least one population")
        found = [self._population(name, entry) for name, entry in entries.items()]
        return tuple(each for each in found if each is not None)

    def _population(self, name: str, node: Node) -> Population | None:
        if name == USUAL:
            self._document.error(node, f"no population can be called {USUAL}: that is for the users of rate and mix")
        times = partial(distribution, self._document)
        by_hand: ByHand = {
            "replay": self._replay,
            "mix": self._mix,
            "journey": self._journey,
            "over_time": self._over_time,
            **dict.fromkeys(("think_time", "away", "patience", "retry_after"), times),
        }
        before = len(self._document.problems)
        found = bind(self._document, Population, node, by_hand, name=name)
        if found is None or len(self._document.problems) > before or node.kind != "map":
            return None
        come = [word for word in _COME if word in node.entries]
        if len(come) != 1:
            self._document.error(node, f"must have one of {', '.join(_COME)}")
        elif come == ["replay"]:
            for word in node.entries:
                if word not in ("replay", "over_time"):
                    self._document.error(node.entries[word], "does not apply to users replayed from a file")
        elif ("mix" in node.entries) == ("journey" in node.entries):
            self._document.error(node, "must have either a mix or a journey")
        elif not found.answers_matter:
            for word in (word for word in _OF_SESSIONS if word in node.entries):
                self._document.error(node.entries[word], "has no effect without a journey, patience or retry")
        elif found.users is not None and "returns" in node.entries:
            self._document.error(node.entries["returns"], "is only for open users: closed ones always come back")
        if found.journey and not any(step.chance for step in found.journey if not step.needs):
            self._document.error(node.entries["journey"], "has no step that anybody takes: give one a chance above 0%")
        if found.reload and found.patience is None:
            self._document.error(node.entries["reload"], "needs patience beside it")
        if found.obeys_retry_after and not found.retry:
            self._document.error(
                node.entries["obeys_retry_after"], "needs retry beside it: only users who retry can wait"
            )
        return None if len(self._document.problems) > before else found

    def _journey(self, node: Node) -> tuple[Step, ...] | None:
        if node.kind != "list" or not node.items:
            self._document.error(node, f"must be a list of steps, as in [web.home, web.pay], not {node}")
            return None
        if len(node.items) > MOST_STEPS:
            self._document.error(node, f"has {len(node.items)} steps; at most {MOST_STEPS} are allowed")
            return None
        steps: list[Step] = []
        for item in node.items:
            step = self._step(item)
            if step is None:
                return None
            if step.needs and step.needs not in map(str, steps):
                names = list(map(str, steps))
                message = f"must be an earlier step, not {shown(step.needs)}{suggestion(step.needs, names)}"
                self._document.error(item, message)
            steps.append(step)
        return tuple(steps)

    def _step(self, node: Node) -> Step | None:
        if node.kind == "scalar":
            names = self._operation(node.text, node)
            return None if names is None else Step(*names)
        if node.kind != "map" or len(node.entries) != 1:
            self._document.error(node, f"must be one step, as in web.home or {{web.pay: {{chance: 50%}}}}, not {node}")
            return None
        ((target, keys),) = node.entries.items()
        names = self._operation(target, keys)
        return None if names is None else bind(self._document, Step, keys, service=names[0], operation=names[1])

    def _over_time(self, node: Node) -> Shape | Bursts | None:
        if list(node.entries) != [Bursts.word]:
            return shape(self._document, node, (*SHAPES.values(), Week), also=(Bursts.word,))
        times = partial(distribution, self._document)
        found = bind(self._document, Bursts, node.entries[Bursts.word], {"on": times, "off": times})
        if found is not None and found.on.expectation() + found.off.expectation() <= 0:
            self._document.error(node.entries[Bursts.word], "must be on or off for longer than 0")
            return None
        return found

    def _replay(self, node: Node) -> Replay | None:
        if node.kind != "scalar" or node.is_empty:
            self._document.error(node, f"must be a file of requests, as in requests.csv, not {node}")
            return None
        entries = [f"{service}.{name}" for service, operations in self._known.items() for name in operations]
        found = self._replayed.get(node.text) or read(node.text, self._folder / node.text, entries)
        if not isinstance(found, Replay):
            self._document.problems += found
            return None
        for entry in found.counts:
            if entry not in entries:
                message = f"has requests for {shown(entry)}, but there is no such operation{suggestion(entry, entries)}"
                self._document.error(node, message)
        return found

"""Reads a distribution of times: `10ms`, or a word with its parameters, as in `{lognormal: {median: 4ms, sigma: 0.6}}`.

A mixture is a list of such blocks, each with a weight beside its word.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from functools import partial

from meshquake.topology.binder import ByHand, bind, keys_of, read
from meshquake.topology.distributions import DISTRIBUTIONS, Constant, Distribution, Mixture
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key, key


@dataclass(frozen=True)
class Alone:
    """A distribution that is not part of a mixture: nothing may stand beside its word."""


@dataclass(frozen=True)
class Part:
    """One part of a mixture."""

    weight: float = key("ratio", "its weight; the weights need not add up to 1", low=0, high=1e9)


def distribution(document: Document, node: Node, unit: str = "duration") -> Distribution | None:
    """Read a distribution from a node; None, and errors, if it's refused.

    For a distribution of something other than times, such as plain numbers, parameters are in `unit`.
    """
    if node.kind == "scalar":
        return bind(document, Constant, node, _parameters(document, Constant, unit))
    bind(document, Alone, node, also=DISTRIBUTIONS)
    return _by_word(document, node, unit)


def _parameters(document: Document, kind: type[Distribution], unit: str) -> ByHand:
    """Return readers for the parameters that are times, which read them in another unit."""

    def value(grammar: Key, node: Node) -> object:
        found = read(document, grammar, node)
        return None if found is MISSING else found

    times = {word: key.grammar for word, key in keys_of(kind).items() if key.grammar.unit == "duration" != unit}
    return {word: partial(value, replace(grammar, unit=unit)) for word, grammar in times.items()}


def _by_word(document: Document, node: Node, unit: str) -> Distribution | None:
    words = [word for word in node.entries if word in DISTRIBUTIONS]
    if len(words) != 1:
        # A misspelt word has been reported already.
        if node.kind == "map" and (words or node.entries.keys() <= {"weight"}):
            document.error(node, f"must have exactly one of {', '.join(DISTRIBUTIONS)}")
        return None
    parameters = node.entries[words[0]]
    if words[0] == Mixture.word:
        return _mixture(document, parameters, unit)
    kind = DISTRIBUTIONS[words[0]]
    if parameters.kind == "scalar" and not parameters.is_empty and not hasattr(kind, "shorthand"):
        first = next(iter(keys_of(kind)))
        document.error(parameters, f"must be a block of keys, as in {{{first}: 2ms}}, not {parameters}")
        return None
    return bind(document, kind, parameters, _parameters(document, kind, unit))


def _mixture(document: Document, node: Node, unit: str) -> Mixture | None:
    if node.kind != "list" or not node.items:
        document.error(node, f"must be a list of distributions, each with its weight, not {node}")
        return None
    parts = [(bind(document, Part, item, also=DISTRIBUTIONS), _by_word(document, item, unit)) for item in node.items]
    whole = [(part.weight, times) for part, times in parts if part is not None and times is not None]
    if len(whole) < len(parts):
        return None
    weights, distributions = zip(*whole, strict=True)
    if not any(weights):
        document.error(node, "at least one weight must be more than 0")
        return None
    return Mixture(weights, distributions)

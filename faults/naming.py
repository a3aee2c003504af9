"""The kinds of fault and action that a file names, by their current or former words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from meshquake.faults.actions import action_kinds
from meshquake.faults.fault import Cause, Fault
from meshquake.faults.kinds import fault_kinds, renamed
from meshquake.topology.document import Document, Node
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown


@dataclass(frozen=True)
class Words:
    """The words for the kinds in one of a scenario's lists; `what` says what these are kinds of."""

    what: str
    kinds: Callable[[], Mapping[str, type[Cause]]]
    renamed: Callable[[], Mapping[str, str]]

    def get(self, word: str) -> type[Cause] | None:
        """Return the kind that a word stands for; None if there is none."""
        return self.kinds().get(self.renamed().get(word, word))


FAULTS: Final = Words("fault", fault_kinds, renamed)
ACTIONS: Final = Words("action", action_kinds, dict)
#: The lists of a scenario, and what is in each.
LISTS: Final = {"faults": FAULTS, "background": FAULTS, "actions": ACTIONS}


def named(document: Document, node: Node, word: str, others: Collection[str] = ()) -> type[Fault] | None:
    """Return the kind of fault that a word stands for; None, and an error, if it stands for none.

    See `named_of` for the parameters.
    """
    kind = named_of(FAULTS, document, node, word, others)
    assert kind is None or issubclass(kind, Fault)
    return kind


def named_of(
    words: Words, document: Document, node: Node, word: str, others: Collection[str] = ()
) -> type[Cause] | None:
    """Return the kind that a word stands for; None, and an error, if it stands for none.

    If the kind has been renamed, the document gets one warning.

    Parameters
    ----------
    words
        The known words.
    document
        Gets the error or the warning.
    node
        The node to blame.
    word
        The word.
    others
        Other words that may stand there, for the suggestion.
    """
    known = words.renamed()
    if word in known:
        message = f"{word} is now called {known[word]}"
        if all(problem.message != message for problem in document.problems):
            document.warn(node, message)
    elif word not in words.kinds():
        message = f"unknown kind of {words.what} {shown(word)}{suggestion(word, [*words.kinds(), *others])}"
        document.error(node, message)
        return None
    return words.get(word)

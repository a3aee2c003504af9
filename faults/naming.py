"""The kinds of fault and of action that a file names, by the words of today or of before."""

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
    """The words for the kinds of what is in one of a scenario's lists; `what` says what that is."""

    what: str
    kinds: Callable[[], Mapping[str, type[Cause]]]
    renamed: Callable[[], Mapping[str, str]]

    def get(self, word: str) -> type[Cause] | None:
        """The kind that a word stands for; None if there is none."""
        return self.kinds().get(self.renamed().get(word, word))


FAULTS: Final = Words("fault", fault_kinds, renamed)
ACTIONS: Final = Words("action", action_kinds, dict)
#: The lists of a scenario, and what is in each.
LISTS: Final = {"faults": FAULTS, "background": FAULTS, "actions": ACTIONS}


def named(document: Document, node: Node, word: str, others: Collection[str] = ()) -> type[Fault] | None:
    """The kind of fault that a word stands for; None, and an error, if it stands for none.

    See `named_of` for the parameters.
    """
    kind = named_of(FAULTS, document, node, word, others)
    assert kind is None or issubclass(kind, Fault)
    return kind


def named_of(
    words: Words, document: Document, node: Node, word: str, others: Collection[str] = ()
) -> type[Cause] | None:
    """What a word stands for; None, and an error, if it stands for none.

    Of a kind that has another name now a warning tells, once a document.

    Parameters
    ----------
    words
        The words that there are.
    document
        Gets the error or the warning.
    node
        What to blame.
    word
        The word.
    others
        Words that may stand there besides, for the suggestion.
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

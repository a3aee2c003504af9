"""The kinds of fault that a file names, by the words of today or of before."""

from __future__ import annotations

from collections.abc import Collection

from meshquake.faults.fault import Fault
from meshquake.faults.kinds import fault_kinds, renamed
from meshquake.topology.document import Document, Node
from meshquake.topology.problems import suggestion
from meshquake.topology.units import shown


def named(document: Document, node: Node, word: str, others: Collection[str] = ()) -> type[Fault] | None:
    """The kind of fault that a word stands for; None, and an error, if it stands for none.

    Of a kind that has another name now a warning tells, once a document.

    Parameters
    ----------
    document
        Gets the error or the warning.
    node
        What to blame.
    word
        The word.
    others
        Words that may stand there besides, for the suggestion.
    """
    kinds, known = fault_kinds(), renamed()
    if word in known:
        message = f"{word} is now called {known[word]}"
        if all(problem.message != message for problem in document.problems):
            document.warn(node, message)
    elif word not in kinds:
        message = f"unknown kind of fault {shown(word)}{suggestion(word, [*kinds, *others])}"
        document.error(node, message)
        return None
    return kinds[known.get(word, word)]

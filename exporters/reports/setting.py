"""Write a parameter value from an answer key on one line, as it stands in a scenario file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import DISTRIBUTIONS
from meshquake.topology.keys import Key
from meshquake.topology.shapes import SHAPES
from meshquake.topology.units import UNITS, ratio

#: Text that YAML reads as itself anywhere; all other text is quoted.
_PLAIN = re.compile(r"[\w./%+-]+(?: [\w./%+-]+)*")


def setting(word: str, grammar: Key, value: Any) -> str:
    """Return the text of a value.

    Parameters
    ----------
    word, grammar
        The name of its key, and the grammar.
    value
        The value in the answer key: durations in seconds, shares from 0 to 1, blocks by key, variants by their word.
    """
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        if grammar.varies:
            return _block(_distribution(grammar.unit, value))
        if word == "shape":
            return _block({each: _keys(SHAPES.get(each), of) for each, of in value.items()})
        return _text(value) if grammar.spec is None else _keys(grammar.spec, value, shorten=False)
    if grammar.many:
        return f"[{', '.join(setting(word, replace(grammar, many=False), each) for each in value)}]"
    if grammar.unit == "portion" or grammar.unit not in UNITS:
        return _text(value)
    text = UNITS[grammar.unit].show(value)
    return _quoted(text) if grammar.unit == "text" else text


def _distribution(unit: str, value: Mapping[str, Any]) -> dict[str, str]:
    """Return the word of a distribution and its parameters; for a mixture, each part with its weight."""
    texts = {}
    for word, of in value.items():
        if word == "weight":
            texts[word] = ratio(of)
        elif isinstance(of, list):
            texts[word] = f"[{', '.join(_block(_distribution(unit, part)) for part in of)}]"
        else:
            texts[word] = _keys(DISTRIBUTIONS.get(word), of, unit)
    return texts


def _keys(kind: type | None, values: Any, unit: str = "duration", shorten: bool = True) -> str:
    """Write the keys of a block, or its shorthand if `shorten` is set and all other keys are at their defaults.

    In a distribution of anything but times, the parameters that otherwise are times have its unit. Values that `kind`
    does not know, or whose package is not installed here, are written as they are.
    """
    keys = {} if kind is None else keys_of(kind)
    if not isinstance(values, Mapping) or not values.keys() <= keys.keys():
        return _text(values)
    texts = {}
    for word, value in values.items():
        grammar, default = keys[word].grammar, keys[word].default
        if value != default or not shorten:
            own = replace(grammar, unit=unit) if grammar.unit == "duration" else grammar
            texts[word] = setting(word, own, value)
    short = getattr(kind, "shorthand", None) if shorten else None
    return texts[short] if short is not None and list(texts) == [short] else _block(texts)


def _text(value: Any) -> str:
    """Write a value without a grammar: in a change of settings, for example, the values are texts already."""
    if isinstance(value, Mapping):
        return _block({word: _text(each) for word, each in value.items()})
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _block(texts: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{word}: {text}' for word, text in texts.items())}}}"


def _quoted(text: str) -> str:
    """Quote a text if YAML or the loader would read it as something else."""
    return text if _PLAIN.fullmatch(text) and text != "none" else "'" + text.replace("'", "''") + "'"

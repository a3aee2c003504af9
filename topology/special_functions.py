"""Special functions from scipy, at a hundredth of what it costs to import `scipy.special`.

That package wraps each of its functions for arrays of other libraries, writes new docstrings for them, and imports most
of numpy to do so: a quarter of a command's startup time. The functions themselves are in one of its extension modules,
which needs none of that. So while that module is imported, an empty module stands in for the package; whoever imports
`scipy.special` later gets all of it. If a version of scipy keeps the functions elsewhere, they are imported from their
documented place.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

import scipy

_PACKAGE = "scipy.special"


def _functions() -> ModuleType:
    """Return the module that has the functions."""
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    found = PathFinder.find_spec(_PACKAGE, scipy.__path__)
    if found is None or found.submodule_search_locations is None:
        return import_module(_PACKAGE)
    aside = ModuleType(_PACKAGE)
    aside.__path__ = list(found.submodule_search_locations)
    sys.modules[_PACKAGE] = aside
    try:
        return import_module(f"{_PACKAGE}._ufuncs")
    except ImportError:
        pass
    finally:
        del sys.modules[_PACKAGE]
    return import_module(_PACKAGE)


_found = _functions()
#: The quantile function of the normal distribution.
ndtri: Any = _found.ndtri
#: The logistic function.
expit: Any = _found.expit
#: The inverse of the regularised lower incomplete gamma function.
gammaincinv: Any = _found.gammaincinv
#: The logarithm of the absolute value of the gamma function.
gammaln: Any = _found.gammaln
#: The probability of more than a given number of successes in a number of trials (binomial distribution).
bdtrc: Any = _found.bdtrc

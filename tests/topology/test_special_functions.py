"""Special functions, without their dependencies."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.special

from meshquake.topology import special_functions

ARGUMENTS = {
    "ndtri": (np.linspace(0, 1, 1001),),
    "expit": (np.linspace(-40, 40, 1001),),
    "gammaincinv": (2.5, np.linspace(0, 1, 1001)),
    "gammaln": (np.linspace(0.1, 1e6, 1001),),
    "bdtrc": (np.arange(20.0), 20, 0.01),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_gives_the_same_bits_as_where_scipy_documents_it(name):
    ours, theirs = getattr(special_functions, name), getattr(scipy.special, name)
    assert ours(*ARGUMENTS[name]).tobytes() == theirs(*ARGUMENTS[name]).tobytes()


def test_scipy_special_is_whole_for_who_imports_it_later():
    code = """
import sys
from meshquake.topology.special_functions import ndtri
assert "scipy.special" not in sys.modules
import scipy.special, scipy.stats
assert scipy.special.ndtri(0.3) == ndtri(0.3) and scipy.special.__all__
print(round(scipy.stats.norm.ppf(0.975), 2))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "1.96\n"


def test_of_a_scipy_that_has_them_elsewhere_they_are_taken_from_where_it_documents_them():
    code = """
import sys
class Elsewhere:
    def find_spec(self, name, path, target=None):
        if name == "scipy.special._ufuncs" and not hasattr(sys.modules["scipy.special"], "__file__"):
            raise ImportError
sys.meta_path.insert(0, Elsewhere())
from meshquake.topology.special_functions import ndtri
assert ndtri is sys.modules["scipy.special"].ndtri
print(round(float(ndtri(0.975)), 2))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "1.96\n"

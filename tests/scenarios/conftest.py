"""What a scenario must show holds for each of these seeds; a test module says by `SCENARIO` of which scenario it is.

What is exact (nothing fails but what the fault makes fail) is asked of an even mesh, where nothing happens by itself:
a module says so by `EVEN`. That users are harmed and then it is over holds on the mesh as it is.
"""

import pytest
from patience import every
from recording import play

SEEDS = every((42, 1, 2, 3, 4, 5), usual=(42, 1))


# A fixture of the module, so that pytest runs all its tests with one seed before those with the next.
@pytest.fixture(scope="module", params=SEEDS)
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def run(request, seed):
    return play(request.module.SCENARIO, seed, even=getattr(request.module, "EVEN", False))

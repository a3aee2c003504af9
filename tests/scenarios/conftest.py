"""The expectations of a scenario hold for each of these seeds; a test module names its scenario in `SCENARIO`.

Exact expectations (nothing fails except because of the fault) use an even mesh without background activity, which a
module requests with `EVEN`. That users are harmed and then recover holds on the mesh as it is.
"""

import pytest
from patience import every
from recording import play

SEEDS = every((42, 1, 2, 3, 4, 5), usual=(42, 1))


# Module scope, so that pytest runs all tests of a module with one seed before those with the next.
@pytest.fixture(scope="module", params=SEEDS)
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def run(request, seed):
    return play(request.module.SCENARIO, seed, even=getattr(request.module, "EVEN", False))

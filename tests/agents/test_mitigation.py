"""Ten incidents that can be mended: the right remedy averts harm, doing nothing none, and hiding it never pays."""

import pytest
from mending import HALF, MENDINGS, NOBODY, at
from patience import every

from meshquake.sim.simulation import Simulation
from meshquake.truth.relief import harm_of


@pytest.fixture(scope="module", params=every(MENDINGS, ("cascade", "release", "setting")))
def harms(request):
    """Return the harm with the right remedy, none, a wrong one, and users turned away, from the first alert on."""
    mending = MENDINGS[request.param]
    incident = mending.live()
    assert incident.until_alert()
    now, script = incident.now, incident.script
    done = {
        "right": [at(incident, now + after, name, arguments) for after, name, arguments in mending.right],
        "nothing": [],
        "wrong": [at(incident, now, *mending.wrong)],
        "half": [at(incident, now, *HALF)],
        "nobody": [at(incident, now, *NOBODY)],
    }
    runs = [Simulation.of(script.with_actions(actions)) for actions in done.values()]
    twin = runs[1].without([fault.id for fault in runs[1].scenario.faults])
    return dict(zip(done, harm_of(runs, twin), strict=True))


def test_the_right_remedy_averts_at_least_half_of_the_harm(harms):
    assert harms["right"].total <= harms["nothing"].total / 2


def test_a_wrong_remedy_averts_next_to_nothing(harms):
    assert harms["wrong"].total >= 0.9 * harms["nothing"].total


def test_turning_users_away_is_seen_in_what_they_were_promised_and_gains_nothing(harms):
    assert harms["nobody"].total > harms["nothing"].total
    # Every user turned away is harmed, so letting half of them in harms fewer.
    assert harms["nothing"].total * 0.6 < harms["half"].total < harms["nobody"].total

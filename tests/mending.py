"""Ten short incidents, with right and wrong remedies for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.mitigation.remedies import remedy
from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.topology.units import duration

OPTIONS = Options(seed=7, lead_in=15, duration=40, recovery=10, rate=20, confounders="none")
#: A rate limit that turns away nearly every user, or half of them.
NOBODY, HALF = (
    ("set_policy", {"target": "api-gateway", "settings": {"rate_limit": limit}})
    for limit in (
        {"max_tokens": 1, "fill_interval": "10s"},
        {"max_tokens": 3, "tokens_per_fill": 3, "fill_interval": "1s"},
    )
)


@dataclass(frozen=True)
class Mending:
    """An incident, either a shipped scenario or a fault as in a scenario file, and its remedies.

    `right` holds the remedies that help, each some seconds after the first alert; `wrong` is one that doesn't.
    """

    incident: str
    right: list[tuple[int, str, dict[str, Any]]]
    wrong: tuple[str, dict[str, Any]] = field(default=("restart", {"target": "notification-service"}))

    @property
    def loaded(self):
        """The scenario and its mesh."""
        if self.incident in shipped():
            return load(shipped()[self.incident], OPTIONS)
        return parse(f"name: incident\nfaults: [{{{self.incident}}}]\n", "incident.yaml", OPTIONS)

    def live(self, **settings):
        """Return the incident in progress."""
        return LiveIncident(self.loaded, OPTIONS, **{"takes": 0, **settings})


def mended(target, after=0):
    """Return the remedy that removes the fault at a target."""
    return (after, "toggle_flag", {"target": target})


MENDINGS = {
    "cascade": Mending("cascade", [mended("database")], ("scale", {"target": "order-service", "replicas": 6})),
    "degradation": Mending("degradation", [mended("inventory-service")], ("restart", {"target": "product-service"})),
    "deployment": Mending(
        "deployment", [(0, "roll_back", {"target": "product-service"})], ("restart", {"target": "database"})
    ),
    # Removing the fault once is not enough: its listener fails later.
    "outage": Mending("outage", [mended("database"), mended("database", 17)]),
    "release": Mending(
        "deploy: {target: order-service, share: 80%, patience: none}",
        [(0, "roll_back", {"target": "order-service"})],
        ("restart", {"target": "order-service"}),
    ),
    "replica": Mending(
        'fail: {target: "product-service[1]", share: 90%}',
        [(0, "drain", {"target": "product-service[1]"})],
        ("drain", {"target": "product-service[0]"}),
    ),
    "refuse": Mending("refuse: {target: database}", [mended("database")], ("roll_back", {"target": "database"})),
    "hog": Mending(
        "hog_cpu: {target: product-service, share: 97%}",
        [(0, "scale", {"target": "product-service", "replicas": 12})],
        ("set_policy", {"target": "api-gateway -> product-service", "settings": {"timeout": "10s"}}),
    ),
    "drop": Mending(
        "drop: {target: order-service -> database, share: 60%}",
        [mended("order-service -> database")],
        ("drain", {"target": "database[0]"}),
    ),
    "setting": Mending(
        "flip: {target: order-service -> database, set: {timeout: 2ms}}",
        [(0, "set_policy", {"target": "order-service -> database", "settings": {"timeout": "800ms"}})],
        ("scale", {"target": "database", "replicas": 4}),
    ),
}


def at(incident, when, name, arguments):
    """Return a remedy as an action of a scenario, at a simulated time."""
    kind, keys = remedy(name, arguments)
    return kind, {**keys, "at": duration(round(when - incident.script.scenario.lead_in, 3))}

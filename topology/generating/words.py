"""Names of services and operations: words of our own, by role. None is a company or a product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Final

from meshquake.topology.generating.draws import Draws


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: What a shop of any size is about: names of middle services, and first halves of other names.
SUBJECTS: Final = _listed(
    "account address availability balance banner basket billing booking brand bundle campaign cart catalog category "
    "checkout claim comment consent contact content contract coupon credit customer delivery deposit discount dispatch "
    "document draft event exchange experiment favorite feed filter fraud freight fulfilment gift group image inbox "
    "incident installment insurance inventory invitation invoice item journey label layout ledger license listing "
    "location loyalty mailing manifest membership menu merchant message navigation note notification offer onboarding "
    "order page parcel partner passenger payment payout permission pickup plan policy portfolio preference price "
    "product profile promotion quota quote ranking rating receipt recommendation refund region registration reminder "
    "report reservation return review reward route schedule search seat segment seller session shipment shipping "
    "signup stock store story subscription suggestion supplier support survey tax ticket timeline tracking transfer "
    "trip vehicle video voucher wallet warehouse warranty watchlist wishlist"
)
#: What a subject splits into.
FACETS: Final = _listed(
    "service manager rules engine history search index planner resolver aggregator policy status matcher assembler "
    "registry limits summary enricher scheduler router details lookup worker orchestrator"
)
#: Endings that follow a subject, by role.
FRONTS: Final = ("web", "api", "mobile-api", "bff", "partner-api", "admin-web", "graph-api")
FUNCTIONS: Final = ("calculator", "validator", "scorer", "formatter", "renderer", "parser", "converter", "encoder")
PROVIDERS: Final = ("provider", "network", "relay", "bureau")
CACHES: Final = ("cache", "view-cache", "hot-cache")
DATABASES: Final = ("db", "events-db", "archive-db", "read-db", "audit-db")
#: Names that are used first, once in every mesh, before subjects.
FIRST_FRONTS: Final = ("storefront", "mobile-api", "partner-api", "back-office")
FIRST_FUNCTIONS: Final = (
    "feature-flags",
    "id-generator",
    "currency-rates",
    "geo-lookup",
    "translations",
    "token-check",
)
FIRST_PROVIDERS: Final = ("card-network", "mail-relay", "text-message-relay", "carrier-rates", "address-bureau")

#: Names of operations.
READS: Final = ("get", "list", "search", "check", "count", "resolve", "preview", "compare", "estimate", "history")
PAGES: Final = ("home", "search", "details", "overview", "history", "settings", "compare", "inbox", "favorites", "help")
WRITES: Final = ("create", "update", "submit", "cancel", "reserve", "confirm", "import", "merge")


class Names:
    """Hands out names, each once."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._taken: set[str] = set()
        self._subjects = iter(draws.shuffled(SUBJECTS, "subjects"))

    def subject(self) -> str | None:
        """Return a subject that has no service yet; None if all have one."""
        return next(self._subjects, None)

    def plain(self, name: str) -> str | None:
        """Return the name; None if it is taken."""
        return None if name in self._taken else self._give((name,))

    def of(self, base: str, endings: Sequence[str]) -> str:
        """Return a name such as `cart-db`: a subject or an owner, and the first ending that is free."""
        numbered = (f"{base}-{ending}-{number}" for number in count(2) for ending in endings)
        return self._give(chain((f"{base}-{ending}" for ending in endings), numbered))

    def _give(self, names: Iterable[str]) -> str:
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        return name

"""The service that a span's operation belongs to, and that service's name for it."""

import polars as pl
import pytest

from meshquake.exporters.columns.operations import called, callee, operation

SPANS = {
    "server": ("user-service", "user-service.get_user", "server", "api-gateway", "user-service", "get_user"),
    "of a user": ("api-gateway", "api-gateway.home", "server", None, "api-gateway", "home"),
    "client": ("user-service", "database.select", "client", "database", "database", "select"),
    "dots in both": ("shop.web", "shop.cart.Cart.v1/Add", "client", "shop.cart", "shop.cart", "Cart.v1/Add"),
    "a name in the name": ("a", "a.a.a", "server", "b", "a", "a.a"),
    "like a pattern": ("axb", "axb.axb.get", "server", None, "axb", "axb.get"),
    "a call to itself": ("a", "a.go", "client", "a", "a", "go"),
}


@pytest.mark.parametrize("case", SPANS)
def test_a_callee_and_its_operation_are_told_apart_by_the_service_and_not_by_dots(case):
    service, whole, kind, peer, *both = SPANS[case]
    span = {"service": service, "operation": whole, "kind": kind, "peer": peer}
    assert called(span) == tuple(both)
    row = pl.DataFrame([span], schema=dict.fromkeys(span, pl.String)).select(callee().alias("callee"), operation())
    assert row.rows() == [tuple(both)]

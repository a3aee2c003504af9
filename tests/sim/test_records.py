"""Records have the shape of the examples in the original request: base fields, order and JSON types."""

import pytest

import meshquake

#: One of each kind: its base fields, then the others.
METRIC = (
    {
        "timestamp": "2024-01-15T10:30:00.000000+00:00",
        "service": "api-gateway",
        "metric": "cpu_usage",
        "value": 45.2,
        "unit": "%",
    },
    {"replica": "api-gateway-0", "target": "user-service"},
)
LOG = (
    {
        "timestamp": "2024-01-15T10:30:00.000000+00:00",
        "service": "user-service",
        "level": "INFO",
        "message": "Handled get_user in 4.2 ms",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    },
    {"span_id": "00f067aa0ba902b7", "logger": "handler", "replica": "user-service-0"},
)
TRACE = (
    {
        "timestamp": "2024-01-15T10:30:00.000000+00:00",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "parent_span_id": "53995c3f42cd8ad8",
        "service": "user-service",
        "operation": "user-service.get_user",
        "duration_ms": 45.3,
        "status": "success",
    },
    {
        "kind": "server",
        "error_type": "timeout",
        "status_code": 200,
        "peer": "api-gateway",
        "replica": "user-service-0",
        "version": "1.0.0",
        "attempt": 1,
        "attributes": {"user.id": "291937"},
    },
)
#: Fields that some records of a kind lack.
OPTIONAL = {"metrics": set(), "logs": set(), "traces": {"attributes"}, "events": set()}
EVENT = (
    {
        "timestamp": "2024-01-15T10:30:00.000000+00:00",
        "type": "deployment",
        "service": "api-gateway",
        "details": "Deploying new version to api-gateway",
        "severity": "info",
        "version": "1.1.0",
    },
    {"replica": "api-gateway-0", "attributes": {"previous": "1.0.0", "replicas": 3, "strategy": "rolling"}},
)
EXAMPLES = {"metrics": METRIC, "logs": LOG, "traces": TRACE, "events": EVENT}
#: Fields that may be null: outside any request, at its root, without an error, for a service as a whole.
NULLABLE = {
    "metrics": {"replica", "target"},
    "logs": {"trace_id", "span_id", "replica"},
    "traces": {"parent_span_id", "error_type", "peer", "replica", "version"},
    "events": {"version", "replica"},
}


@pytest.fixture(scope="module")
def run():
    """Return the records by kind of a deployment that goes wrong."""
    return dict(zip(EXAMPLES, meshquake.deployment(seed=42, lead_in=10, duration=30, recovery=10), strict=True))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_record_has_the_fields_of_the_example_in_its_order_and_types(kind, run):
    base, more = EXAMPLES[kind]
    example = {**base, **more}
    types = {name: {type(value), *([type(None)] if name in NULLABLE[kind] else [])} for name, value in example.items()}
    found = {name: set() for name in example}
    for record in run[kind]:
        assert list(record) == [name for name in example if name in record or name not in OPTIONAL[kind]]
        for name, value in record.items():
            found[name].add(type(value))
    assert all(found[name] <= types[name] for name in example)
    assert all(type(value) in found[name] for name, value in example.items())


def test_an_event_tells_in_a_sentence_what_happened_and_has_the_values_besides(run):
    (deployed,) = [each for each in run["events"] if (each["type"], each["version"]) == ("deployment", "2.0.0")]
    assert deployed == {
        "timestamp": deployed["timestamp"],
        "type": "deployment",
        "service": "product-service",
        "details": "Deployment of product-service 2.0.0 (was 1.0.0)",
        "severity": "info",
        "version": "2.0.0",
        "replica": None,
        "attributes": {"previous": "1.0.0", "replicas": 3, "strategy": "rolling"},
    }
    for event in run["events"]:
        assert event["details"] not in event["attributes"].values() and "message" not in event["attributes"]


def test_an_operation_has_its_service_and_that_of_a_call_is_the_callees(run):
    shown = {(span["kind"], span["service"], span["peer"], span["operation"]) for span in run["traces"]}
    assert ("server", "user-service", "api-gateway", "user-service.get") in shown
    assert ("client", "user-service", "database", "database.select") in shown
    assert ("server", "api-gateway", None, "api-gateway.checkout") in shown
    mesh = {
        "api-gateway": {"browse", "product_page", "get_user", "checkout", "order_history"},
        "auth-service": {"verify"},
        "user-service": {"get", "preferences"},
        "product-service": {"list", "get", "quote"},
        "order-service": {"create", "list"},
        "payment-service": {"charge"},
        "inventory-service": {"check", "reserve"},
        "notification-service": {"send"},
        "cache-service": {"get", "set"},
        "database": {"select", "insert", "update"},
    }
    asked = {
        (service if kind == "server" else peer, operation)
        for kind, service, peer, operation in shown
        if kind != "internal"
    }
    assert asked == {(service, f"{service}.{name}") for service, names in mesh.items() for name in names}

"""Parts of a mesh that no request reaches."""

from odd_meshes import found


def test_a_service_that_no_request_reaches_is_named_without_its_operations():
    services = "a: {operations: {go: {}}}, b: {operations: {x: {calls: [c.z]}, y: {}}}, c: {operations: {z: {}}}"
    assert found(f"{{name: n, services: {{{services}}}, workload: {{mix: {{a.go: 1, b.x: 0}}}}}}") == [
        ("services.b", "no request reaches this service"),
        ("services.c", "no request reaches this service"),
    ]


def test_an_operation_that_no_request_reaches_is_named_where_its_service_is_used():
    services = "a: {operations: {go: {}, idle: {}}}"
    assert found(f"{{name: n, services: {{{services}}}, workload: {{mix: {{a.go: 1}}}}}}") == [
        ("services.a.operations.idle", "no request reaches this operation")
    ]

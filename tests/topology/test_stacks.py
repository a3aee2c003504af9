"""The stacks of services: a closed list, each for some kinds of service, and a store's product given once."""

import pytest

from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import SERVICE_KINDS
from meshquake.topology.stacks import STACKS

END = "workload: {rate: 1/s, mix: {a.x: 1}}"


def service(text):
    return parse(
        f"name: m\nservices:\n  a: {{{text}operations: {{x: {{work: 1ms}}}}}}\n{END}", "m.yaml"
    ).topology.services[0]


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_fits_the_kinds_that_it_is_for_and_no_other(name):
    for kind in SERVICE_KINDS:
        if kind in STACKS[name].kinds:
            assert service(f"kind: {kind}, stack: {name}, ").built_with == STACKS[name]
        else:
            with pytest.raises(DocumentError) as caught:
                service(f"kind: {kind}, stack: {name}, ")
            (problem,) = caught.value.problems
            assert (problem.line, problem.path) == (3, "services.a.stack")
            assert f"{name} does not fit a service of kind {kind} (valid: " in problem.message


def test_a_store_that_says_its_system_or_its_stack_need_not_say_the_other():
    by_system = service("kind: database, system: mysql, ")
    by_stack = service("kind: database, stack: mysql, ")
    assert (
        (by_system.built_with, by_system.product)
        == (by_stack.built_with, by_stack.product)
        == (STACKS["mysql"], "mysql")
    )


def test_a_system_that_is_no_stack_says_nothing_of_what_is_built_with():
    assert service("kind: database, system: couchdb, ").built_with is None
    assert service("").built_with is None


def test_a_store_of_two_products_is_refused():
    with pytest.raises(DocumentError) as caught:
        service("kind: database, system: mongodb, stack: mysql, ")
    (problem,) = caught.value.problems
    assert problem.message == "mysql contradicts the system mongodb: leave out one of them"


def test_a_language_with_another_framework_is_told_what_there_is():
    with pytest.raises(DocumentError) as caught:
        service("stack: java/spring-bot, ")
    (problem,) = caught.value.problems
    assert problem.message == "cannot be 'java/spring-bot' (did you mean 'java/spring-boot'?)"

"""Weights that look like shares of a whole but don't add up."""

import pytest
from odd_meshes import found, pair


@pytest.mark.parametrize(
    ("weights", "odd"),
    [
        ("90 10", None),
        ("3 1", None),
        ("0.9 0.1", None),
        ("90 20", "their weights add up to 110: the first gets 81.8% of the calls"),
        ("0.9 0.05", "their weights add up to 0.95: the first gets 94.7% of the calls"),
    ],
)
def test_weights_of_versions_are_a_whole_or_far_from_one(weights, odd):
    old, new = weights.split()
    assert found(
        f"""
        name: split
        services:
          app:
            operations: {{go: {{work: 1ms}}}}
            versions: {{old: {{weight: {old}}}, new: {{weight: {new}}}}}
        workload: {{mix: {{app.go: 1}}}}
        """
    ) == ([("services.app.versions", odd)] if odd else [])


def test_weights_of_a_mixture_likewise():
    mixture = "[{{weight: {}, constant: 1ms}}, {{weight: 20%, constant: 2ms}}]"
    mixed = f"{{{{operations: {{{{get: {{{{work: {{{{mixture: {mixture}}}}}}}}}}}}}}}}}"
    assert pair(db=mixed.format("80%")) == []
    assert pair(db=mixed.format("3")) == []
    assert pair(db=mixed.format("90%")) == [
        ("services.db.operations.get.work", "the weights of its mixture add up to 110%: the first part gets 81.8%")
    ]

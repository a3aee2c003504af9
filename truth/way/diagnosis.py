"""How good a diagnosis is, its way included: one mark from its parts, and what chance would have of it.

The parts are those of OpenRCA 2.0 (root causes as a set, nodes, edges, a path from root to symptom), but the truth they
are compared with was counted, not estimated, and evidence is among them.

References
----------
OpenRCA 2.0: From Outcome Labels to Causal Process Supervision, arXiv:2606.27154, 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import networkx as nx

from meshquake.truth.overlap import Overlap
from meshquake.truth.reach import affected, edges, faults_of, service_in
from meshquake.truth.roots import Root, found_by, roots_of
from meshquake.truth.way.evidence import Evidence

#: The parts of a mark, which has the mean of those that there are.
PARTS = ("roots", "nodes", "edges", "path", "evidence")


@dataclass(frozen=True)
class Diagnosis:
    """The mark of a diagnosis, and what it is made of.

    Attributes
    ----------
    incident
        Whether users felt anything. Where they did not, all parts are None, and the mark is 1 for an answer that claims
        nothing, and 0 for any other.
    exact, any_root
        Whether the root causes that it names are just those that there are, and whether one of them is.
    roots, nodes, edges
        How far the root causes, the services and the edges that it names agree with the true ones.
    reached, path
        Whether the edges that it names lead from a root cause that it found to a service at which users felt it; and
        whether they do so by true edges alone.
    evidence
        What its evidence is worth.
    mark
        The mean of F1 of roots, nodes and edges, of `path` (1 or 0), and of the worth of the evidence. What an answer
        leaves out counts as 0, and edges do not count where there are none and none is named.
    """

    incident: bool
    exact: bool | None
    any_root: bool | None
    roots: Overlap | None
    nodes: Overlap | None
    edges: Overlap | None
    reached: bool | None
    path: bool | None
    evidence: Evidence | None
    mark: float

    @property
    def parts(self) -> dict[str, float | None]:
        """The parts of the mark, by name; None for one that does not count."""
        if self.roots is None or self.nodes is None or self.edges is None or self.path is None:
            return dict.fromkeys(PARTS)
        worth = self.evidence.worth if self.evidence else 0.0
        return dict(zip(PARTS, (self.roots.f1, self.nodes.f1, self.edges.f1, float(self.path), worth), strict=True))

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        overlaps = {"roots": self.roots, "nodes": self.nodes, "edges": self.edges}
        return {
            "mark": self.mark,
            "incident": self.incident,
            "exact": self.exact,
            "any_root": self.any_root,
            **{name: None if each is None else each.as_json() for name, each in overlaps.items()},
            "reached": self.reached,
            "path": self.path,
            "evidence": None if self.evidence is None else asdict(self.evidence),
        }


def diagnosis(truth: Mapping[str, Any], answers: Mapping[str, Any] | None, evidence: Evidence | None) -> Diagnosis:
    """Mark a diagnosis.

    Parameters
    ----------
    truth
        The answer key.
    answers
        The answer, already checked; None if none was given, which marks 0 whatever the case.
    evidence
        What its evidence is worth; None if it cites nothing.
    """
    if not truth["incident"]:
        quiet = answers is not None and not any(answers.get(claim) for claim in _CLAIMS)
        return Diagnosis(False, *(None,) * 8, mark=float(quiet))
    given = answers or {"root_causes": []}
    felt, latent = faults_of(truth, latent=False), faults_of(truth, latent=True)
    roots = roots_of(felt)
    ignored = {name for root in roots_of(latent) for name in root.services}
    found = found_by([entry["service"] for entry in given["root_causes"]], roots, ignored)
    right = [name for name, root in found.items() if root is not None]
    named_roots = Overlap(len(right), len(found), len(roots))
    spread, claimed = edges(felt), {(edge["from"], edge["to"]) for edge in given.get("propagation") or []}
    symptoms = _symptoms(felt, truth["services"])
    marked = Diagnosis(
        incident=True,
        exact=len(right) == len(found) == len(roots),
        any_root=bool(right),
        roots=named_roots,
        nodes=Overlap.of(given.get("affected_services") or [], affected(felt), affected(latent)),
        edges=Overlap.of(claimed, spread, edges(latent)),
        reached=_leads(claimed, right, symptoms),
        path=_leads(claimed & spread, right, symptoms),
        evidence=evidence,
        mark=0.0,
    )
    counted = [part for part in marked.parts.values() if part is not None]
    return Diagnosis(**{**vars(marked), "mark": fmean(counted)})


#: What an answer may claim: where there was no incident, it should claim none of it.
_CLAIMS = ("root_causes", "affected_services", "propagation", "alerts", "detected_at")


def _symptoms(felt: Iterable[Mapping[str, Any]], services: Sequence[str]) -> set[str]:
    """The services at which users felt the faults: those of the entry operations whose promises broke.

    Where only the promise for all together broke, it's those at which anybody was harmed.
    """
    entries: set[str] = set()
    for fault in felt:
        harmed = [each["entry"] for each in fault["blast_radius"]["entries"] if each["harmed"]]
        entries.update(fault["user_facing"]["entries"] or harmed)
    return {service for entry in entries if (service := service_in(entry, services))}


def _leads(along: AbstractSet[tuple[str, str]], sources: Iterable[str], targets: AbstractSet[str]) -> bool:
    """Whether edges lead from one of some services to one of others; a service leads to itself."""
    graph: nx.DiGraph[str] = nx.DiGraph(sorted(along))
    for source in sources:
        reached = {source, *(nx.descendants(graph, source) if source in graph else ())}
        if not reached.isdisjoint(targets):
            return True
    return False


def guess(truth: Mapping[str, Any], service: str | None) -> Diagnosis:
    """The mark of an answer that names one service as the root cause and claims nothing else; None for abstaining."""
    return diagnosis(truth, {"root_causes": [{"service": service}] if service else []}, None)


def chance(truth: Mapping[str, Any]) -> dict[str, float | None]:
    """What is expected of an answer drawn at random: each service is as likely to be named, and so is that all is well.

    Returns
    -------
    dict
        `mark`, `exact`, `any_root`, and each of `PARTS`: the exact mean over all such answers, None for what there is
        not in this case.
    """
    accepted: list[Root] = roots_of(faults_of(truth, latent=False))
    choices = {*truth["services"], *(name for root in accepted for name in root.services)}
    drawn = [guess(truth, service) for service in [*sorted(choices), None]]
    rows = [{"mark": each.mark, "exact": each.exact, "any_root": each.any_root, **each.parts} for each in drawn]
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


def _mean(values: Sequence[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return fmean(known) if known else None

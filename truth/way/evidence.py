"""What the records that an answer cites are worth for what it claims.

A record is *relevant* to a claim if it departs because of a fault that the claim is right about, on ground that this
fault reached: for a root cause, any service that its faults affected, and the edges there; for an edge, that edge and
its two ends. It is *true* if it departs, but is not relevant; and *neither* if it is as it would have been anyway. A
record that the recording does not have is *missing*.

Who cites at random is right now and then. Of each kind of record, the share that is relevant to a claim since the first
fault began is the claim's base rate `b`. A relevant record is worth (1 - b) / max(b, 1 - b), and any other one
-b / max(b, 1 - b): at most 1, at least -1, and 0 on average for records drawn from that time at random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

import polars as pl

from meshquake.truth.reach import edges, faults_of
from meshquake.truth.roots import found_by, roots_of
from meshquake.truth.way.citation import CALL, Citation, parse
from meshquake.truth.way.departed import Departed

#: What a record may be to a claim.
RELEVANT, TRUE, NEITHER, MISSING = "relevant", "true", "neither", "missing"
OUTCOMES = (RELEVANT, TRUE, NEITHER, MISSING)


class Claim(NamedTuple):
    """What an answer claims: a root cause, by its service, or an edge, by its callee and its caller.

    `faults` are those that it is right about, by their places in the key; none if it is wrong.
    """

    about: tuple[str, ...]
    faults: frozenset[int]


def claims(truth: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[Claim, list[str]]:
    """The claims of an answer, with the texts of what it cites for each.

    What only a latent fault explains is no claim: it is neither right nor wrong. What stands twice is one claim.
    """
    felt, latent = faults_of(truth, latent=False), faults_of(truth, latent=True)
    places = {fault["id"]: place for place, fault in enumerate(truth["faults"])}
    found: defaultdict[Claim, list[str]] = defaultdict(list)
    ignored = {name for root in roots_of(latent) for name in root.services}
    named = found_by((entry["service"] for entry in answers["root_causes"]), roots_of(felt), ignored)
    for entry in answers["root_causes"]:
        if entry["service"] in named:
            root = named[entry["service"]]
            mine = () if root is None else [each for each in felt if each["root_cause"]["service"] == root.name]
            claim = Claim((entry["service"],), frozenset(places[fault["id"]] for fault in mine))
            found[claim] += entry.get("evidence") or []
    for edge in answers.get("propagation") or []:
        about = edge["from"], edge["to"]
        spread = [fault for fault in felt if about in edges([fault])]
        if spread or about not in edges(latent):
            claim = Claim(about, frozenset(places[fault["id"]] for fault in spread))
            found[claim] += edge.get("evidence") or []
    return dict(found)


class Search:
    """Looks cited records up in a recording that comes piece by piece, and counts what is relevant to each claim.

    Parameters
    ----------
    truth
        The answer key.
    harmed
        The requests that were harmed, as `Departed` takes them.
    wanted
        What is cited for each claim, in all the answers that are to be marked.
    """

    def __init__(
        self, truth: Mapping[str, Any], harmed: pl.DataFrame, wanted: Iterable[tuple[Claim, Sequence[Citation]]]
    ) -> None:
        self._departed = Departed(truth, harmed)
        self._begins: str = min((fault["start"] for fault in truth["faults"]), default=truth["recording"]["end"])
        self._reached = [
            {fault["root_cause"]["service"], *(each["service"] for each in fault["affected"])}
            for fault in truth["faults"]
        ]
        self._cited: defaultdict[str, set[str]] = defaultdict(set)
        self._claims: set[Claim] = set()
        for claim, cited in wanted:
            self._claims.add(claim)
            for each in cited:
                self._cited[each.kind].add(each.key)
        self._found: set[Citation] = set()
        self._departing: set[Citation] = set()
        self._relevant: set[tuple[Claim, Citation]] = set()
        self._counted: defaultdict[str, int] = defaultdict(int)
        self._hits: defaultdict[tuple[Claim, str], int] = defaultdict(int)

    @property
    def kinds(self) -> set[str]:
        """The kinds of records that are cited."""
        return {kind for kind in self._cited if kind != CALL}

    def take(self, kind: str, records: pl.DataFrame) -> None:
        """Take some records of a kind into account, in order of time; spans come before log lines."""
        judged = self._departed.judge(kind, records)
        since = judged["timestamp"] >= self._begins
        self._counted[kind] += int(since.sum())
        cited = pl.select(judged["key"].is_in(self._cited[kind])).to_series()
        keys = judged["key"].filter(cited).to_list()
        departing = pl.any_horizontal(pl.lit(False), *self._departed.because)
        departs = judged.with_columns(departs=departing)["departs"].filter(cited)
        self._found.update(Citation(kind, key) for key in keys)
        self._departing.update(Citation(kind, key) for key, does in zip(keys, departs, strict=True) if does)
        for claim in self._claims:
            if claim.faults:
                relevant = judged.select(self._is_relevant(claim)).to_series()
                self._hits[claim, kind] += int((relevant & since).sum())
                hit = zip(keys, relevant.filter(cited), strict=True)
                self._relevant.update((claim, Citation(kind, key)) for key, is_hit in hit if is_hit)

    def _is_relevant(self, claim: Claim) -> pl.Expr:
        service, other = pl.col("service"), pl.col("other")
        if len(claim.about) > 1:
            ends = [*claim.about]
            on_it = service.is_in(ends) & (other.is_null() | other.is_in(ends))
            return on_it & pl.any_horizontal(self._departed.because[fault] for fault in sorted(claim.faults))
        return pl.any_horizontal(
            pl.col(self._departed.because[fault])
            & (service.is_in(self._reached[fault]) | other.is_in(self._reached[fault]).fill_null(False))
            for fault in sorted(claim.faults)
        )

    def outcome(self, claim: Claim, cited: Citation) -> str:
        """What a record is to a claim, one of `OUTCOMES`."""
        if (claim, cited) in self._relevant:
            return RELEVANT
        return TRUE if cited in self._departing else NEITHER if cited in self._found else MISSING

    def base(self, claim: Claim, kind: str) -> float:
        """The share of the records of a kind, since the first fault began, that are relevant to a claim."""
        return self._hits[claim, kind] / self._counted[kind] if self._counted[kind] else 0.0


@dataclass(frozen=True)
class Evidence:
    """What an answer's evidence is worth.

    Attributes
    ----------
    claims, cited
        How many claims it makes, and for how many of them it cites anything.
    records
        How many records it cites are which of `OUTCOMES`; a record that is cited for two claims counts twice.
    share, base
        The share of what it cites that is relevant, and the share that would be if it were drawn at random, both the
        mean over citations; None if nothing is cited.
    worth
        The mean over all claims of what is cited for them, from -1 to 1: 0 for a claim without, and for records that
        are drawn at random.
    """

    claims: int
    cited: int
    records: Mapping[str, int]
    share: float | None
    base: float | None
    worth: float


def evidence(made: Mapping[Claim, Sequence[str]], calls: Mapping[int, Sequence[str]], search: Search) -> Evidence:
    """Weigh the evidence of an answer.

    Parameters
    ----------
    made
        Its claims, with what it cites for each (`claims`).
    calls
        What each call of its audit returned, by the call's number: records, as citations have them.
    search
        What came of the search for all that it cites.
    """
    records = dict.fromkeys(OUTCOMES, 0)
    shares, bases, worths = [], [], []
    for claim, texts in made.items():
        of_claim = []
        for text in dict.fromkeys(texts):
            outcomes = [(each, search.outcome(claim, each)) for each in resolved(text, calls)]
            for _, outcome in outcomes:
                records[outcome] += 1
            if not outcomes:  # a call that returned no record, or was never made
                records[MISSING] += 1
            based = [search.base(claim, each.kind) for each, _ in outcomes] or [0.0]
            hits = [float(outcome == RELEVANT) for _, outcome in outcomes] or [0.0]
            shares.append(fmean(hits))
            bases.append(fmean(based))
            of_claim.append(fmean((hit - b) / max(b, 1 - b) for hit, b in zip(hits, based, strict=True)))
        worths.append(fmean(of_claim) if of_claim else 0.0)
    return Evidence(
        claims=len(made),
        cited=sum(bool(texts) for texts in made.values()),
        records=records,
        share=fmean(shares) if shares else None,
        base=fmean(bases) if bases else None,
        worth=fmean(worths) if worths else 0.0,
    )


def resolved(text: str, calls: Mapping[int, Sequence[str]]) -> list[Citation]:
    """The records that a citation stands for: itself, or all that a call returned."""
    cited = parse(text)
    if cited.kind != CALL:
        return [cited]
    return [parse(each) for each in dict.fromkeys(calls.get(int(cited.key), ()))]

"""The marks of a mitigation, as JSON and as text."""

from __future__ import annotations

from typing import Any

from meshquake.truth.remedies import Mitigation


def marks(found: Mitigation) -> dict[str, Any]:
    """Return the marks of a mitigation as a JSON object; docs/mitigation.md says what each means."""
    prospects, harm = found.prospects, found.harm
    best = None if prospects.best is None else {"kind": prospects.best[0], **prospects.best[1]}
    return {
        "requests": harm.requests,
        "harmed": harm.harmed,
        "unmade": harm.unmade,
        "harm": harm.total,
        "harm_doing_nothing": prospects.left.total,
        "averted": found.averted,
        "averted_share": None if found.share is None else round(found.share, 4),
        "best": {"at_s": round(prospects.at, 3), "remedy": best, "harm": prospects.least.total},
        "remedies": found.done,
        "elsewhere": found.elsewhere,
        "averted_of_best": None if found.of_best is None else round(found.of_best, 4),
    }


def line(found: Mitigation) -> str:
    """Return the marks in one line for people."""
    harm, left = found.harm.total, found.prospects.left.total
    if not left:
        return f"harm: {harm} requests; doing nothing harms none"
    of_best = "" if found.of_best is None else f", {found.of_best:.0%} of what the best single remedy averts"
    return f"harm: {harm} requests instead of {left}; {found.averted} averted ({found.share:.0%}{of_best})"

"""Links between the pages lead somewhere: to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> Iterator[str]:
    """What a link to each heading of a page ends with, as GitHub makes it: a heading that comes again has a number."""
    seen: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        yield f"{slug}-{seen.count(slug)}" if slug in seen else slug
        seen.append(slug)


def broken(page: Path) -> Iterator[str]:
    """The links of a page to something in the project that isn't there."""
    text = re.sub(r"`[^`\n]+`", "", prose(page))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" not in link and not (target.exists() and (not anchor or anchor in anchors(target))):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_link_to_no_file_or_no_heading_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# Twice, `it` is!\n\n# Twice, `it` is!\n\n```sh\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](#here) [b](there.md) [`c`](there.md#twice-it-is) [d](there.md#twice-it-is-1) [e](https://x.org/#y)\n"
        "[f](#there) [g](nowhere.md) [h](there.md#twice-it-is-2) [i](there.md#no-heading) `[j](code.md)`\n"
        "```\n[k](code.md)\n```\n"
    )
    assert list(broken(page)) == ["#there", "nowhere.md", "there.md#twice-it-is-2", "there.md#no-heading"]

"""Links between the pages lead to an existing file, and to an existing heading in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> Iterator[str]:
    """Yield the anchor of each heading of a page as GitHub generates it: repeated headings get a number."""
    seen: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        yield f"{slug}-{seen.count(slug)}" if slug in seen else slug
        seen.append(slug)


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page to missing files or headings of the project."""
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

"""The project's pages, read as their readers do: prose, code, headings, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES, DECISIONS = ROOT / "docs", ROOT / "examples", ROOT / "docs" / "decisions"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "store" / "migrations" / "README.md"]
)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def prose(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(text_of(page)) if name == language]


def code(page: Path) -> Iterator[str]:
    """Every line that stands as code, in a block or a span; one that goes on is one line."""
    for _, body in FENCE.findall(text_of(page)):
        yield from body.replace("\\\n", " ").splitlines()
    yield from SPAN.findall(prose(page))


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path, under: str | None = None) -> list[str]:
    """The third-level headings of a page, or of one of its sections."""
    section, found = "", []
    for marks, title in HEADING.findall(prose(page)):
        if marks == "##":
            section = title
        elif marks == "###" and under in (None, section):
            found.append(title)
    return found


def anchors(page: Path) -> set[str]:
    """What a link can point at: headings as the forge spells them, repeated ones numbered."""
    found: set[str] = set()
    for _, title in HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        again = 0
        while (name := f"{slug}-{again}" if again else slug) in found:
            again += 1
        found.add(name)
    return found


def table(page: Path, head: str) -> list[list[str]]:
    """The rows below a table's head, cell by cell."""
    rows = text_of(page).split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows]

"""Where a valuation's inputs come from, in words: the last part of an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any, Final

TITLE: Final = "Where the inputs come from"


def sources(value: Mapping[str, Any], width: int, title: str = TITLE) -> list[str]:
    """A heading and a paragraph for each assumption; nothing where the inputs say nothing."""
    told = value.get("assumptions") or []
    if not told:
        return []
    lines = ["", title, "─" * len(title)]
    for each in told:
        named = (
            each["path"] if each["label"] == each["path"] else f"{each['label']}, {each['path']}"
        )
        lines.append(f"  {named}")
        origin = "; ".join(each[name] for name in ("source", "asOf", "author") if each[name])
        for text in (each["note"], origin and f"— {origin}"):
            if text:
                indent = "    "
                lines.append(
                    fill(
                        text,
                        width,
                        initial_indent=indent,
                        subsequent_indent=indent,
                        break_long_words=False,  # such as an id, which is copied
                    )
                )
    return lines

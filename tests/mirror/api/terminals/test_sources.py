"""Where inputs come from is the last part of an explanation, and no part where nothing is said."""

from __future__ import annotations

from typing import Any

from api.terminals.sources import TITLE, sources

SAID: dict[str, Any] = {
    "path": "bridge.debt",
    "label": "Debt",
    "source": "10-K, p. 61",
    "asOf": "2024-09-28",
    "author": "Ada",
    "note": "At book value. " * 9,
}


def test_nothing_said_is_nothing_told() -> None:
    assert sources({"assumptions": []}, 96) == []
    assert sources({}, 96) == []


def test_each_is_told_with_its_note_and_its_source() -> None:
    lines = sources({"assumptions": [SAID, {**SAID, "source": None, "note": None}]}, 60)
    assert lines[1] == TITLE
    assert lines.count("  Debt, bridge.debt") == 2
    assert "    — 10-K, p. 61; 2024-09-28; Ada" in lines
    assert lines[-1] == "    — 2024-09-28; Ada"
    assert all(len(line) <= 60 for line in "\n".join(lines).splitlines())


def test_an_id_that_is_longer_than_a_line_can_still_be_copied() -> None:
    lines = sources({"assumptions": [{**SAID, "source": f"Valuation {'RGNm' * 26}"}]}, 60)
    assert "RGNm" * 26 in "\n".join(lines)


def test_what_says_nothing_of_its_origin_has_its_note_alone() -> None:
    bare = {**SAID, "label": "bridge.debt", "source": None, "asOf": None, "author": None}
    lines = sources({"assumptions": [{**bare, "note": "So."}]}, 96)
    assert lines[-2:] == ["  bridge.debt", "    So."]

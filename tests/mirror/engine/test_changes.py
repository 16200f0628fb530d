"""The list of what moved published numbers is complete, in order, and told to their users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.changes import CHANGES, REFUSED, Change, number, since
from engine.provenance import ENGINE_VERSION
from services.kinds import KINDS

CHANGELOG = (Path(__file__).parents[3] / "CHANGELOG.md").read_text("utf-8")


def change(*outputs: str, title: str = "Tax", **others: object) -> Change:
    return Change(title=title, why="", kinds=("DCF",), outputs=outputs, **others)  # type: ignore[arg-type] # given by name


def test_todays_engine_is_the_last_that_is_listed() -> None:
    assert list(CHANGES)[-1] == ENGINE_VERSION


def test_versions_are_listed_from_the_oldest_on() -> None:
    numbers = [number(version) for version in CHANGES]
    assert None not in numbers
    assert numbers == sorted(set(numbers), key=lambda each: each or ())


def test_the_changelog_says_every_version_and_every_change_of_the_engine() -> None:
    lines = " ".join(CHANGELOG.split())
    for version, changes in CHANGES.items():
        assert re.search(rf"Engine {re.escape(version)}\b", lines), version
        for each in changes:
            assert each.title in lines, each.title


def test_a_change_has_a_reason_and_names_kinds_and_outputs() -> None:
    for changes in CHANGES.values():
        for each in changes:
            assert each.title
            assert each.why
            assert set(each.kinds) <= set(KINDS)
            assert each.outputs


def test_a_version_is_compared_by_its_numbers_and_not_by_its_letters() -> None:
    nine, ten = change("wacc", title="Nine"), change("wacc", title="Ten")
    listed = {"1.0.0": (), "1.9.0": (nine,), "1.10.0": (ten,)}
    assert since("1.0.0", listed) == (("1.9.0", nine), ("1.10.0", ten))
    assert since("1.9.0", listed) == (("1.10.0", ten),)
    assert since("1.10.0", listed) == ()


@pytest.mark.parametrize("version", ["2.0.0", "1.0", "", "one"])
def test_nothing_is_known_of_what_came_after_a_version_that_is_not_listed(version: str) -> None:
    assert since(version, {"1.0.0": (change("wacc"),)}) == ()


def test_a_path_stands_for_what_is_below_it_and_for_every_year() -> None:
    tax = change("forecast.tax", "bridge")
    assert tax.touches("DCF", "forecast.tax")
    assert tax.touches("DCF", "forecast.tax[3]")
    assert tax.touches("DCF", "bridge.debt")
    assert not tax.touches("DCF", "forecast.tax_shield")
    assert not tax.touches("DCF", "forecast")
    assert not tax.touches("LBO", "forecast.tax")
    assert not tax.touches("DCF", REFUSED)

"""A change reads as an analyst would say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.contents import OWN, Unit
from services.kinds import KINDS
from services.labels import label_of, told
from services.shapes import Group, Many, Member, Steps, path_of, steps_of
from tests.model_edits import SHAPES

LABELS = KINDS["DCF"].labels
CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.1,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}


def said(path: str, old: Any, new: Any, unit: Unit = Unit.ONES) -> str:
    return told(LABELS, steps_of(path) or (), old, new, unit)


def named(member: Member, steps: Steps) -> Iterator[str]:
    """The places of a shape that need a name of their own: schedules are named as a whole."""
    shape = member.shape
    if not isinstance(shape, Group):
        yield path_of(steps)
        if isinstance(shape, Many) and isinstance(shape.of, Group):
            for path in named(Member(shape.of, required=True), ()):
                yield f"{path_of(steps)}[].{path}"
        return
    if shape.one_of or not member.required:  # changes as a whole, or comes and goes
        yield path_of(steps)
    if shape.name != "ScheduleInput":
        for name, inner in shape.members.items():
            yield from named(inner, (*steps, name))


@pytest.mark.parametrize("kind", KINDS)
def test_every_input_of_every_kind_has_a_name_and_no_other_has(kind: str) -> None:
    places = named(Member(SHAPES[kind], required=True), ())
    assert set(places) == set(KINDS[kind].labels)


def test_what_is_the_models_own_has_a_name_too() -> None:
    for name in OWN:
        assert label_of(LABELS, (name,))[0].isupper()


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("terminal.gordon.growth", "Terminal growth"),
        ("operations.revenueGrowth", "Revenue growth"),
        ("operations.revenueGrowth.level", "Revenue growth"),
        ("operations.revenueGrowth.byYear", "Revenue growth"),
        ("operations.revenueGrowth.byYear[2]", "Revenue growth, year 3"),
        ("operations.revenueGrowth.stages[0].value", "Revenue growth, value of stage 1"),
        ("operations.revenueGrowth.stages[1].years", "Revenue growth, years of stage 2"),
        ("operations.revenueGrowth.stages[1].ramp", "Revenue growth, ramp of stage 2"),
        ("capital", "Cost of capital"),
        ("shares.options[1].strike", "Strike of options, tranche 2"),
        ("shares.convertibles[0].faceValue", "Face value, convertible 1"),
        ("segments[2].operations.taxRate.byYear[0]", "Tax rate, segment 3, year 1"),
        ("segments[0].capital.wacc", "WACC, segment 1"),
        ("segments[1].capital.capm.comparables.peers[4].beta", "Beta of comparable 5, segment 2"),
        ("capital.capm.comparables.peers[0].debtToEquity", "Debt to equity of comparable 1"),
        ("terminal.gordon.normalised.capitalExpenditure", "Normal capital expenditure"),
        ("scenarios.bear", "Scenario bear"),
        ("name", "Name"),
        ("an.input.of.long.ago", "an.input.of.long.ago"),
    ],
)
def test_a_place_is_called_by_its_name(path: str, label: str) -> None:
    assert label_of(LABELS, steps_of(path) or ()) == label


@pytest.mark.parametrize(
    ("path", "old", "new", "text"),
    [
        ("terminal.gordon.growth", 0.025, 0.03, "Terminal growth from 2.5 % to 3 %"),
        ("terminal.gordon.growth", 0.07, -0.005, "Terminal growth from 7 % to −0.5 %"),
        (
            "operations.revenueGrowth.byYear[2]",
            0.05,
            0.045,
            "Revenue growth, year 3 from 5 % to 4.5 %",
        ),
        ("capital.capm.beta", 1.0, 1.25, "Beta from 1 to 1.25"),
        ("terminal.exitMultiple.evToEbitda", 12.0, 11.5, "Terminal EV/EBITDA from 12× to 11.5×"),
        (
            "capital.capm.taxShields",
            "UNLEVERED_COST",
            "COST_OF_DEBT",
            "Discounting of tax shields from unlevered cost to cost of debt",
        ),
        (
            "capital.capm.comparables.peers[1].taxRate",
            0.21,
            0.25,
            "Tax rate of comparable 2 from 21 % to 25 %",
        ),
        (
            "terminal.gordon.normalised",
            None,
            {"depreciation": 0.05, "capitalExpenditure": 0.06},
            "Normalised year set to Normal depreciation 5 %, Normal capital expenditure 6 %",
        ),
        (
            "shares.diluted",
            15408095000.0,
            15e9,
            "Diluted shares from 15,408,095,000 to 15,000,000,000",
        ),
        ("timing.years", 5, 10, "Years of forecast from 5 to 10"),
        ("timing.flows", "END_YEAR", "MID_YEAR", "Timing of flows from end year to mid year"),
        (
            "timing.valuationDate",
            "2024-09-27",
            "2025-01-31",
            "Valuation date from 2024-09-27 to 2025-01-31",
        ),
        ("currency", "USD", "EUR", "Currency from USD to EUR"),
        ("marketPrice", None, 227.79, "Market price set to 227.79"),
        ("marketPrice", 227.79, None, "Market price left out; it was 227.79"),
        (
            "operations.revenueGrowth.stages[1].ramp",
            False,
            True,
            "Revenue growth, ramp of stage 2 from no to yes",
        ),
        (
            "operations.revenueGrowth.stages[1].years",
            1,
            2,
            "Revenue growth, years of stage 2 from 1 to 2",
        ),
        (
            "operations.taxRate",
            {"level": 0.21},
            {"byYear": [0.21, 0.22, 0.23]},
            "Tax rate from 21 % to 21 %, 22 %, 23 %",
        ),
        (
            "operations.taxRate",
            {"level": 0.21},
            {
                "stages": [
                    {"years": 1, "value": 0.21, "ramp": False},
                    {"years": 4, "value": 0.25, "ramp": True},
                ]
            },
            "Tax rate from 21 % to 1 year at 21 %, 4 years going to 25 %",
        ),
        (
            "operations.taxRate.byYear",
            [0.2] * 2,
            [0.1 * year for year in range(20)],
            (
                "Tax rate from 20 %, 20 % to 0 %, 10 %, 20 %, 30 %, 40 %, 50 %, …, "
                "140 %, 150 %, 160 %, 170 %, 180 %, 190 %"
            ),
        ),
        (
            "capital",
            {"capm": CAPM},
            {"wacc": 0.09},
            (
                "Cost of capital from CAPM (Risk-free rate 4 %, Equity risk premium 5 %, Beta 1.1, "
                "Pre-tax cost of debt 6 %, Debt weight 20 %, Tax rate on interest 25 %) to WACC 9 %"
            ),
        ),
        (
            "terminal",
            {"gordon": {"growth": 0.02, "discounting": "LAST_FLOW"}},
            {"exitMultiple": {"evToEbitda": 12.0}},
            (
                "Terminal value from Gordon growth (Terminal growth 2 %, Terminal discounting last "
                "flow) to Exit multiple (Terminal EV/EBITDA 12×)"
            ),
        ),
        (
            "shares.options",
            [{"count": 3e6, "strike": 9.0}],
            None,
            (
                "Options left out; it was Number of options, tranche 1: 3,000,000, Strike of "
                "options, tranche 1: 9"
            ),
        ),
        (
            "segments",
            [{"name": "Shops", "operations": {"revenue": 8e8}}],
            [{"name": "Shops", "operations": {}}, {"name": "Cloud", "operations": {}}],
            "Segments from Shops to Shops, Cloud",
        ),
        (
            "segments[1].capital",
            {"wacc": 0.09},
            None,
            ("Cost of capital, segment 2 left out; it was WACC, segment 2: 9 %"),
        ),
        (
            "capital.capm.comparables",
            None,
            {"peers": [{"name": "Plum", "beta": 1.3}, {"name": "Pear", "beta": 1.2}]},
            "Comparable firms set to Comparable firms Plum, Pear",
        ),
        ("name", "APPLE_INC", "Apple", "Name from APPLE_INC to Apple"),
        ("unit", "ONES", "MILLIONS", "Unit from ones to millions"),
        ("archived", False, True, "Archived"),
        ("archived", True, False, "Taken out of the archive"),
        ("scenarios.bear", None, {"name": "Bear", "changes": []}, "Scenario bear added"),
        ("scenarios.bear", {"name": "Bear", "changes": []}, None, "Scenario bear removed"),
        ("scenarios.bear", {"name": "Bear"}, {"name": "Bears"}, "Scenario bear changed"),
    ],
)
def test_a_change_is_a_sentence(path: str, old: Any, new: Any, text: str) -> None:
    assert said(path, old, new) == text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (Unit.ONES, "Debt from 96,662,000,000 to 1,250.5"),
        (Unit.THOUSANDS, "Debt from 96,662,000 thousand to 1.2505 thousand"),
        (Unit.MILLIONS, "Debt from 96,662 million to 0.0012505 million"),
        (Unit.BILLIONS, "Debt from 96.662 billion to 0.00000125 billion"),
    ],
)
def test_money_is_told_in_the_models_unit(unit: Unit, text: str) -> None:
    assert said("bridge.debt", 96_662_000_000.0, 1_250.5, unit) == text


def test_numbers_of_any_size_are_told() -> None:
    assert said("bridge.debt", 1e18, 5e-324) == "Debt from 1e+18 to 0"

"""A valuation in words says each step of the number, and a refusal each thing to mend."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import parse, validate

from api.terminals.explain import VALUE, WIDTH, explanation, refusal, summary
from engine.dcf import value_dcf
from resolvers.schema import build_schema
from services.dcf import inputs_of, result_document
from tests.dcf_documents import Document, but, firm, without

CAPM = {
    "capm": {
        "riskFreeRate": 0.04,
        "equityRiskPremium": 0.05,
        "beta": 1.2,
        "preTaxCostOfDebt": 0.06,
        "debtWeight": 0.25,
        "taxRate": 0.2,
    }
}


def answered(document: Document | None = None) -> dict[str, Any]:
    """What the schema answers for a document, of what the reports ask for."""
    inputs = but(document or firm(), "terminal", (document or firm())["terminal"])
    for branch in ("gordon", "valueDriver"):
        if branch in inputs["terminal"]:
            inputs["terminal"][branch].setdefault("discounting", "LAST_FLOW")
    return {
        "__typename": "DcfValuation",
        "id": "ID",
        "currency": inputs["currency"],
        "engineVersion": "1.2.3",
        "inputs": inputs,
        **result_document(value_dcf(inputs_of(inputs))),
    }


def scaled(by: float) -> Document:
    """The same firm, larger."""
    document = firm()
    for path in ("operations.revenue", "bridge.debt", "bridge.cash"):
        group, name = path.split(".")
        document = but(document, path, document[group][name] * by)
    return document


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_what_the_reports_ask_for_is_in_the_schema() -> None:
    assert validate(build_schema()._schema, parse(VALUE)) == []


def test_the_summary_leads_from_the_firm_to_the_share() -> None:
    said = flat(summary(answered()))
    for part in (
        "Enterprise value 1,500.0 USD",
        "less debt −500.0",
        "plus cash and securities 100.0",
        "Equity value 1,100.0",
        "Value per share 11.00 USD",
        "WACC 10.00%",
        "Valuation id ID",
    ):
        assert part in said, part


def test_a_part_of_the_bridge_that_is_zero_is_not_said() -> None:
    assert "leases" not in summary(answered())
    assert "less leases" in summary(answered(firm(**{"bridge.leases": 10.0})))


def test_the_price_is_beside_the_value_where_there_is_one() -> None:
    assert "Price" not in summary(answered())
    said = flat(summary(answered(firm(marketPrice=10.0))))
    assert "Price on 2024-09-27 10.00 USD (the value is 10.0% above it)" in said


@pytest.mark.parametrize(
    ("by", "unit", "enterprise"),
    [
        (1, "USD", "1,500.0"),
        (1e5, "million USD", "150.0"),
        (1e9, "billion USD", "1,500.0"),
    ],
)
def test_money_is_in_a_unit_that_a_person_reads(by: float, unit: str, enterprise: str) -> None:
    said = flat(summary(answered(scaled(by))))
    assert f"Enterprise value {enterprise} {unit}" in said


def test_the_explanation_shows_every_line_of_every_year() -> None:
    said = explanation(answered())
    for line in (
        "Revenue",
        "EBITDA",
        "− depreciation",
        "EBIT",
        "− tax on EBIT",
        "NOPAT",
        "− capital expenditure",
        "− increase in working capital",
        "Free cash flow",
        "× discount factor",
        "Present value",
    ):
        row = next(row for row in said.splitlines() if row.startswith(f"{line:<30}"))
        assert len(row[30:].split()) == 3, line
    assert re.search(r"^− tax on EBIT +−50\.0 +−50\.0 +−50\.0$", said, re.MULTILINE)
    assert re.search(r"^\+ depreciation +50\.0 +50\.0 +50\.0$", said, re.MULTILINE)
    assert re.search(r"^− capital expenditure +−50\.0 +−50\.0 +−50\.0$", said, re.MULTILINE)
    assert re.search(r"^− increase in working capital +0\.0 +0\.0 +0\.0$", said, re.MULTILINE)
    assert re.search(r"^Free cash flow +150\.0 +150\.0 +150\.0$", said, re.MULTILINE)
    assert re.search(r"^× discount factor +0\.9091 +0\.8264 +0\.7513$", said, re.MULTILINE)


def test_a_long_forecast_shows_its_beginning_and_its_end() -> None:
    said = explanation(answered(firm(**{"timing.years": 30})))
    head = next(row for row in said.splitlines() if row.startswith("Year "))
    assert head.split()[1:] == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "…", "29", "30"]


def test_how_a_year_is_discounted_is_said_in_words() -> None:
    assert "at the end of each year, so year t is discounted t years" in explanation(answered())
    mid = explanation(answered(firm(**{"timing.flows": "MID_YEAR"})))
    assert "halfway through each year, so year t is discounted t − ½ years" in mid
    assert "^ 0.5 = 0.953463" in mid


def test_a_wacc_is_given_or_built_from_its_parts() -> None:
    assert "WACC, as given = 10.0000%" in explanation(answered())
    said = flat(explanation(answered(firm(capital=CAPM))))
    assert "cost of equity = 4.00% + 1.20 × 5.00% = 10.0000%" in said
    assert "cost of debt = 6.00% × (1 − 20.0%) = 4.8000%" in said
    assert "WACC = 75.00% × 10.0000% + 25.00% × 4.8000% = 8.7000%" in said


@pytest.mark.parametrize(
    ("terminal", "formula"),
    [
        ({"gordon": {"growth": 0.02}}, "150.0 × (1 + 2.00%) / (10.0000% − 2.00%) = 1,912.5"),
        ({"exitMultiple": {"evToEbitda": 8.0}}, "8 × EBITDA 250.0 = 2,000.0"),
        (
            {"valueDriver": {"growth": 0.02, "returnOnNewCapital": 0.1}},
            "NOPAT 150.0 × (1 + 2.00%) × (1 − 2.00% / 10.00%) / (10.0000% − 2.00%) = 1,530.0",
        ),
    ],
)
def test_what_comes_after_is_a_formula_with_its_numbers(
    terminal: dict[str, Any], formula: str
) -> None:
    assert f"terminal value = {formula}" in flat(explanation(answered(firm(terminal=terminal))))


def test_the_checks_and_the_reviewers_remarks_are_there() -> None:
    said = explanation(answered(firm(**{"operations.capitalExpenditure": {"level": 0.2}})))
    assert "implied EV/EBITDA at the end" in said
    assert "A reviewer would note:" in said
    assert "  • " in said


def test_a_check_that_is_not_defined_is_left_out() -> None:
    lossy = firm(**{"operations.ebitMargin": {"level": -0.2}})
    assert "implied growth" not in explanation(answered(lossy))


@pytest.mark.parametrize("report", [summary, explanation])
@pytest.mark.parametrize(
    "document",
    [
        firm(),
        scaled(1e9),
        firm(capital=CAPM, marketPrice=3.0),
        firm(**{"timing.years": 100}),
        firm(**{"operations.ebitMargin": {"level": -0.5}}),
        firm(**{"shares.diluted": 1.0}),
        but(without(firm(), "operations.ebitMargin"), "operations.ebitdaMargin", {"level": 0.2}),
    ],
    ids=["plain", "large", "capm", "long", "losses", "one share", "ebitda"],
)
def test_a_report_is_text_for_people(report: Any, document: Document) -> None:
    said = report(answered(document))
    assert not re.search(r"\b(None|nan|inf|True|False)\b|\{|\}|_", said)
    assert not any(line != line.rstrip() for line in said.splitlines())
    prose = [line for line in said.splitlines() if not re.search(r"\d {2,}-?\d", line)]
    assert max(map(len, prose)) <= WIDTH + 60  # a formula may be longer than a line of prose


def test_a_refusal_says_what_why_and_what_would_be_right() -> None:
    said = refusal(
        {
            "code": "INVALID_INPUT",
            "message": "2 inputs need mending.",
            "issues": [
                {"path": "capital.wacc", "message": "5 is above.", "suggestion": "Give less."},
                {"path": "shares.diluted", "message": "0 is below. " * 12, "suggestion": "More."},
            ],
        }
    )
    assert said.startswith("INVALID_INPUT: 2 inputs need mending.\n  capital.wacc\n    5 is above.")
    assert "    → Give less." in said
    assert max(map(len, said.splitlines())) <= WIDTH

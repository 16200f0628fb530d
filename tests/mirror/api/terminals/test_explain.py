"""A valuation in words says each step of the number, and a refusal each thing to mend."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.terminals.explain import WIDTH, explanation, refusal, summary
from engine.dcf import value_dcf
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
    for branch in ("gordon", "hModel", "valueDriver"):
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


def test_what_is_left_of_a_year_that_has_begun_is_said_in_words() -> None:
    begun = firm(**{"timing.fiscalYearEnd": "2024-12-09"})  # 73 days later
    end = flat(explanation(answered(begun)))
    assert "Of year 1 a share of 0.2000 is left on the valuation date" in end
    assert "at the end of what is left; a later year t is discounted t − 0.8000 years" in end
    assert "^ 0.2 = 0.981118" in end
    mid = flat(explanation(answered(but(begun, "timing.flows", "MID_YEAR"))))
    assert "halfway through what is left; a later year t is discounted t − 1.3000 years" in mid
    assert "^ 0.1 = 0.990514" in mid


def test_stock_compensation_that_is_added_back_is_a_line_of_its_own() -> None:
    paid = firm(**{"operations.stockCompensation": {"level": 0.01}})
    assert "stock compensation" not in explanation(answered(paid))
    said = explanation(answered(but(paid, "operations.stockCompensationTreatment", "ADD_BACK")))
    assert re.search(r"^\+ stock compensation +10\.0 +10\.0 +10\.0$", said, re.MULTILINE)
    assert re.search(r"^Free cash flow +160\.0 +160\.0 +160\.0$", said, re.MULTILINE)
    assert "Free cash flow = NOPAT + depreciation + stock compensation −" in said


def test_losses_carried_forward_lead_from_their_lines_to_the_bridge() -> None:
    # EBIT of 200 at 25 %: 50 saved, then 25; 45.45 and 20.66 today.
    said = explanation(answered(firm(**{"operations.losses": {"balance": 300.0}})))
    assert re.search(r"^Losses used +200\.0 +100\.0 +0\.0$", said, re.MULTILINE)
    assert re.search(r"^Losses left +100\.0 +0\.0 +0\.0$", said, re.MULTILINE)
    assert re.search(r"^Tax saved by them +50\.0 +25\.0 +0\.0$", said, re.MULTILINE)
    assert "plus tax saved by losses 66.1 USD" in flat(said)
    assert "Losses" not in explanation(answered())


DILUTED = {
    "basic": 90.0,
    "options": [{"count": 10.0, "strike": 4.0}, {"count": 10.0, "strike": 99.0}],
    "convertibles": [
        {"faceValue": 20.0, "conversionPrice": 5.0},
        {"faceValue": 30.0, "conversionPrice": 50.0},
    ],
}


def test_who_shares_the_equity_is_said_tranche_by_tranche() -> None:
    # 1,100 less 30 of debt, and 40 of strikes, over 90 + 10 + 4 shares: 10.67. The 40 buys 3.7.
    said = flat(summary(answered(firm(shares=DILUTED))))
    for part in (
        "less convertibles, as debt −30.0 USD",
        "Equity value 1,070.0 USD",
        "Basic and restricted shares 90.0 plus options at 4.00, net 6.3 plus converted at 5.00 4.0",
        "Diluted shares 100.3",
        "Value per share 10.67 USD",
    ):
        assert part in said, part
    assert "99.00" not in said
    told = flat(explanation(answered(firm(shares=DILUTED))))
    assert "strikes buy back at the value per share, 10.67 USD." in told
    assert "Options are net" not in explanation(answered())
    assert "Basic" not in summary(answered(firm(shares={"basic": 100.0})))


def test_shares_that_are_added_up_are_in_one_unit() -> None:
    # 1,100 + 4 of strikes over 100 shares is 11.04, so 4 of strikes buy 0.36 back.
    few = {"basic": 99e6, "options": [{"count": 1e6, "strike": 4e-6}]}
    said = flat(summary(answered(firm(shares=few))))
    assert "Basic and restricted shares 99.0 million plus options at 0.00, net 0.6 million" in said
    assert "Diluted shares 99.6 million" in said


def test_both_futures_of_a_firm_that_may_fail_lead_to_its_equity() -> None:
    said = flat(summary(answered(firm(failure={"probability": 0.25, "recovery": 0.4}))))
    rows = (
        "Equity as a going concern 1,100.0 USD Equity in failure, 25.0% likely 200.0 USD "
        "Equity value 875.0 USD"
    )
    assert rows in said
    assert "Value per share 8.75" in said
    told = flat(explanation(answered(firm(failure={"probability": 0.25, "recovery": 0.4}))))
    assert "sold for 40.0% of its enterprise value, 600.0;" in told
    assert "Equity value = 75.0% × 1,100.0 + 25.0% × 200.0;" in told
    assert "value per share = 75.0% × 11.00 + 25.0% × 2.00." in told
    assert "In failure" not in explanation(answered())
    both = answered(firm(shares=DILUTED, failure={"probability": 0.25, "recovery": 0.4}))
    # Whoever decides to take part does so in the future in which the firm lives on.
    assert "value per share of the going concern, 10.67 USD." in flat(explanation(both))


def test_segments_are_said_one_by_one_instead_of_one_business() -> None:
    part = {"name": "Shops", "operations": firm()["operations"]}
    document = without(firm(), "operations")
    document["segments"] = [part, part | {"name": "Cloud", "capital": {"wacc": 0.2}}]
    told = answered(document)
    said = flat(explanation(told))
    # 150 for ever: 1,500 at 10 % and 750 at 20 %.
    assert "Segment WACC Forecast What comes after Enterprise value Shops" in said
    assert "none of their own: WACC, as given = 10.0000%" in said
    assert re.search(r"Shops 10\.00% 373\.0 1,127\.0 1,500\.0", said)
    assert re.search(r"Cloud 20\.00% 316\.0 434\.0 750\.0", said)
    assert "Enterprise value 2,250.0 USD" in said
    assert "Revenue 2,000.0 2,000.0 2,000.0" in said
    assert "discount factor" not in said
    assert "Enterprise value 2,250.0" in flat(summary(told))


def test_a_wacc_is_given_or_built_from_its_parts() -> None:
    assert "WACC, as given = 10.0000%" in explanation(answered())
    said = flat(explanation(answered(firm(capital=CAPM))))
    assert "cost of equity = 4.00% + 1.20 × 5.00% = 10.0000%" in said
    assert "cost of debt = 6.00% × (1 − 20.0%) = 4.8000%" in said
    assert "WACC = 75.00% × 10.0000% + 25.00% × 4.8000% = 8.7000%" in said


def compared() -> dict[str, Any]:
    # Unlevered 1 and 0.8; the median 0.9 at a debt of 25 %, a third of equity, and 20 % of tax.
    peer = {"name": "Plum", "beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.4}
    pear = {"name": "Pear", "beta": 1.2, "debtToEquity": 1.0, "taxRate": 0.5}
    built = {name: value for name, value in CAPM["capm"].items() if name != "beta"}
    premia = {"countryPremium": 0.01, "specificPremium": -0.005}
    return {"capm": built | premia | {"comparables": {"peers": [peer, pear]}}}


def test_a_beta_from_comparables_is_said_firm_by_firm_and_each_premium_by_its_name() -> None:
    said = flat(explanation(answered(firm(capital=compared()))))
    assert "Comparable firm beta unlevered Plum 1.30 1.00 Pear 1.20 0.80" in said
    assert "median, 0.90, levered at 25.00% debt and 20.0% tax = 1.14 (Hamada)" in said
    assert "4.00% + 1.14 × 5.00% + 1.00% country − 0.50% specific = 10.2000%" in said


def test_how_a_beta_was_unlevered_and_drawn_to_one_is_said() -> None:
    capital = compared()
    capital["capm"]["comparables"] |= {"unlevering": "HARRIS_PRINGLE", "blume": True}
    # 2/3 × 1.3 + 1/3 over 1.5, and 2/3 × 1.2 + 1/3 over 2; four thirds of the median between.
    said = flat(explanation(answered(firm(capital=capital))))
    assert "Comparable firm, beta after Blume beta unlevered Plum 1.20 0.80" in said
    assert "Pear 1.1333 0.5667" in said
    assert "median, 0.6833, levered at 25.00% debt = 0.9111 (Harris-Pringle)" in said
    assert "0.9111 × 5.00%" in said


def test_the_numbers_of_a_step_come_out_as_it_says() -> None:
    odd = {"capm": CAPM["capm"] | {"riskFreeRate": 0.04125, "taxRate": 0.2525}}
    said = flat(explanation(answered(firm(capital=odd))))
    assert "cost of equity = 4.125% + 1.20 × 5.00% = 10.1250%" in said
    assert "cost of debt = 6.00% × (1 − 25.25%) = 4.4850%" in said


def test_what_counts_of_a_year_that_has_begun_is_a_line_between_flow_and_present_value() -> None:
    begun = firm(**{"timing.fiscalYearEnd": "2024-12-09"})  # 73 days later
    said = explanation(answered(begun))
    assert re.search(
        r"^× share after the valuation date +0\.2000 +1\.0000 +1\.0000$", said, re.MULTILINE
    )
    assert re.search(r"^Present value +29\.4 ", said, re.MULTILINE)  # 150 × 0.9811 × 0.2
    assert "share after" not in explanation(answered())


def test_a_price_that_is_paid_at_the_end_of_the_last_year_says_so() -> None:
    sold = firm(**{"timing.flows": "MID_YEAR", "terminal": {"exitMultiple": {"evToEbitda": 8.0}}})
    assert "× 0.751315 = 1,502.6, from the end of the last year" in explanation(answered(sold))
    assert "from the end" not in explanation(answered(firm(**{"timing.flows": "MID_YEAR"})))


def test_the_other_roads_stand_beside_the_checks_and_a_gap_is_said() -> None:
    document = but(firm(capital=CAPM), "operations.openingFixedAssets", 800.0)
    told = answered(document)
    amount = f"{told['enterpriseValue']:,.1f} USD"
    said = flat(explanation(told))
    assert f"EV by economic profit {amount}" in said
    assert f"EV by adjusted present value {amount}" in said
    assert "apart" not in said
    for debt in (500.0, 100.0):  # more than the WACC's weight of debt, and less
        fixed = but(document, "capital.capm.taxShields", "COST_OF_DEBT")
        owed = answered(but(fixed, "bridge.debt", debt))
        gap = owed["reconciliation"]["adjustedPresentValue"]["gap"]
        sign = "−" if debt == 100.0 else "+"
        assert f"{sign}{abs(gap):,.1f} apart" in flat(explanation(owed))
    assert "EV by" not in explanation(answered())


@pytest.mark.parametrize(
    ("terminal", "formula"),
    [
        (
            {"hModel": {"initialGrowth": 0.08, "growth": 0.02, "halfLife": 4.0}},
            "150.0 × (1 + 2.00% + 4 × (8.00% − 2.00%)) / (10.0000% − 2.00%) = 2,362.5",
        ),
        (
            # 150 x 1.02, 2 % of 1,020 more spent than written off, 2 % more of 100 tied up
            {
                "gordon": {
                    "growth": 0.02,
                    "normalised": {"depreciation": 0.05, "capitalExpenditure": 0.07},
                }
            },
            "normalised flow 130.6 / (10.0000% − 2.00%) = 1,632.5",
        ),
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
    assert not re.search(r"[ (]-\d", said)  # a minus is one sign everywhere
    prose = [line for line in said.splitlines() if not re.search(r"\d {2,}[-−]?\d", line)]
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

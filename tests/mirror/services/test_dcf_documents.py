"""A document becomes the engine's inputs, with its defaults, and a result becomes a document."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from engine.dcf import (
    Capm,
    ExitMultiple,
    FlowTiming,
    GivenWacc,
    Gordon,
    HModel,
    StockCompensation,
    TaxShields,
    TerminalDiscounting,
    Unlevering,
    ValueDriver,
    value_dcf,
)
from engine.schedules import Stage
from services.dcf import inputs_of, result_document
from services.errors import InvalidInput
from tests.dcf_documents import WORTH_A_SHARE, but, firm, without

CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.2,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.25,
    "taxRate": 0.21,
}
LEAST = without(without(firm(), "currency"), "timing.flows")


def test_what_a_document_leaves_out_has_its_default() -> None:
    inputs = inputs_of(LEAST)
    assert inputs.currency == "USD"
    assert inputs.timing.flows is FlowTiming.END_YEAR
    assert isinstance(inputs.terminal, Gordon)
    assert inputs.terminal.discounting is TerminalDiscounting.LAST_FLOW
    assert inputs.market_price is None
    assert inputs.operations.opening_working_capital is None
    bridge = inputs.bridge
    left_out = (
        bridge.leases,
        bridge.preferred_stock,
        bridge.minority_interests,
        bridge.pensions_after_tax,
        bridge.associates,
    )
    assert left_out == (0.0,) * 5


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("timing.valuationDate", "2025-01-31", lambda i: i.timing.valuation_date),
        ("timing.years", 7, lambda i: i.timing.years),
        ("timing.flows", "MID_YEAR", lambda i: i.timing.flows),
        ("timing.fiscalYearEnd", "2024-12-31", lambda i: i.timing.fiscal_year_end),
        ("operations.revenue", 5.0, lambda i: i.operations.revenue),
        ("operations.openingWorkingCapital", 6.0, lambda i: i.operations.opening_working_capital),
        (
            "operations.stockCompensationTreatment",
            "ADD_BACK",
            lambda i: i.operations.stock_compensation_treatment,
        ),
        ("operations.losses", {"balance": 7.0}, lambda i: {"balance": i.operations.losses.balance}),
        ("capital.wacc", 0.2, lambda i: i.capital.wacc),
        ("terminal.gordon.growth", 0.01, lambda i: i.terminal.growth),
        ("terminal.gordon.discounting", "YEAR_END", lambda i: i.terminal.discounting),
        ("bridge.debt", 1.0, lambda i: i.bridge.debt),
        ("bridge.cash", 2.0, lambda i: i.bridge.cash),
        ("bridge.leases", 3.0, lambda i: i.bridge.leases),
        ("bridge.preferredStock", 4.0, lambda i: i.bridge.preferred_stock),
        ("bridge.minorityInterests", 5.0, lambda i: i.bridge.minority_interests),
        ("bridge.pensionsAfterTax", 6.0, lambda i: i.bridge.pensions_after_tax),
        ("bridge.associates", 7.0, lambda i: i.bridge.associates),
        ("shares.diluted", 9.0, lambda i: i.shares.diluted),
        ("currency", "EUR", lambda i: i.currency),
        ("marketPrice", 10.0, lambda i: i.market_price),
    ],
)
def test_each_field_lands_where_it_belongs(path: str, value: Any, read: Any) -> None:
    given = read(inputs_of(but(firm(), path, value)))
    assert (given.isoformat() if isinstance(given, date) else given) == value


SCHEDULES = [
    "revenueGrowth",
    "taxRate",
    "depreciation",
    "capitalExpenditure",
    "workingCapital",
    "ebitMargin",
]
SNAKE = {
    "revenueGrowth": "revenue_growth",
    "taxRate": "tax_rate",
    "depreciation": "depreciation",
    "capitalExpenditure": "capital_expenditure",
    "workingCapital": "working_capital",
    "ebitMargin": "ebit_margin",
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_a_level_years_or_stages(name: str) -> None:
    def schedule(given: dict[str, Any]) -> Any:
        operations = inputs_of(but(firm(), f"operations.{name}", given)).operations
        return getattr(operations, SNAKE[name])

    assert schedule({"level": 0.07}).level == 0.07
    assert schedule({"byYear": [0.1, 0.2, 0.3]}).by_year == (0.1, 0.2, 0.3)
    stages = schedule(
        {"stages": [{"years": 1, "value": 0.1}, {"years": 2, "value": 0, "ramp": True}]}
    )
    plain = [(stage.years, stage.value, stage.ramp) for stage in stages.stages]
    assert all(isinstance(stage, Stage) for stage in stages.stages)
    assert plain == [(1, 0.1, False), (2, 0, True)]


def test_either_margin_is_read() -> None:
    document = but(
        without(firm(), "operations.ebitMargin"), "operations.ebitdaMargin", {"level": 0.25}
    )
    operations = inputs_of(document).operations
    assert operations.ebit_margin is None
    assert operations.ebitda_margin is not None
    # EBITDA of 25 % less depreciation of 5 % is the EBIT of 20 % that the firm has otherwise.
    worth = value_dcf(inputs_of(document)).worth
    assert worth.value_per_share == WORTH_A_SHARE


BY_DAYS = {
    "receivables": {"level": 73.0},
    "inventories": {"level": 36.5},
    "payables": {"byYear": [146.0] * 3},
    "costOfSales": {"level": 0.5},
}
# All that may be left out of a firm's operations and its timing.
MORE = {
    "timing.fiscalYearEnd": "2024-12-09",  # 73 days later
    "operations.workingCapitalDays": BY_DAYS,
    "operations.stockCompensation": {"level": 0.01},
    "operations.stockCompensationTreatment": "ADD_BACK",
    "operations.losses": {"balance": 90.0, "limitShare": 0.5, "limitAmount": 60.0},
}


def test_what_may_be_left_out_of_the_operations_is_read() -> None:
    inputs = inputs_of(without(firm(**MORE), "operations.workingCapital"))
    operations, losses = inputs.operations, inputs.operations.losses
    assert inputs.timing.stub == 0.2
    assert operations.working_capital is None
    assert operations.working_capital_days is not None
    assert operations.working_capital_days.receivables.level == 73.0
    assert operations.working_capital_days.inventories.level == 36.5
    assert operations.working_capital_days.payables.by_year == (146.0,) * 3
    assert operations.working_capital_days.cost_of_sales.level == 0.5
    assert operations.stock_compensation is not None
    assert operations.stock_compensation.level == 0.01
    assert losses is not None
    assert (losses.balance, losses.limit_share, losses.limit_amount) == (90.0, 0.5, 60.0)
    left_out = inputs_of(firm()).operations
    assert left_out.working_capital_days is None
    assert left_out.stock_compensation is None
    assert left_out.stock_compensation_treatment is StockCompensation.EXPENSE
    assert left_out.losses is None
    assert inputs_of(firm()).timing.fiscal_year_end is None


def test_lines_that_apply_are_there_and_the_others_are_null() -> None:
    lines = ["receivables", "inventories", "payables", "stockCompensation"]
    lines += ["lossesUsed", "lossesLeft", "taxSaved"]
    plain = result_document(value_dcf(inputs_of(firm())))
    assert {name: plain["forecast"][name] for name in lines} == dict.fromkeys(lines)
    assert plain["bridge"]["lossesCarriedForward"] is None
    assert plain["stubShare"] is None
    document = without(firm(**MORE), "operations.workingCapital")
    full = result_document(value_dcf(inputs_of(document)))
    # EBIT is 200 a year: of year 1 a fifth, 40, of which half may be covered, and 12 of the 60.
    assert full["forecast"]["lossesUsed"] == pytest.approx([12.0, 60.0, 18.0])
    assert full["forecast"]["lossesLeft"] == pytest.approx([78.0, 18.0, 0.0])
    assert full["forecast"]["taxSaved"] == pytest.approx([3.0, 15.0, 4.5])
    assert full["forecast"]["receivables"] == pytest.approx([200.0] * 3)
    assert full["forecast"]["stockCompensation"] == [10.0] * 3
    saved = 3.0 * 1.1**-0.2 + 15.0 * 1.1**-1.2 + 4.5 * 1.1**-2.2
    assert full["bridge"]["lossesCarriedForward"] == pytest.approx(saved)
    assert full["stubShare"] == 0.2


def test_each_branch_of_a_choice_is_read() -> None:
    assert isinstance(inputs_of(firm()).capital, GivenWacc)
    capital = inputs_of(firm(capital={"capm": CAPM})).capital
    assert isinstance(capital, Capm)
    parts = (
        capital.risk_free_rate,
        capital.equity_risk_premium,
        capital.beta,
        capital.pre_tax_cost_of_debt,
        capital.debt_weight,
        capital.tax_rate,
    )
    assert parts == tuple(CAPM.values())
    multiple = inputs_of(firm(terminal={"exitMultiple": {"evToEbitda": 8.0}})).terminal
    assert isinstance(multiple, ExitMultiple)
    assert multiple.ev_to_ebitda == 8.0
    driver = inputs_of(
        firm(
            terminal={
                "valueDriver": {
                    "growth": 0.02,
                    "returnOnNewCapital": 0.12,
                    "discounting": "YEAR_END",
                }
            }
        )
    ).terminal
    assert isinstance(driver, ValueDriver)
    assert (driver.growth, driver.return_on_new_capital) == (0.02, 0.12)
    assert driver.discounting is TerminalDiscounting.YEAR_END


PEER = {"name": "Plum", "beta": 1.3, "debtToEquity": 0.5, "taxRate": 0.4}
COMPARED = {name: value for name, value in CAPM.items() if name != "beta"} | {
    "comparables": {"peers": [PEER, PEER | {"name": "Pear", "beta": 1.1}]}
}


def test_a_beta_from_comparables_is_read_with_every_premium() -> None:
    capital = inputs_of(firm(capital={"capm": COMPARED})).capital
    assert isinstance(capital, Capm)
    assert capital.beta is None
    assert capital.comparables is not None
    assert (capital.comparables.unlevering, capital.comparables.blume) == (Unlevering.HAMADA, False)
    plum, pear = capital.comparables.peers
    assert (plum.name, plum.beta, plum.debt_to_equity, plum.tax_rate) == ("Plum", 1.3, 0.5, 0.4)
    assert (pear.name, pear.beta) == ("Pear", 1.1)
    assert capital.tax_shields is TaxShields.UNLEVERED_COST
    premia = (capital.country_premium, capital.size_premium, capital.specific_premium)
    assert premia == (None, None, None)
    more = COMPARED | {
        "comparables": {"peers": [PEER], "unlevering": "HARRIS_PRINGLE", "blume": True},
        "countryPremium": 0.01,
        "sizePremium": 0.02,
        "specificPremium": 0.03,
        "taxShields": "COST_OF_DEBT",
    }
    full = inputs_of(firm(capital={"capm": more})).capital
    assert isinstance(full, Capm)
    assert full.comparables is not None
    assert full.comparables.unlevering is Unlevering.HARRIS_PRINGLE
    assert full.comparables.blume is True
    assert full.tax_shields is TaxShields.COST_OF_DEBT
    premia = (full.country_premium, full.size_premium, full.specific_premium)
    assert premia == (0.01, 0.02, 0.03)


def test_a_fade_and_a_normal_year_are_read() -> None:
    fade = {"initialGrowth": 0.08, "growth": 0.02, "halfLife": 4.0, "discounting": "YEAR_END"}
    fading = inputs_of(firm(terminal={"hModel": fade})).terminal
    assert isinstance(fading, HModel)
    assert (fading.initial_growth, fading.growth, fading.half_life) == (0.08, 0.02, 4.0)
    assert fading.discounting is TerminalDiscounting.YEAR_END
    year = {"depreciation": 0.04, "capitalExpenditure": 0.06}
    normal = inputs_of(firm(**{"terminal.gordon.normalised": year})).terminal
    assert isinstance(normal, Gordon)
    assert normal.normalised is not None
    shares = (normal.normalised.depreciation, normal.normalised.capital_expenditure)
    assert shares == (0.04, 0.06)
    plain = inputs_of(firm()).terminal
    assert isinstance(plain, Gordon)
    assert plain.normalised is None


def test_the_other_roads_are_told_or_why_there_are_none() -> None:
    plain = result_document(value_dcf(inputs_of(firm())))
    assert plain["costOfCapital"] is None
    roads = plain["reconciliation"]
    assert (roads["economicProfit"], roads["adjustedPresentValue"]) == (None, None)
    assert "operations.openingFixedAssets" in roads["noEconomicProfit"]
    assert "capital.capm" in roads["noAdjustedPresentValue"]
    document = firm(
        **{
            "capital": {"capm": COMPARED},
            "operations.openingFixedAssets": 900.0,
            "bridge.debt": 0.0,
        }
    )
    full = result_document(value_dcf(inputs_of(document)))
    # 900 and a tenth of 1,000 of revenue are in place, and stay as they are.
    profit = full["reconciliation"]["economicProfit"]
    assert profit["openingCapital"] == 1_000.0
    assert profit["capital"] == pytest.approx([1_000.0] * 3)
    assert profit["capitalCharge"] == pytest.approx([1_000.0 * full["wacc"]] * 3)
    value = pytest.approx(full["enterpriseValue"])
    assert profit["enterpriseValue"] == value
    assert full["reconciliation"]["adjustedPresentValue"]["enterpriseValue"] == value
    assert [peer["name"] for peer in full["costOfCapital"]["peers"]] == ["Plum", "Pear"]
    assert full["costOfCapital"]["costOfEquity"] == full["costOfEquity"]
    assert json.loads(json.dumps(full, allow_nan=False)) == full


def test_what_dilutes_is_read_tranche_by_tranche() -> None:
    given = {
        "basic": 90.0,
        "restrictedStock": 5.0,
        "options": [{"count": 10.0, "strike": 4.0}, {"count": 7.0, "strike": 99.0}],
        "convertibles": [{"faceValue": 20.0, "conversionPrice": 5.0}],
    }
    document = firm(shares=given, failure={"probability": 0.2, "recovery": 0.4})
    inputs = inputs_of(document)
    shares, failure = inputs.shares, inputs.failure
    assert (shares.diluted, shares.basic, shares.restricted_stock) == (None, 90.0, 5.0)
    assert [(each.count, each.strike) for each in shares.options] == [(10.0, 4.0), (7.0, 99.0)]
    bonds = [(each.face_value, each.conversion_price) for each in shares.convertibles]
    assert bonds == [(20.0, 5.0)]
    assert failure is not None
    assert (failure.probability, failure.recovery) == (0.2, 0.4)
    result = result_document(value_dcf(inputs))
    # 1,100 of equity; 10 options bring 40, and 4 new shares instead of the debt: 1,140 over 109.
    price = pytest.approx(1_140.0 / 109.0)
    assert result["dilution"]["price"] == price
    assert result["failure"]["goingConcern"]["valuePerShare"] == price
    # Sold for 600: 200 after net debt, of which 20 are owed on the convertible.
    assert result["failure"]["failed"]["equityValue"] == pytest.approx(180.0)
    assert result["bridge"]["convertibles"] == 0.0
    assert [each["exercised"] for each in result["dilution"]["options"]] == [True, False]
    assert result["dilution"]["convertibles"][0]["converted"] is True


def test_segments_are_read_and_told_one_by_one() -> None:
    business = firm()["operations"]
    document = without(firm(), "operations")
    document["segments"] = [
        {"name": "Shops", "operations": business},
        {
            "name": "Cloud",
            "operations": business,
            "capital": {"wacc": 0.2},
            "terminal": {"exitMultiple": {"evToEbitda": 5.0}},
        },
    ]
    inputs = inputs_of(document)
    assert inputs.operations is None
    shops, cloud = inputs.segments
    assert (shops.name, shops.capital, shops.terminal) == ("Shops", None, None)
    assert shops.operations.revenue == cloud.operations.revenue == 1_000.0
    assert isinstance(cloud.capital, GivenWacc)
    assert isinstance(cloud.terminal, ExitMultiple)
    result = result_document(value_dcf(inputs))
    one, other = result["segments"]
    assert one["enterpriseValue"] == pytest.approx(1_500.0)
    # 150 in each of three years, and five times an EBITDA of 250 after them, at 20 %.
    assert other["enterpriseValue"] == pytest.approx(150 / 1.2 + 150 / 1.44 + (150 + 1_250) / 1.728)
    assert (one["name"], one["wacc"], other["name"], other["wacc"]) == ("Shops", 0.1, "Cloud", 0.2)
    assert one["share"] + other["share"] == pytest.approx(1.0)
    assert result["enterpriseValue"] == one["enterpriseValue"] + other["enterpriseValue"]
    assert result["forecast"]["revenue"] == [2_000.0] * 3
    assert one["forecast"]["discountFactor"][0] == pytest.approx(1.0 / 1.1)
    assert result["forecast"]["discountFactor"] is None
    assert result["terminalDiscountFactor"] is None
    assert result["reconciliation"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_what_was_not_asked_is_null_in_the_result() -> None:
    result = result_document(value_dcf(inputs_of(firm())))
    assert (result["dilution"], result["failure"], result["segments"]) == (None, None, None)
    assert result["bridge"]["convertibles"] is None
    # Nothing dilutes, but somebody asked.
    asked = result_document(value_dcf(inputs_of(firm(shares={"basic": 100.0}))))
    assert asked["dilution"] == {
        "price": asked["valuePerShare"],
        "heldShares": 100.0,
        "options": [],
        "convertibles": [],
    }
    assert asked["valuePerShare"] == result["valuePerShare"]


def test_a_document_is_not_changed_by_being_read() -> None:
    document = firm(capital={"capm": CAPM})
    before = json.dumps(document)
    result_document(value_dcf(inputs_of(document)))
    assert json.dumps(document) == before


def test_the_result_has_every_number_under_the_schemas_names() -> None:
    result = result_document(value_dcf(inputs_of(firm(marketPrice=10.0))))
    assert result["valuePerShare"] == WORTH_A_SHARE
    assert result["enterpriseValue"] == pytest.approx(1500.0)
    assert result["netDebt"] == 400.0
    assert result["equityValue"] == pytest.approx(1100.0)
    assert result["wacc"] == 0.1
    assert result["costOfEquity"] is None
    assert result["dilutedShares"] == 100.0
    assert result["crossChecks"]["upside"] == pytest.approx(0.1)
    assert result["bridge"]["debt"] == 500.0
    assert result["bridge"]["pensionsAfterTax"] == 0.0
    assert result["forecast"]["freeCashFlow"] == pytest.approx([150.0] * 3)
    lines = [line for line in result["forecast"].values() if line is not None]
    assert {len(line) for line in lines} == {3}
    assert not any(
        "_" in name
        for part in (result, *result.values())
        if isinstance(part, dict)
        for name in part
    )


def test_the_result_is_json_and_survives_it_unchanged() -> None:
    result = result_document(value_dcf(inputs_of(firm(capital={"capm": CAPM}))))
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_remark_points_at_the_input_by_the_callers_name() -> None:
    result = result_document(
        value_dcf(inputs_of(firm(**{"operations.capitalExpenditure": {"level": 0.2}})))
    )
    paths = {remark["path"] for remark in result["remarks"]}
    assert paths
    assert not any("_" in path for path in paths)
    assert all(remark["message"].endswith(".") for remark in result["remarks"])


def test_a_document_with_both_margins_becomes_inputs_that_the_door_refuses() -> None:
    both = but(firm(), "operations.ebitdaMargin", {"level": 0.25})
    with pytest.raises(InvalidInput) as no:
        value_dcf(inputs_of(both))
    assert [problem.code for problem in no.value.problems] == ["CONTRADICTION"]

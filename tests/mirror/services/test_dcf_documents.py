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
    TerminalDiscounting,
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
        ("operations.revenue", 5.0, lambda i: i.operations.revenue),
        ("operations.openingWorkingCapital", 6.0, lambda i: i.operations.opening_working_capital),
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
    assert {len(line) for line in result["forecast"].values()} == {3}
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

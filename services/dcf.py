"""A DCF's documents: from the caller's words to the engine's, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.dcf import (
    Bridge,
    Capital,
    Capm,
    CrossChecks,
    DcfInputs,
    DcfResult,
    ExitMultiple,
    FlowTiming,
    Forecast,
    GivenWacc,
    Gordon,
    Operations,
    Shares,
    Terminal,
    TerminalDiscounting,
    Timing,
    ValueDriver,
)
from engine.schedules import Schedule, Stage
from services.words import camel


def inputs_of(document: Mapping[str, Any]) -> DcfInputs:
    """The engine's inputs. The document has the schema's types; its numbers are not yet checked."""
    timing, operations = document["timing"], document["operations"]
    bridge = document["bridge"]
    return DcfInputs(
        timing=Timing(
            valuation_date=date.fromisoformat(timing["valuationDate"]),
            years=timing["years"],
            flows=FlowTiming(timing.get("flows", FlowTiming.END_YEAR)),
        ),
        operations=Operations(
            revenue=operations["revenue"],
            revenue_growth=_schedule(operations["revenueGrowth"]),
            ebit_margin=_optional_schedule(operations.get("ebitMargin")),
            ebitda_margin=_optional_schedule(operations.get("ebitdaMargin")),
            tax_rate=_schedule(operations["taxRate"]),
            depreciation=_schedule(operations["depreciation"]),
            capital_expenditure=_schedule(operations["capitalExpenditure"]),
            working_capital=_schedule(operations["workingCapital"]),
            opening_working_capital=operations.get("openingWorkingCapital"),
        ),
        capital=_capital(document["capital"]),
        terminal=_terminal(document["terminal"]),
        bridge=Bridge(
            debt=bridge["debt"],
            cash=bridge["cash"],
            leases=bridge.get("leases", 0.0),
            preferred_stock=bridge.get("preferredStock", 0.0),
            minority_interests=bridge.get("minorityInterests", 0.0),
            pensions_after_tax=bridge.get("pensionsAfterTax", 0.0),
            associates=bridge.get("associates", 0.0),
        ),
        shares=Shares(diluted=document["shares"]["diluted"]),
        currency=document.get("currency", "USD"),
        market_price=document.get("marketPrice"),
    )


def _schedule(given: Mapping[str, Any]) -> Schedule:
    if "level" in given:
        return Schedule.constant(given["level"])
    if "byYear" in given:
        return Schedule.explicit(given["byYear"])
    stages = given["stages"]
    return Schedule.staged(
        *(
            Stage(years=stage["years"], value=stage["value"], ramp=stage.get("ramp", False))
            for stage in stages
        )
    )


def _optional_schedule(given: Mapping[str, Any] | None) -> Schedule | None:
    return None if given is None else _schedule(given)


def _capital(given: Mapping[str, Any]) -> Capital:
    if "wacc" in given:
        return GivenWacc(wacc=given["wacc"])
    capm = given["capm"]
    return Capm(
        risk_free_rate=capm["riskFreeRate"],
        equity_risk_premium=capm["equityRiskPremium"],
        beta=capm["beta"],
        pre_tax_cost_of_debt=capm["preTaxCostOfDebt"],
        debt_weight=capm["debtWeight"],
        tax_rate=capm["taxRate"],
    )


def _terminal(given: Mapping[str, Any]) -> Terminal:
    if "exitMultiple" in given:
        return ExitMultiple(ev_to_ebitda=given["exitMultiple"]["evToEbitda"])
    if "gordon" in given:
        gordon = given["gordon"]
        return Gordon(growth=gordon["growth"], discounting=_discounting(gordon))
    driver = given["valueDriver"]
    return ValueDriver(
        growth=driver["growth"],
        return_on_new_capital=driver["returnOnNewCapital"],
        discounting=_discounting(driver),
    )


def _discounting(given: Mapping[str, Any]) -> TerminalDiscounting:
    return TerminalDiscounting(given.get("discounting", TerminalDiscounting.LAST_FLOW))


def result_document(result: DcfResult) -> dict[str, Any]:
    """Every number of the result, under the names of the schema's `DcfValuation`."""
    worth, bridge = result.worth, result.inputs.bridge
    forecast = {
        camel(name): getattr(result.forecast, name) for name in Forecast.__dataclass_fields__
    }
    return {
        "wacc": worth.wacc,
        "costOfEquity": result.cost_of_equity,
        "valueOfForecast": worth.value_of_forecast,
        "terminalValue": worth.terminal_value,
        "terminalDiscountFactor": worth.terminal_discount_factor,
        "valueOfTerminal": worth.value_of_terminal,
        "enterpriseValue": worth.enterprise_value,
        "netDebt": worth.net_debt,
        "equityValue": worth.equity_value,
        "valuePerShare": worth.value_per_share,
        "dilutedShares": worth.diluted_shares,
        "forecast": forecast,
        "bridge": {camel(name): getattr(bridge, name) for name in Bridge.__slots__},
        "crossChecks": {
            camel(name): getattr(result.cross_checks, name) for name in CrossChecks.__slots__
        },
        "remarks": [
            {"code": remark.code, "path": camel(remark.path), "message": remark.message}
            for remark in result.remarks
        ],
    }

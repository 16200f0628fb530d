"""A DCF's documents: from the caller's words to the engine's, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from engine.dcf import (
    AdjustedPresentValue,
    Bridge,
    Capital,
    Capm,
    Comparables,
    Convertible,
    CostOfCapital,
    CrossChecks,
    DcfInputs,
    DcfResult,
    Dilution,
    EconomicProfit,
    ExitMultiple,
    Failure,
    FlowTiming,
    Forecast,
    GivenWacc,
    Gordon,
    HModel,
    LossesCarriedForward,
    Normalised,
    Operations,
    OptionTranche,
    Peer,
    Reconciliation,
    Segment,
    SegmentValue,
    Settled,
    Shares,
    StockCompensation,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    Timing,
    Unlevering,
    ValueDriver,
    WorkingCapitalDays,
)
from engine.schedules import Schedule, Stage
from services.words import camel, for_callers

T = TypeVar("T")


def inputs_of(document: Mapping[str, Any]) -> DcfInputs:
    """The engine's inputs. The document has the schema's types; its numbers are not yet checked."""
    timing, bridge = document["timing"], document["bridge"]
    return DcfInputs(
        timing=Timing(
            valuation_date=date.fromisoformat(timing["valuationDate"]),
            years=timing["years"],
            flows=FlowTiming(timing.get("flows", FlowTiming.END_YEAR)),
            fiscal_year_end=_optional(date.fromisoformat, timing.get("fiscalYearEnd")),
        ),
        operations=_optional(_operations, document.get("operations")),
        segments=tuple(_segment(each) for each in document.get("segments", ())),
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
        shares=_shares(document["shares"]),
        currency=document.get("currency", "USD"),
        market_price=document.get("marketPrice"),
        failure=_optional(_failure, document.get("failure")),
    )


def _operations(given: Mapping[str, Any]) -> Operations:
    return Operations(
        revenue=given["revenue"],
        revenue_growth=_schedule(given["revenueGrowth"]),
        ebit_margin=_optional_schedule(given.get("ebitMargin")),
        ebitda_margin=_optional_schedule(given.get("ebitdaMargin")),
        tax_rate=_schedule(given["taxRate"]),
        depreciation=_schedule(given["depreciation"]),
        capital_expenditure=_schedule(given["capitalExpenditure"]),
        working_capital=_optional_schedule(given.get("workingCapital")),
        working_capital_days=_optional(_working_capital_days, given.get("workingCapitalDays")),
        opening_working_capital=given.get("openingWorkingCapital"),
        stock_compensation=_optional_schedule(given.get("stockCompensation")),
        stock_compensation_treatment=StockCompensation(
            given.get("stockCompensationTreatment", StockCompensation.EXPENSE)
        ),
        losses=_optional(_losses, given.get("losses")),
        opening_fixed_assets=given.get("openingFixedAssets"),
    )


def _segment(given: Mapping[str, Any]) -> Segment:
    return Segment(
        name=given["name"],
        operations=_operations(given["operations"]),
        capital=_optional(_capital, given.get("capital")),
        terminal=_optional(_terminal, given.get("terminal")),
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
    return _optional(_schedule, given)


def _optional(read: Callable[[Any], T], given: Any) -> T | None:
    return None if given is None else read(given)


def _working_capital_days(given: Mapping[str, Any]) -> WorkingCapitalDays:
    return WorkingCapitalDays(
        receivables=_schedule(given["receivables"]),
        inventories=_schedule(given["inventories"]),
        payables=_schedule(given["payables"]),
        cost_of_sales=_schedule(given["costOfSales"]),
    )


def _losses(given: Mapping[str, Any]) -> LossesCarriedForward:
    return LossesCarriedForward(
        balance=given["balance"],
        limit_share=given.get("limitShare"),
        limit_amount=given.get("limitAmount"),
    )


def _capital(given: Mapping[str, Any]) -> Capital:
    if "wacc" in given:
        return GivenWacc(wacc=given["wacc"])
    capm = given["capm"]
    return Capm(
        risk_free_rate=capm["riskFreeRate"],
        equity_risk_premium=capm["equityRiskPremium"],
        beta=capm.get("beta"),
        comparables=_optional(_comparables, capm.get("comparables")),
        pre_tax_cost_of_debt=capm["preTaxCostOfDebt"],
        debt_weight=capm["debtWeight"],
        tax_rate=capm["taxRate"],
        country_premium=capm.get("countryPremium"),
        size_premium=capm.get("sizePremium"),
        specific_premium=capm.get("specificPremium"),
        tax_shields=TaxShields(capm.get("taxShields", TaxShields.UNLEVERED_COST)),
    )


def _comparables(given: Mapping[str, Any]) -> Comparables:
    return Comparables(
        peers=tuple(
            Peer(
                name=peer["name"],
                beta=peer["beta"],
                debt_to_equity=peer["debtToEquity"],
                tax_rate=peer["taxRate"],
            )
            for peer in given["peers"]
        ),
        unlevering=Unlevering(given.get("unlevering", Unlevering.HAMADA)),
        blume=given.get("blume", False),
    )


def _terminal(given: Mapping[str, Any]) -> Terminal:
    if "exitMultiple" in given:
        return ExitMultiple(ev_to_ebitda=given["exitMultiple"]["evToEbitda"])
    if "gordon" in given:
        gordon = given["gordon"]
        return Gordon(
            growth=gordon["growth"],
            normalised=_optional(_normalised, gordon.get("normalised")),
            discounting=_discounting(gordon),
        )
    if "hModel" in given:
        fading = given["hModel"]
        return HModel(
            initial_growth=fading["initialGrowth"],
            growth=fading["growth"],
            half_life=fading["halfLife"],
            discounting=_discounting(fading),
        )
    driver = given["valueDriver"]
    return ValueDriver(
        growth=driver["growth"],
        return_on_new_capital=driver["returnOnNewCapital"],
        discounting=_discounting(driver),
    )


def _normalised(given: Mapping[str, Any]) -> Normalised:
    return Normalised(
        depreciation=given["depreciation"], capital_expenditure=given["capitalExpenditure"]
    )


def _discounting(given: Mapping[str, Any]) -> TerminalDiscounting:
    return TerminalDiscounting(given.get("discounting", TerminalDiscounting.LAST_FLOW))


def _shares(given: Mapping[str, Any]) -> Shares:
    return Shares(
        diluted=given.get("diluted"),
        basic=given.get("basic"),
        restricted_stock=given.get("restrictedStock"),
        options=tuple(
            OptionTranche(count=each["count"], strike=each["strike"])
            for each in given.get("options", ())
        ),
        convertibles=tuple(
            Convertible(face_value=each["faceValue"], conversion_price=each["conversionPrice"])
            for each in given.get("convertibles", ())
        ),
    )


def _failure(given: Mapping[str, Any]) -> Failure:
    return Failure(probability=given["probability"], recovery=given["recovery"])


def result_document(result: DcfResult) -> dict[str, Any]:
    """Every number of the result, under the names of the schema's `DcfValuation`."""
    worth, bridge = result.worth, result.inputs.bridge
    timing = result.inputs.timing
    return {
        "wacc": worth.wacc,
        "costOfEquity": result.cost_of_equity,
        "costOfCapital": _optional(_cost_of_capital_document, result.cost_of_capital),
        "stubShare": None if timing.fiscal_year_end is None else timing.stub,
        "valueOfForecast": worth.value_of_forecast,
        "terminalValue": worth.terminal_value,
        "terminalDiscountFactor": worth.terminal_discount_factor,
        "valueOfTerminal": worth.value_of_terminal,
        "enterpriseValue": worth.enterprise_value,
        "netDebt": worth.net_debt,
        "equityValue": worth.equity_value,
        "valuePerShare": worth.value_per_share,
        "dilutedShares": worth.diluted_shares,
        "dilution": _dilution_document(result.inputs.shares, result.dilution),
        "failure": _failure_document(worth.settled),
        "forecast": _forecast_document(result.forecast),
        "bridge": {
            **_group(bridge),
            "lossesCarriedForward": worth.losses_carried_forward,
            "convertibles": worth.settled.convertible_debt
            if result.inputs.shares.convertibles
            else None,
        },
        "crossChecks": _group(result.cross_checks),
        "segments": [_segment_document(each) for each in result.segments] or None,
        "reconciliation": _optional(_reconciliation_document, result.reconciliation),
        "remarks": [
            {"code": remark.code, "path": camel(remark.path), "message": remark.message}
            for remark in result.remarks
        ],
    }


def _forecast_document(forecast: Forecast) -> dict[str, Any]:
    """A line that does not apply is empty there, and null here."""
    names = Forecast.__dataclass_fields__
    return {camel(name): getattr(forecast, name) or None for name in names}


def _group(of: Bridge | CrossChecks | CostOfCapital | EconomicProfit | AdjustedPresentValue) -> Any:
    """Every number of a group, under the names of the schema."""
    return {camel(name): getattr(of, name) for name in type(of).__slots__}


def _segment_document(segment: SegmentValue) -> dict[str, Any]:
    """A segment as a firm without claims: its way to an enterprise value, and no further."""
    worth = segment.worth
    return {
        "name": segment.name,
        "wacc": worth.wacc,
        "valueOfForecast": worth.value_of_forecast,
        "terminalValue": worth.terminal_value,
        "terminalDiscountFactor": worth.terminal_discount_factor,
        "valueOfTerminal": worth.value_of_terminal,
        "enterpriseValue": worth.enterprise_value,
        "share": segment.share,
        "lossesCarriedForward": worth.losses_carried_forward,
        "forecast": _forecast_document(segment.forecast),
        "crossChecks": _group(segment.cross_checks),
        "reconciliation": _reconciliation_document(segment.reconciliation),
    }


def _dilution_document(shares: Shares, dilution: Dilution | None) -> dict[str, Any] | None:
    """Tranche by tranche, each beside what was given for it; None: diluted shares were given."""
    if dilution is None:
        return None
    return {
        "price": dilution.price,
        "heldShares": dilution.held,
        "options": [
            {
                "count": given.count,
                "strike": given.strike,
                "exercised": found.exercised,
                "netShares": found.net_shares,
            }
            for given, found in zip(shares.options, dilution.options, strict=True)
        ],
        "convertibles": [
            {
                "faceValue": given.face_value,
                "conversionPrice": given.conversion_price,
                "converted": found.converted,
                "shares": found.shares,
                "debt": found.debt,
            }
            for given, found in zip(shares.convertibles, dilution.convertibles, strict=True)
        ],
    }


def _failure_document(settled: Settled) -> dict[str, Any] | None:
    """The two firms that the equity value weighs; None: no failure was given."""
    if settled.going_concern is None or settled.failed is None:
        return None
    return {
        name: {
            "equityValue": firm.equity_value,
            "valuePerShare": firm.value_per_share,
            "dilutedShares": firm.diluted_shares,
        }
        for name, firm in (("goingConcern", settled.going_concern), ("failed", settled.failed))
    }


def _cost_of_capital_document(built: CostOfCapital) -> dict[str, Any]:
    peers = built.peers and [
        {"name": peer.name, "beta": peer.beta, "unleveredBeta": peer.unlevered_beta}
        for peer in built.peers
    ]
    return {**_group(built), "peers": peers}


def _reconciliation_document(roads: Reconciliation) -> dict[str, Any]:
    """Each road as a group of its own, or the reason why there is none, in the caller's words."""
    return {
        "economicProfit": _optional(_group, roads.economic_profit),
        "noEconomicProfit": _optional(for_callers, roads.no_economic_profit),
        "adjustedPresentValue": _optional(_group, roads.adjusted_present_value),
        "noAdjustedPresentValue": _optional(for_callers, roads.no_adjusted_present_value),
    }

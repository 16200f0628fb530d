"""A DCF's documents: from the caller's words to the engine's, and back."""

from __future__ import annotations

from typing import Any, Final

from engine.dcf import (
    DcfInputs,
    DcfResult,
    Dilution,
    Forecast,
    Reconciliation,
    SegmentValue,
    Settled,
    Shares,
)
from services.documents import document_of, reader
from services.words import camel, for_callers

inputs_of: Final = reader(DcfInputs)


def result_document(result: DcfResult) -> dict[str, Any]:
    """Every number of the result, under the names of the schema's `DcfValuation`."""
    worth, bridge = result.worth, result.inputs.bridge
    timing = result.inputs.timing
    return {
        "wacc": worth.wacc,
        "costOfEquity": result.cost_of_equity,
        "costOfCapital": document_of(result.cost_of_capital),
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
            **document_of(bridge),
            "lossesCarriedForward": worth.losses_carried_forward,
            "convertibles": worth.settled.convertible_debt
            if result.inputs.shares.convertibles
            else None,
        },
        "crossChecks": document_of(result.cross_checks),
        "segments": [_segment_document(each) for each in result.segments] or None,
        "reconciliation": result.reconciliation and _reconciliation_document(result.reconciliation),
        "remarks": [
            {"code": remark.code, "path": camel(remark.path), "message": remark.message}
            for remark in result.remarks
        ],
    }


def _forecast_document(forecast: Forecast) -> dict[str, Any]:
    """A line that does not apply is empty there, and null here."""
    names = Forecast.__dataclass_fields__
    return {camel(name): getattr(forecast, name) or None for name in names}


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
        "crossChecks": document_of(segment.cross_checks),
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


def _reconciliation_document(roads: Reconciliation) -> dict[str, Any]:
    """Each road as a group of its own, or the reason why there is none, in the caller's words."""
    return {
        name: for_callers(value) if isinstance(value, str) else value
        for name, value in document_of(roads).items()
    }

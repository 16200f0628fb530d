"""What a firm earns, spends and ties up by whole fiscal years: read from the document alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

Facts = dict[str, Any]
Document = Mapping[str, Any]


def stub(timing: Document) -> float:
    end = timing.get("fiscalYearEnd")
    if end is None:
        return 1.0
    days = (date.fromisoformat(end) - date.fromisoformat(timing["closingDate"])).days
    return min(days / 365.0, 1.0)


def by_year(schedule: Document | None, years: int, without: float = 0.0) -> list[float]:
    """One number for each year, from a level, years or stages; ``without`` where none is given."""
    if schedule is None:
        return [without] * years
    if schedule.get("byYear") is not None:
        return list(schedule["byYear"])
    if schedule.get("level") is not None:
        return [schedule["level"]] * years
    values: list[float] = []
    for stage in schedule["stages"]:
        start = values[-1] if stage.get("ramp") else stage["value"]
        rise, steps = stage["value"] - start, stage["years"]
        values.extend(start + rise * step / steps for step in range(1, steps + 1))
    return values


def operations_by_year(operations: Document, years: int) -> list[Facts]:
    """Whole fiscal years; year 0 has the revenue and the working capital that it begins with."""
    growth = by_year(operations["revenueGrowth"], years)
    depreciation = by_year(operations["depreciation"], years)
    capex = by_year(operations["capitalExpenditure"], years)
    tax = by_year(operations["taxRate"], years)
    shares_paid = by_year(operations.get("stockCompensation"), years)
    adds_back = operations.get("stockCompensationTreatment") == "ADD_BACK"
    tied_up = _working_capital_shares(operations, years)
    opening = operations.get("openingWorkingCapital")
    revenue = operations["revenue"]
    told: list[Facts] = [
        {
            "revenue": revenue,
            "workingCapital": tied_up[0] * revenue if opening is None else opening,
        }
    ]
    for year in range(years):
        revenue *= 1.0 + growth[year]
        if operations.get("ebitdaMargin") is not None:
            ebitda = by_year(operations["ebitdaMargin"], years)[year] * revenue
        else:
            ebit_margin = by_year(operations["ebitMargin"], years)[year]
            ebitda = (ebit_margin + depreciation[year]) * revenue
        told.append(
            {
                "revenue": revenue,
                "ebitda": ebitda,
                "depreciation": depreciation[year] * revenue,
                "capitalExpenditure": capex[year] * revenue,
                "workingCapital": tied_up[year] * revenue,
                "addedBack": shares_paid[year] * revenue if adds_back else 0.0,
                "taxRate": tax[year],
            }
        )
    return told


def _working_capital_shares(operations: Document, years: int) -> list[float]:
    days = operations.get("workingCapitalDays")
    if days is None:
        return by_year(operations["workingCapital"], years)
    receivables = by_year(days["receivables"], years)
    inventories = by_year(days["inventories"], years)
    payables = by_year(days["payables"], years)
    costs = by_year(days["costOfSales"], years)
    return [
        (receivables[t] + (inventories[t] - payables[t]) * costs[t]) / 365.0 for t in range(years)
    ]

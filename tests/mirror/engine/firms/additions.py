"""Strategies for firms with more to say: each adds to a firm that another one drew."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from engine.dcf import (
    Convertible,
    DcfInputs,
    Failure,
    LossesCarriedForward,
    OptionTranche,
    Segment,
    Shares,
    StockCompensation,
    WorkingCapitalDays,
)
from engine.schedules import Schedule
from tests.mirror.engine.firms.bounds import DAYS
from tests.mirror.engine.firms.parts import numbers, schedules, typed


@st.composite
def fuller(draw: st.DrawFn, base: st.SearchStrategy[DcfInputs], *, wide: bool = False) -> DcfInputs:
    """A firm with more to say of its operations: a year 1 that has begun, working capital by days,
    stock compensation, losses carried forward, or some of them; ``wide``: up to the door's bounds.
    """
    inputs = draw(base)
    timing, operations = inputs.timing, inputs.operations
    revenue = float(operations.revenue)
    some = numbers if wide else typed

    def driver(low: float, high: float) -> Schedule:
        return draw(schedules(timing.years, low, high, by_hand=not wide))

    if draw(st.booleans()):
        end = timing.valuation_date + timedelta(days=draw(st.integers(1, 366)))
        timing = dataclasses.replace(timing, fiscal_year_end=end)
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        bounds = DAYS if wide else dict.fromkeys(DAYS, (0.0, 90.0)) | {"cost_of_sales": (0.3, 0.8)}
        days = WorkingCapitalDays(**{name: driver(*bounds[name]) for name in DAYS})
        more |= {"working_capital": None, "working_capital_days": days}
    if draw(st.booleans()):
        more["stock_compensation"] = driver(0.0, 1.0 if wide else 0.1)
        more["stock_compensation_treatment"] = draw(st.sampled_from(StockCompensation))
    if draw(st.booleans()):
        money = some(0.0, 1e18 if wide else 3.0 * revenue)
        more["losses"] = LossesCarriedForward(
            balance=draw(money),
            limit_share=draw(st.none() | some(0.0, 1.0)),
            limit_amount=draw(st.none() | money),
        )
    return dataclasses.replace(
        inputs, timing=timing, operations=dataclasses.replace(operations, **more)
    )


@st.composite
def settled(draw: st.DrawFn, base: st.SearchStrategy[DcfInputs]) -> DcfInputs:
    """A firm with more to say of what its enterprise value is made of, and who shares it:
    segments, options and convertibles, a failure, or some of them.
    """
    inputs = draw(base)
    revenue, held = float(inputs.business.revenue), float(inputs.shares.diluted or 1.0)
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        count, face = numbers(0.0, held), numbers(0.0, min(1e18, 2.0 * revenue))
        price = numbers(1e-6, min(1e12, max(1.0, 5.0 * revenue / held)))
        options = st.builds(OptionTranche, count=count, strike=price | st.just(0.0))
        bonds = st.builds(Convertible, face_value=face, conversion_price=price)
        more["shares"] = Shares(
            basic=held,
            restricted_stock=draw(st.none() | count),
            options=tuple(draw(st.lists(options, max_size=4))),
            convertibles=tuple(draw(st.lists(bonds, max_size=2))),
        )
    if draw(st.booleans()):
        part = numbers(0.0, 1.0)
        more["failure"] = Failure(probability=draw(part), recovery=draw(part))
    if draw(st.booleans()):
        own = st.booleans()
        more["operations"] = None
        more["segments"] = tuple(
            Segment(
                name=name,
                operations=inputs.business,
                capital=inputs.capital if draw(own) else None,
                terminal=inputs.terminal if draw(own) else None,
            )
            for name in ("One", "Two", "Three")[: draw(st.integers(1, 3))]
        )
    return dataclasses.replace(inputs, **more)

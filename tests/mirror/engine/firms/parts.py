"""Strategies for what a firm is made of: numbers, schedules, capital and what comes after."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume
from hypothesis import strategies as st

from engine.dcf import (
    Capital,
    Capm,
    Comparables,
    ExitMultiple,
    GivenWacc,
    Gordon,
    HModel,
    Normalised,
    Peer,
    TaxShields,
    Terminal,
    TerminalDiscounting,
    Unlevering,
    ValueDriver,
)
from engine.schedules import Schedule, Stage
from tests.mirror.engine.firms.by_hand import level


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def typed(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers with six decimals at most, as a person types them."""
    return numbers(low, high).map(lambda value: round(value, 6))


@st.composite
def schedules(
    draw: st.DrawFn, years: int, low: float, high: float, by_hand: bool = False
) -> Schedule:
    """A level, explicit years, or stages with ramps, from ``low`` to ``high``."""
    kind = draw(st.sampled_from(["level", "by_year", "stages"]))
    values = typed(low, high) if by_hand else numbers(low, high)
    if kind == "level":
        return level(draw(values))
    if kind == "by_year":
        return Schedule.explicit(draw(st.lists(values, min_size=years, max_size=years)))
    stages: list[Stage] = []
    left = years
    while left:
        length = draw(st.integers(1, left))
        ramp = bool(stages) and draw(st.booleans())
        stages.append(Stage(years=length, value=draw(values), ramp=ramp))
        left -= length
    return Schedule.staged(*stages)


def capitals() -> st.SearchStrategy[Capital]:
    """A WACC between 4 % and 25 %, given or built."""
    given = st.builds(GivenWacc, wacc=typed(0.04, 0.25))
    built = st.builds(
        Capm,
        risk_free_rate=typed(0.03, 0.08),
        equity_risk_premium=typed(0.02, 0.08),
        beta=typed(0.5, 2.0),
        pre_tax_cost_of_debt=typed(0.06, 0.12),
        debt_weight=typed(0.0, 0.7),
        tax_rate=typed(0.0, 0.3),
    )
    return given | built | built_in_full()


@st.composite
def built_in_full(draw: st.DrawFn) -> Capm:
    """A WACC between 4 % and 25 % with every part that there is, its beta from comparables."""
    peers = st.builds(
        Peer,
        name=st.sampled_from(["Plum", "Pear", "Quince"]),
        beta=typed(0.5, 2.0),
        debt_to_equity=typed(0.0, 2.0),
        tax_rate=typed(0.0, 0.4),
    )
    comparables = Comparables(
        peers=tuple(draw(st.lists(peers, min_size=1, max_size=5))),
        unlevering=draw(st.sampled_from(Unlevering)),
        blume=draw(st.booleans()),
    )
    betas = sorted(map(float, comparables.unlevered_betas()))
    # Where two peers say the same, the median has a corner and no one slope.
    assume(all(high - low > 1e-6 for low, high in pairwise(betas)))
    return Capm(
        risk_free_rate=draw(typed(0.03, 0.06)),
        equity_risk_premium=draw(typed(0.02, 0.06)),
        comparables=comparables,
        pre_tax_cost_of_debt=draw(typed(0.06, 0.12)),
        debt_weight=draw(typed(0.0, 0.5)),
        tax_rate=draw(typed(0.0, 0.3)),
        country_premium=draw(st.none() | typed(0.0, 0.03)),
        size_premium=draw(st.none() | typed(0.0, 0.02)),
        specific_premium=draw(st.none() | typed(-0.01, 0.02)),
        tax_shields=draw(st.sampled_from(TaxShields)),
    )


@st.composite
def terminals(draw: st.DrawFn, wacc: float) -> Terminal:
    """Any of them, with growth for ever a full point or more below ``wacc``."""
    kind = draw(st.sampled_from([Gordon, ExitMultiple, ValueDriver, HModel, Normalised]))
    if kind is ExitMultiple:
        return ExitMultiple(ev_to_ebitda=draw(typed(1.0, 40.0)))
    growth = draw(typed(-0.05, min(wacc - 0.01, 0.05)))
    discounting = draw(st.sampled_from(TerminalDiscounting))
    if kind is Gordon:
        return Gordon(growth=growth, discounting=discounting)
    if kind is Normalised:
        normal = Normalised(
            depreciation=draw(typed(0.0, 0.1)), capital_expenditure=draw(typed(0.0, 0.1))
        )
        return Gordon(growth=growth, normalised=normal, discounting=discounting)
    if kind is HModel:
        return HModel(
            initial_growth=draw(typed(growth, 0.3)),
            growth=growth,
            half_life=draw(typed(0.0, 10.0)),
            discounting=discounting,
        )
    returns = draw(typed(max(growth, 0.01) + 0.01, 0.6))
    return ValueDriver(growth=growth, return_on_new_capital=returns, discounting=discounting)

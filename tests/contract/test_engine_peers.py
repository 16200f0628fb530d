"""Others who know how to discount must agree: another library, and another way to build a DCF."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy_financial
import pytest
import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import DcfInputs, ExitMultiple, FlowTiming, Gordon, value_dcf
from tests.mirror.engine.exact import exact_dcf
from tests.mirror.engine.firms import LAW, firm, firms, fuller


@LAW
@given(firms())
def test_numpy_financial_finds_the_same_present_value(inputs: DcfInputs) -> None:
    result = value_dcf(inputs)
    wacc, total = float(result.worth.wacc), result.worth
    flows = [0.0, *map(float, result.forecast.free_cash_flow)]
    present = float(numpy_financial.npv(wacc, flows))
    if inputs.timing.flows is FlowTiming.MID_YEAR:
        present *= math.sqrt(1.0 + wacc)
    close = 1e-12 * float(exact_dcf(inputs).gross)
    assert total.value_of_forecast == pytest.approx(present, rel=0, abs=close)
    if isinstance(inputs.terminal, ExitMultiple):
        sale = float(total.terminal_value)
        paid = float(numpy_financial.npv(wacc, [0.0] * inputs.timing.years + [sale]))
        assert total.value_of_terminal == pytest.approx(paid, rel=1e-12)


@LAW
@given(fuller(firms()).filter(lambda firm: firm.timing.flows is FlowTiming.END_YEAR))
def test_pyxirr_finds_the_same_value_from_dates(inputs: DcfInputs) -> None:
    # Years of 365 days from the first one's end: by actual/365 they are whole.
    start, stub = inputs.timing.valuation_date, inputs.timing.stub
    end = start + timedelta(days=round(stub * 365))
    ends = [end + timedelta(days=365 * year) for year in range(inputs.timing.years)]
    result = value_dcf(inputs)
    lines = result.forecast

    def today(flows: list[float]) -> float:
        # Nothing is paid today: it says which day that is.
        dated: list[tuple[date, float]] = [(start, 0.0), *zip(ends, flows, strict=True)]
        found = pyxirr.xnpv(float(result.worth.wacc), dated)
        assert found is not None
        return found

    flows = [stub * lines.free_cash_flow[0], *lines.free_cash_flow[1:]]
    close = 1e-12 * float(exact_dcf(inputs).gross)
    assert result.worth.value_of_forecast == pytest.approx(today(flows), rel=0, abs=close)
    if lines.tax_saved:
        saved = result.worth.losses_carried_forward
        assert saved == pytest.approx(today(lines.tax_saved), rel=0, abs=close)


@LAW
@given(st.floats(0.03, 0.3), st.floats(-0.05, 0.02), st.integers(1, 20))
def test_the_return_on_buying_at_the_value_is_the_wacc(
    wacc: float, growth: float, years: int
) -> None:
    result = value_dcf(firm(years=years, wacc=wacc, terminal=Gordon(growth=growth)))
    flows = [-float(result.worth.enterprise_value), *map(float, result.forecast.free_cash_flow)]
    flows[-1] += float(result.worth.terminal_value)
    assert numpy_financial.irr(flows) == pytest.approx(wacc, rel=1e-7)


@LAW
@given(st.floats(0.05, 0.3), st.floats(-0.05, 0.04))
def test_a_perpetuity_is_the_sum_of_its_years(wacc: float, growth: float) -> None:
    # Two thousand years, one by one, instead of the formula.
    result = value_dcf(firm(years=1, wacc=wacc, terminal=Gordon(growth=growth)))
    flow = float(result.forecast.free_cash_flow[0])
    one_by_one = math.fsum(
        flow * ((1.0 + growth) ** year / (1.0 + wacc) ** (year + 1)) for year in range(2_000)
    )
    # (1.04 / 1.05) ** 2000 of it is left over.
    assert result.worth.enterprise_value == pytest.approx(one_by_one, rel=1e-8)

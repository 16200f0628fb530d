"""The sum of the parts: each segment valued by itself, and the firm as what they come to.

Enterprise values of segments add up, since each is the value of flows that all belong to the firm;
so do the lines of their forecasts, but for rates and factors. Claims, shares and failure are the
firm's alone (Koller et al., Valuation, 7th ed., ch. 19).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

from engine.dcf.inputs import DcfInputs
from engine.dcf.kernel import Forecast, Worth, worth
from engine.door import Scalar
from engine.firm.equity import Bridge, Shares, settle

# A segment has no claims and no shares of its own: its enterprise value is all that is asked.
_NO_CLAIMS = Bridge(debt=0.0, cash=0.0)
_ONE_SHARE = Shares(diluted=1.0)


def total(inputs: DcfInputs) -> Worth:
    """The kernel, for a firm with one business or with segments."""
    if not inputs.segments:
        return worth(inputs)
    return add_up(inputs, [worth(part) for part in parts(inputs)])


def parts(inputs: DcfInputs) -> tuple[DcfInputs, ...]:
    """Each segment as a firm without claims; what it does not say of capital is the firm's."""
    return tuple(
        DcfInputs(
            timing=inputs.timing,
            operations=segment.operations,
            capital=segment.capital or inputs.capital,
            terminal=segment.terminal or inputs.terminal,
            bridge=_NO_CLAIMS,
            shares=_ONE_SHARE,
            currency=inputs.currency,
        )
        for segment in inputs.segments
    )


def add_up(inputs: DcfInputs, values: Sequence[Worth]) -> Worth:
    """The firm of which ``values`` are the segments'. Its WACC is that of its own `capital`."""

    def summed(read: Callable[[Worth], Scalar]) -> Scalar:
        return reduce(add, map(read, values))

    enterprise = summed(lambda value: value.enterprise_value)
    saved = [each.losses_carried_forward for each in values]
    savings = [saving for saving in saved if saving is not None]
    tax_savings = reduce(add, savings) if savings else None
    settled = settle(
        enterprise,
        inputs.bridge,
        inputs.shares,
        0.0 if tax_savings is None else tax_savings,
        inputs.failure,
    )
    return Worth(
        wacc=inputs.capital.wacc,
        value_of_forecast=summed(lambda value: value.value_of_forecast),
        terminal_value=summed(lambda value: value.terminal_value),
        terminal_discount_factor=None,
        value_of_terminal=summed(lambda value: value.value_of_terminal),
        enterprise_value=enterprise,
        net_debt=settled.net_debt,
        equity_value=settled.equity_value,
        value_per_share=settled.value_per_share,
        diluted_shares=settled.diluted_shares,
        settled=settled,
        losses_carried_forward=tax_savings,
    )


def summed_forecast(forecasts: Sequence[Forecast]) -> Forecast:
    """Year by year the sums of the lines that every segment has; factors have no sum."""
    lines = {
        name: [reduce(add, year) for year in zip(*columns, strict=True)]
        for name in Forecast.__dataclass_fields__
        if name != "discount_factor"
        and all(columns := [getattr(forecast, name) for forecast in forecasts])
    }
    return Forecast(**lines)

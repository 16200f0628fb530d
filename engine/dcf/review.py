"""What a reviewer would write in the margin: true of this valuation, and worth a second look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from engine.dcf.inputs import DcfInputs
from engine.dcf.kernel import Forecast, Worth
from engine.dcf.terminal import ExitMultiple, Gordon, HModel, ValueDriver
from engine.door import show
from engine.firm.capital import Capm
from engine.remarks import Remark, in_years

# Where a reviewer starts to ask. Rules of thumb of the trade, not laws: they never change a number.
TERMINAL_SHARE = 0.75
GROWTH_CEILING = 0.04  # nominal growth of a large economy
CLIFF = 0.05  # from the last year's growth to the terminal growth
MULTIPLE_RANGE = (4.0, 25.0)
FASTEST = 1.0  # a firm that more than doubles in a year; more often a percentage typed as a rate
WACC_RANGE = (0.05, 0.15)
TAX_FLOOR = 0.15  # the global minimum
FEW_PEERS = 3  # of fewer than these the median is one firm's opinion
LONG_FADE = 20.0  # years; advantages that are competed away more slowly are rare
LIKELY = 0.5  # a failure that is expected more than not


class Implied(Protocol):
    """What the terminal value implies in the terms of the other methods. None: not defined."""

    @property
    def implied_exit_multiple(self) -> float | None: ...
    @property
    def implied_growth(self) -> float | None: ...


def review(
    inputs: DcfInputs, forecast: Forecast, value: Worth, implied: Implied
) -> tuple[Remark, ...]:
    """In the order in which a reader meets the inputs."""
    return (
        *_on_operations(inputs, forecast),
        *_on_capital(inputs, value),
        *_on_terminal_share(inputs, value),
        *_on_terminal(inputs, value, implied),
        *_on_equity(inputs, value),
    )


def review_parts(
    inputs: DcfInputs,
    value: Worth,
    parts: Sequence[tuple[DcfInputs, Forecast, Worth, Implied]],
) -> tuple[Remark, ...]:
    """Of a firm in segments: what is true of some of them is said once, with their names."""
    said: dict[Remark, list[str]] = {}
    for number, (segment, part) in enumerate(zip(inputs.segments, parts, strict=True)):
        alone, forecast, worth, implied = part
        for remark in (
            *_on_operations(alone, forecast),
            *_on_capital(alone, worth),
            *_on_terminal(alone, worth, implied),
            *_on_segment(worth),
        ):
            group = remark.path.partition(".")[0]
            # What a segment does not have itself is the firm's.
            if group == "" or getattr(segment, group) is not None:
                path = f"segments[{number}].{remark.path}".rstrip(".")
                remark = Remark(remark.code, path, remark.message)  # noqa: PLW2901 - where it stands in the firm
            said.setdefault(remark, []).append(segment.name.strip())
    return (
        *(
            Remark(remark.code, remark.path, f"{', '.join(names)}: {remark.message}")
            for remark, names in said.items()
        ),
        *_on_terminal_share(inputs, value),
        *_on_equity(inputs, value),
    )


def _on_segment(value: Worth) -> Iterator[Remark]:
    if value.enterprise_value < 0.0:
        yield Remark(
            "SEGMENT_BELOW_ZERO",
            "",
            "The segment takes value away. So do the costs of a head office; a business that does "
            "is worth more closed, unless it serves the others.",
        )


def _on_operations(inputs: DcfInputs, forecast: Forecast) -> Iterator[Remark]:
    losses = [year + 1 for year, ebit in enumerate(forecast.ebit) if ebit < 0.0]
    if losses and inputs.business.losses is None:
        yield Remark(
            "LOSS_WITHOUT_CREDIT",
            "operations",
            f"EBIT is below zero in {in_years(losses)}. No tax is charged there, and no credit is "
            "carried forward to later years.",
        )
    yield from _on_losses_carried_forward(inputs, forecast)
    if inputs.business.adds_back:
        yield Remark(
            "STOCK_COMPENSATION_ADDED_BACK",
            "operations.stock_compensation_treatment",
            "Stock compensation is added back as if it cost nothing. Shareholders pay it by owning "
            "less: count the shares that are still to be granted, or leave it an expense.",
        )
    fastest = max(inputs.business.revenue_growth.years())
    if fastest > FASTEST:
        yield Remark(
            "UNUSUAL_GROWTH",
            "operations.revenue_growth",
            f"Revenue grows by {fastest:.0%} in a year. If {fastest:g} % was meant, the rate is "
            f"{fastest / 100.0:g}.",
        )
    last_tax = inputs.business.tax_rate.years()[-1]
    if last_tax < TAX_FLOOR:
        yield Remark(
            "LOW_TERMINAL_TAX",
            "operations.tax_rate",
            f"The last year's tax rate, {last_tax:.1%}, goes on for ever. Few firms stay below "
            f"{TAX_FLOOR:.0%}.",
        )
    terminal = inputs.terminal
    normalised = terminal.normalised if isinstance(terminal, Gordon) else None
    if normalised is not None:
        if normalised.capital_expenditure < normalised.depreciation:
            yield Remark(
                "CAPEX_BELOW_DEPRECIATION",
                "terminal.gordon.normalised.capital_expenditure",
                "Capital expenditure stays below depreciation after the forecast: a business that "
                "grows for ever cannot shrink its assets for ever.",
            )
    elif forecast.capital_expenditure[-1] < forecast.depreciation[-1]:
        yield Remark(
            "CAPEX_BELOW_DEPRECIATION",
            "operations.capital_expenditure",
            "Capital expenditure stays below depreciation in the last year: a business that grows "
            "for ever cannot shrink its assets for ever.",
        )


def _on_losses_carried_forward(inputs: DcfInputs, forecast: Forecast) -> Iterator[Remark]:
    if not forecast.losses_left or not forecast.losses_left[-1] > 0.0:
        return
    if not any(used > 0.0 for used in forecast.losses_used):
        losses = inputs.business.losses
        shut = losses is not None and 0.0 in (losses.limit_share, losses.limit_amount)
        why = (
            "The yearly limit of zero lets none of the losses carried forward be used"
            if shut
            else "No year of the forecast has income that the losses carried forward can be set "
            "against"
        )
        yield Remark(
            "LOSSES_UNUSED", "operations.losses", f"{why}, so they add nothing to the value."
        )
    else:
        yield Remark(
            "LOSSES_LEFT",
            "operations.losses",
            f"Losses of {show(float(forecast.losses_left[-1]))} are left after year "
            f"{inputs.timing.years} and count for nothing: what comes later is taxed in full.",
        )


def _on_capital(inputs: DcfInputs, value: Worth) -> Iterator[Remark]:
    capital = inputs.capital
    comparables = capital.comparables if isinstance(capital, Capm) else None
    if comparables is not None and len(comparables.peers) < FEW_PEERS:
        yield Remark(
            "FEW_COMPARABLES",
            "capital.capm.comparables.peers",
            f"The beta is read from {_count(len(comparables.peers), 'comparable firm')}. With so "
            "few, one firm's bad quarter is taken for the industry's risk.",
        )
    low, high = WACC_RANGE
    if not low <= value.wacc <= high:
        yield Remark(
            "UNUSUAL_WACC",
            "capital",
            f"A WACC of {value.wacc:.2%} is outside the usual {low:.0%} to {high:.0%}.",
        )


def _on_terminal_share(inputs: DcfInputs, value: Worth) -> Iterator[Remark]:
    share = (
        value.value_of_terminal / value.enterprise_value if value.enterprise_value > 0.0 else 0.0
    )
    if share > TERMINAL_SHARE:
        yield Remark(
            "TERMINAL_VALUE_DOMINATES",
            "timing.years",
            f"{share:.0%} of the enterprise value comes after year {inputs.timing.years}. A longer "
            "forecast would show where it comes from.",
        )


def _on_terminal(inputs: DcfInputs, value: Worth, implied: Implied) -> Iterator[Remark]:
    terminal = inputs.terminal
    path = f"terminal.{terminal.BRANCH}"
    if value.terminal_value <= 0.0:
        yield Remark(
            "TERMINAL_VALUE_NOT_POSITIVE",
            path,
            "The terminal value is not positive: the last year of the forecast is not yet a year "
            "that can go on for ever. Extend the forecast until it is.",
        )
    if isinstance(terminal, ExitMultiple):
        yield from _on_exit(terminal, implied)
        return
    if terminal.growth > GROWTH_CEILING:
        yield Remark(
            "GROWTH_ABOVE_ECONOMY",
            f"{path}.growth",
            f"A firm that grows by {terminal.growth:.1%} for ever outgrows its economy.",
        )
    last_growth = inputs.business.revenue_growth.years()[-1]
    next_growth = terminal.initial_growth if isinstance(terminal, HModel) else terminal.growth
    if last_growth - next_growth > CLIFF:
        yield Remark(
            "GROWTH_CLIFF",
            "operations.revenue_growth",
            f"Growth falls from {last_growth:.1%} in the last year to {next_growth:.1%} the "
            "year after. A stage that ramps down would be kinder to the truth.",
        )
    if isinstance(terminal, HModel) and 2.0 * terminal.half_life > LONG_FADE:
        yield Remark(
            "LONG_FADE",
            f"{path}.half_life",
            f"Growth takes {2.0 * terminal.half_life:g} years to fade. Few advantages last as "
            "long, and the H-model's straight line is a rule of thumb: forecast more years.",
        )
    low, high = MULTIPLE_RANGE
    exit_multiple = implied.implied_exit_multiple
    if exit_multiple is not None and not low <= exit_multiple <= high:
        yield Remark(
            "UNUSUAL_IMPLIED_MULTIPLE",
            path,
            f"The terminal value is {exit_multiple:.1f} times the last year's EBITDA; buyers "
            f"usually pay {low:.0f} to {high:.0f} times.",
        )
    if isinstance(terminal, ValueDriver) and terminal.return_on_new_capital < value.wacc:
        yield Remark(
            "GROWTH_DESTROYS_VALUE",
            f"{path}.return_on_new_capital",
            "New capital earns less than it costs, so every point of growth makes the firm worth "
            "less.",
        )


def _on_exit(terminal: ExitMultiple, implied: Implied) -> Iterator[Remark]:
    path, multiple = f"terminal.{terminal.BRANCH}.ev_to_ebitda", float(terminal.ev_to_ebitda)
    low, high = MULTIPLE_RANGE
    if not low <= multiple <= high:
        yield Remark(
            "UNUSUAL_EXIT_MULTIPLE",
            path,
            f"A buyer at the end of the forecast pays {multiple:.1f} times EBITDA; {low:.0f} to "
            f"{high:.0f} times is usual.",
        )
    growth = implied.implied_growth
    if growth is not None and growth > GROWTH_CEILING:
        yield Remark(
            "EXIT_IMPLIES_GROWTH_ABOVE_ECONOMY",
            path,
            f"At {multiple:.1f} times EBITDA the buyer pays for a firm that grows by "
            f"{growth:.1%} for ever, and so outgrows its economy.",
        )


def _on_equity(inputs: DcfInputs, value: Worth) -> Iterator[Remark]:
    if value.equity_value < 0.0:
        yield Remark(
            "EQUITY_BELOW_ZERO",
            "bridge",
            "Claims exceed the enterprise value. Shareholders cannot lose more than all: read the "
            "value per share as zero, and the debt as impaired.",
        )
    going, failed = value.settled.going_concern, value.settled.failed
    if going is None or failed is None or inputs.failure is None:
        return
    if inputs.failure.probability > 0.0 and failed.value_per_share >= going.value_per_share:
        yield Remark(
            "FAILURE_COSTS_NOTHING",
            "failure.recovery",
            "A share is worth no less if the firm fails than if it lives on. A sale in distress "
            "seldom brings what the forecast is worth.",
        )
    if inputs.failure.probability > LIKELY:
        yield Remark(
            "FAILURE_IS_LIKELY",
            "failure.probability",
            f"The firm fails with a probability of {inputs.failure.probability:.0%}. What a sale "
            "in distress brings, and who is paid first, decides more here than the forecast.",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

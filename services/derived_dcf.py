"""A DCF's inputs from a company's filings and the day's rates: a default, not an opinion.

Every rule is the same for every company, and none looks at the market price to see where it comes
out (it sets the weight of debt, as it must, and nothing else).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final, Protocol

from services.assumptions import HELD, YEARS, Assumption, DerivedInputs, Draft, rounded
from services.currencies import Conversion, converted
from services.derived_equity import bridge, close_of, shares
from services.figures import day, listed, money, percent, plain, speaks_of_money
from services.filings import DAYS_NEAR, Filings, MissingData, read
from services.forecasts import LOSS_LIMITS, forecast, losses
from store.companies import Company, Origin
from store.market import Beta, CorporateTax, Rate

TERMINAL_GROWTH: Final = 0.025
BELOW_RISK_FREE: Final = 0.01  # how far growth for ever keeps from the risk-free rate, at least
CREDIT_SPREAD: Final = 0.01
MARKET_BETA: Final = 1.0
BLUME: Final = 2.0 / 3.0  # the weight of a share's own beta; the market's has the rest
LIGHT_DEBT: Final = 0.1  # of capital: below it the cost of debt hardly moves the WACC
_DAYS_A_MONTH: Final = 30.44
_CURRENCY: Final = "All amounts are in the currency of the filings."


class MarketRates(Protocol):
    """Where rates come from. None: nothing that is true of the date is known."""

    def risk_free_rate(self, currency: str, on: date) -> Rate | None: ...

    def equity_risk_premium(self, currency: str, on: date) -> Rate | None: ...

    def corporate_tax(self, currency: str, on: date) -> CorporateTax | None: ...

    def beta(self, ticker: str, on: date) -> Beta | None: ...


def derive_dcf(
    company: Company, market: MarketRates, conversion: Conversion | None = None
) -> DerivedInputs:
    """The inputs, in the company's currency or in the one that a conversion leads to.

    Raises:
        MissingData: if the filings or the rates lack what a DCF cannot do without.
    """
    law = LOSS_LIMITS.get(company.currency)  # of the country that the company reports in
    if conversion is not None:
        company = converted(company, conversion)
    filings, draft = read(company), Draft()
    risk_free, premium, tax = _rates(company, market)
    long_run = rounded(max(0.0, min(TERMINAL_GROWTH, risk_free.value - BELOW_RISK_FREE)))
    _timing(draft, filings, conversion)
    forecast(draft, filings, tax, long_run)
    losses(draft, filings, law)
    _equity(draft, risk_free, premium)
    _beta(draft, filings, market)
    _debt(draft, filings, risk_free, tax)
    _terminal(draft, long_run, risk_free)
    bridge(draft, filings)
    shares(draft, filings)
    return DerivedInputs(
        company=company,
        document=draft.document,
        assumptions=tuple(_told(each, conversion) for each in draft.assumptions),
        notes=company.notes,
    )


def _told(assumption: Assumption, conversion: Conversion | None) -> Assumption:
    """Whoever speaks of amounts says at which rate they were converted; so does the currency."""
    if conversion is None or assumption.source is None:
        return assumption
    said = f"{assumption.value} {assumption.text}"
    if assumption.path != "currency" and not speaks_of_money(said, conversion.into):
        return assumption
    return replace(assumption, text=f"{assumption.text} {conversion.sentence()}")


def _rates(company: Company, market: MarketRates) -> tuple[Rate, Rate, CorporateTax]:
    on, currency = company.price.date, company.currency
    risk_free = market.risk_free_rate(currency, on)
    premium = market.equity_risk_premium(currency, on)
    tax = market.corporate_tax(currency, on)
    if risk_free is None or premium is None or tax is None:
        found = {
            "risk-free rate": risk_free,
            "equity risk premium": premium,
            "corporate tax rate": tax,
        }
        absent = listed([name for name, rate in found.items() if rate is None])
        raise MissingData(
            f"No {absent} in {currency} is here for {day(on)}, so the cost of capital cannot be "
            "derived. Give the inputs yourself, with a WACC."
        )
    return risk_free, premium, tax


def _timing(draft: Draft, filings: Filings, conversion: Conversion | None) -> None:
    company = filings.company
    on, ended = company.price.date, filings.sheet.as_of
    draft.put(
        "currency",
        company.currency,
        company.currency,
        _CURRENCY if conversion is None else f"The filings are in {conversion.given}.",
        filings.of_years("revenue"),
    )
    if abs((on - ended).days) <= DAYS_NEAR:
        text = (
            f"The date of the market price, at the end of fiscal {filings.last.fiscal_year}: year "
            "1 of the forecast is the fiscal year that follows. The annual report came out later, "
            "so the price of the day did not yet know all of its figures."
        )
    else:
        text = (
            f"The date of the market price. The last balance sheet is of {day(ended)}, and year 1 "
            "of the forecast is taken to begin on the valuation date."
        )
    draft.put("timing.valuationDate", on.isoformat(), day(on), text, close_of(filings))
    draft.put(
        "timing.years",
        YEARS,
        f"{YEARS} years",
        f"The first {HELD} years run at today's rates and the other {YEARS - HELD} fade to a "
        "mature firm's, so that the perpetuity begins from a year that can last.",
    )
    draft.put(
        "timing.flows",
        "MID_YEAR",
        "mid-year",
        "Cash comes in throughout the year, so each year's flow is discounted from its middle.",
    )


def _equity(draft: Draft, risk_free: Rate, premium: Rate) -> None:
    """The cost of equity by CAPM."""
    draft.put(
        "capital.capm.riskFreeRate",
        risk_free.value,
        percent(risk_free.value),
        f"The {risk_free.name} of {day(risk_free.as_of)}: what a loan without default risk earns "
        "over about as long as the forecast.",
        Origin(source=risk_free.source, as_of=risk_free.as_of),
    )
    draft.put(
        "capital.capm.equityRiskPremium",
        premium.value,
        percent(premium.value),
        f"The {premium.name} on {day(premium.as_of)}"
        + (
            ", as stated."
            if premium.stated
            else ": of the estimates here, the latest that was known on the valuation date."
        ),
        Origin(source=premium.source, as_of=premium.as_of),
    )


def _beta(draft: Draft, filings: Filings, market: MarketRates) -> None:
    """From the peers that were given; or else of the share's own returns."""
    company = filings.company
    if company.peers:
        _peers(draft, filings)
        return
    beta = market.beta(company.ticker, company.price.date)
    if beta is None:
        draft.put(
            "capital.capm.beta",
            MARKET_BETA,
            f"{MARKET_BETA:.2f}",
            f"No price history of {company.name} is shipped, so the market's own beta is assumed. "
            "A regression, or comparable companies, would do better; cyclical and fast-growing "
            "firms are usually above 1.",
        )
        return
    adjusted = round(BLUME * beta.raw + (1.0 - BLUME) * MARKET_BETA, 2)
    months = round((company.price.date - beta.last).days / _DAYS_A_MONTH)
    draft.put(
        "capital.capm.beta",
        adjusted,
        f"{adjusted:.2f}",
        f"A regression of {beta.returns} weekly log returns, from {day(beta.first)} to "
        f"{day(beta.last)}, on those of the {beta.index} gives {beta.raw:.2f} with a standard "
        f"error of {beta.standard_error:.2f}. Blume's adjustment, two thirds of that and one third "
        f"of the market's 1, makes it {adjusted:.2f}. The price history that is shipped ends "
        f"{months} months before the valuation date.",
        Origin(source=beta.source, as_of=beta.last),
    )


def _peers(draft: Draft, filings: Filings) -> None:
    peers = filings.company.peers
    told = [f"{peer.ticker} {peer.beta:.2f}" for peer in peers]
    draft.put(
        "capital.capm.comparables",
        {
            "peers": [
                {
                    "name": peer.ticker,
                    "beta": peer.beta,
                    "debtToEquity": peer.debt_to_equity,
                    "taxRate": peer.tax_rate,
                }
                for peer in peers
            ],
            "blume": True,
        },
        f"{len(peers)} peers",
        f"The betas of {listed(told)}, each drawn to the market's 1 by a third (Blume) and "
        "unlevered at its own debt and tax; the median is levered again at this firm's.",
        filings.of_peers(),
    )


def _debt(draft: Draft, filings: Filings, risk_free: Rate, tax: CorporateTax) -> None:
    """The cost of debt after tax, and its weight."""
    company, currency = filings.company, filings.company.currency
    worth = company.price.close * filings.diluted_shares
    weight = rounded(filings.debt / (filings.debt + worth))
    cost, marginal = rounded(risk_free.value + CREDIT_SPREAD), rounded(tax.marginal)
    text = (
        f"The risk-free rate and {plain(CREDIT_SPREAD * 100.0)} percentage point of credit spread, "
        "an assumption for a borrower of good standing."
    )
    if weight < LIGHT_DEBT:
        text += f" Debt is {percent(weight)} of capital, so the spread hardly moves the WACC."
    draft.put("capital.capm.preTaxCostOfDebt", cost, percent(cost), text)
    draft.put(
        "capital.capm.debtWeight",
        weight,
        percent(weight),
        f"Debt of {money(filings.debt, currency)} at book value, over that debt and a market "
        f"capitalisation of {money(worth, currency)} (diluted shares at the market price). Today's "
        "weight is taken as the target.",
        _of_weight(filings),
    )
    draft.put(
        "capital.capm.taxRate",
        marginal,
        percent(marginal),
        f"What interest saves at the margin in {tax.country}: {percent(tax.federal)} of federal "
        f"tax and, by assumption, {percent(tax.state)} of state tax after its deduction from "
        "federal tax."
        if tax.state
        else f"What interest saves at the margin: the {tax.name} of {tax.country}.",
        Origin(source=tax.source, as_of=tax.in_force_since),
    )


def _terminal(draft: Draft, long_run: float, risk_free: Rate) -> None:
    text = "Growth for ever, by assumption: "
    if long_run == TERMINAL_GROWTH:
        text += (
            "about 2 % of inflation and little more, well below the risk-free rate of "
            f"{percent(risk_free.value)}, which stands in for the growth of the economy as a whole."
        )
    else:
        text += (
            f"held below the risk-free rate of {percent(risk_free.value)}, which stands in for the "
            "growth of the economy as a whole."
        )
    draft.put(
        "terminal.gordon",
        {"growth": long_run, "discounting": "LAST_FLOW"},
        f"{percent(long_run)} a year from year {YEARS + 1}",
        f"{text} The perpetuity's flows too come at mid-year, so it is discounted like the last "
        "flow of the forecast.",
    )


def _of_weight(filings: Filings) -> Origin:
    """Debt from the balance sheet, over itself and what the market pays for the shares."""
    on, priced = filings.company.price.date, filings.of_price()
    if priced is None:
        return Origin(source=f"{filings.company.source}; closing price", as_of=on)
    debt = filings.of_sheet("debt_current", "debt_noncurrent", "diluted_shares")
    return replace(debt, source=f"{debt.source}; {priced.source}", as_of=on)

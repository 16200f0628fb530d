"""Earnings per share with and without the deal, and how far the deal may go before they fall."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.merger.allocation import straight_line
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, Year, accretion, cash_income, close, earn
from engine.merger.mending import offer_for
from engine.merger.offer import Offer
from engine.merger.statements import Column

ColumnOrNone = tuple[float | None, ...]  # (n_years,)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsPerShare:
    """By year; of a stub year what follows the closing, on both sides."""

    stand_alone: Column  # money a share, of the acquirer by itself
    gaap: Column  # money a share, with the deal
    cash: Column  # money a share: without what write-ups, fees and an earn-out charge
    accretion: ColumnOrNone  # gaap over stand-alone, less 1; None: that is zero
    accretion_amount: Column  # money a share
    cash_accretion: ColumnOrNone
    cash_accretion_amount: Column  # money a share
    # Money before tax, further synergies of the year at which the deal changes no GAAP earnings per
    # share; below zero: so much may be missing.
    breakeven_synergies: Column
    # The premium at which the year's GAAP earnings per share do not change, all else equal. None:
    # no price above zero does that, or none that can be paid.
    maximum_premium: ColumnOrNone


def earnings_per_share(inputs: MergerInputs, deal: Deal, years: list[Year]) -> EarningsPerShare:
    """Every number of the deal is a number alone."""
    old, shares = float(deal.own.diluted_shares), float(deal.shares)
    alone = [float(year.stand_alone) / old for year in years]
    gaap = [float(year.net_income) / shares for year in years]
    cash = [float(cash_income(inputs, each, year)) / shares for year, each in enumerate(years)]
    rates, pieces = inputs.acquirer.statements.tax_rate.years(), _pieces(inputs, deal)
    return EarningsPerShare(
        stand_alone=tuple(alone),
        gaap=tuple(gaap),
        cash=tuple(cash),
        accretion=_accretions(gaap, alone),
        accretion_amount=_differences(gaap, alone),
        cash_accretion=_accretions(cash, alone),
        cash_accretion_amount=_differences(cash, alone),
        breakeven_synergies=tuple(
            (without * shares - float(each.net_income)) / (1.0 - float(rate))
            for without, each, rate in zip(alone, years, rates, strict=True)
        ),
        maximum_premium=tuple(
            _maximum_premium(pieces, year, without) for year, without in enumerate(alone)
        ),
    )


def _accretions(with_deal: list[float], without: list[float]) -> ColumnOrNone:
    pairs = zip(with_deal, without, strict=True)
    return tuple(float(accretion(one, other)) if other != 0.0 else None for one, other in pairs)


def _differences(with_deal: list[float], without: list[float]) -> Column:
    return tuple(one - other for one, other in zip(with_deal, without, strict=True))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Offers between which the same convertibles of the target are converted, and one of them."""

    inputs: MergerInputs
    deal: Deal


def _pieces(inputs: MergerInputs, deal: Deal) -> list[_Piece]:
    """All offers above zero, in the mix of the deal. Without convertibles there is one piece."""
    mix = replace(inputs.financing, stock_share=deal.terms.stock_share)
    edges = {float(bond.conversion_price) for bond in inputs.target.shares.convertibles}
    # At its conversion price a convertible is not yet converted.
    above = max(2.0 * max(edges, default=0.0), float(inputs.target.share_price))
    offers = (replace(inputs, offer=Offer(price=at), financing=mix) for at in (*edges, above))
    return [_Piece(there, close(there)) for there in offers]


def _maximum_premium(pieces: list[_Piece], year: int, alone: float) -> float | None:
    """The premium at which a year's earnings per share are ``alone``; of several the highest.

    Earnings fall with the price in straight pieces: the cash that is there pays first, then new
    debt; where a convertible of the target is converted, a debt ends. Each piece is one division.
    """
    offers = [_offer_without_dilution(piece, year, alone) for piece in pieces]
    found = [offer for offer in offers if offer is not None]
    return max(found) / float(pieces[0].inputs.target.share_price) - 1.0 if found else None


def _offer_without_dilution(piece: _Piece, year: int, alone: float) -> float | None:
    """The offer in this piece that leaves earnings per share as they are; None: there is none.

    E, the equity price, solves  N - (1 - t) c(need(E)) = EPS (shares + mix E / acquirer's price)
    with N the net income but for what money costs, and c what the need of cash costs in the year.
    """
    inputs, deal, financing = piece.inputs, piece.deal, piece.inputs.financing
    earned, part = earn(inputs, deal, year), inputs.timing.share(year)
    kept = 1.0 - float(inputs.acquirer.statements.tax_rate.years()[year])
    charged = float(earned.new_interest + earned.lost_yield + earned.fee_amortisation)
    spare = float(earned.net_income) + kept * charged - alone * float(deal.own.diluted_shares)
    mix = float(deal.terms.stock_share)
    by_stock = alone * mix / float(inputs.acquirer.share_price)
    fixed = float(deal.cash_need) - (1.0 - mix) * float(deal.equity_price)
    cash, of_cash = float(financing.balance_sheet_cash), kept * float(financing.lost_yield) * part
    prices, borrowed = list[float](), financing.new_debt
    if borrowed is not None:
        rate = float(borrowed.rate) * float(deal.debt_left[year]) * part
        fee = float(borrowed.fee)
        written_off = fee * float(straight_line(borrowed.tenor, inputs.timing, year))
        of_debt = kept * (rate + written_off) / (1.0 - fee)
        price = _solved(
            spare - of_cash * cash - of_debt * (fixed - cash), of_debt * (1.0 - mix) + by_stock
        )
        if price is not None and fixed + (1.0 - mix) * price >= cash:
            prices.append(price)
    price = _solved(spare - of_cash * fixed, of_cash * (1.0 - mix) + by_stock)
    if price is not None and fixed + (1.0 - mix) * price <= cash:
        prices.append(price)
    debt = float(deal.bought.debt)
    # No offer comes to a price in this piece, where others would be converted at it.
    offers = (offer_for(inputs.target, each, debt) for each in prices)
    return max((offer for offer in offers if offer is not None), default=None)


def _solved(spare: float, slope: float) -> float | None:
    """spare / slope, of a price: above zero."""
    return spare / slope if slope > 0.0 and spare > 0.0 else None

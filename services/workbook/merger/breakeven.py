"""The sheet “Breakeven”: the highest premium at which a year's earnings per share do not change.

Earnings fall with the price in straight pieces: cash that is there pays first, then new debt; and
where another convertible of the target is converted, a debt ends. On each piece the price is one
division: what the year earns before the money costs anything, above what the old shares have to
earn, is spent on what a unit of price costs. At the end the offer that was found is made, and the
year is computed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.door import Scalar
from engine.firm.dilution import share_out
from engine.firm.equity import Shares
from engine.merger.allocation import straight_line
from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, close, earn
from services.labels import Form
from services.workbook.equity import add_holders, dilutes
from services.workbook.merger.allocation import RATE
from services.workbook.merger.case import Case
from services.workbook.merger.other_offers import (
    debt_at,
    diluted_at,
    free_income,
    kept,
    with_offer,
)
from services.workbook.sheet import Sheet, Value, told

_MIX, _NEED = "{terms.mix}", "{financing.balanceSheetCash}"

_HOW = (
    "Cash that is there pays first, then new debt; where a convertible is converted, a debt ends: "
    "each piece is solved by one division, and stays empty where another one holds."
)


def add_breakeven(case: Case, sheet: Sheet) -> None:
    """``cost.cash`` and ``cost.debt`` of a unit of money, and ``highest.premium`` by year."""
    costs = _add_costs(case, sheet)  # with the years: a sheet that begins so has them on each page
    sheet.words(_HOW)
    bonds = case.inputs.target.shares.convertibles
    pieces = [_Piece.at(case, number) for number in range(len(bonds) + 1)]
    # An offer that comes to a price: who takes part is known from the price alone.
    add_holders(sheet, case.inputs.target.shares, at="target.shares", key="takes")
    for piece in pieces:
        _add_piece(case, sheet, piece, costs)
    _add_highest(case, sheet, pieces)
    _add_proof(case, sheet)


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a unit of money costs in each year, after tax."""

    cash: Sequence[float]
    debt: Sequence[float] | None  # None: there is no new debt
    stock: Sequence[float]  # what a unit of price has to earn for the new shares in it


def _add_costs(case: Case, sheet: Sheet) -> _Costs:
    inputs, deal, timing = case.inputs, case.deal, case.inputs.timing
    financing, borrowed = inputs.financing, inputs.financing.new_debt
    sheet.heading("What a unit of money costs in a year, after tax", case.titles)
    cash = case.each(lambda y: kept(case, y) * financing.lost_yield * timing.share(y))
    formula = f"=(1-{RATE})*{{financing.lostYield}}{case.part}"
    sheet.line("cost.cash", "Cash that is there", formula, cash, Form.RATE)
    debt: list[float] | None = None
    if borrowed is not None:
        fee = float(borrowed.fee)

        def of_debt(year: int) -> float:
            interest = float(borrowed.rate) * float(deal.debt_left[year]) * timing.share(year)
            charged = fee * float(straight_line(borrowed.tenor, timing, year))
            return kept(case, year) * (interest + charged) / (1.0 - fee)

        debt, at = case.each(of_debt), "financing.newDebt"
        interest = f"{{{at}.rate}}*{{new_debt.left@-1}}{case.part}"
        charged_fee = f"{{{at}.fee}}*{{new_debt.written_off}}"
        formula = f"=(1-{RATE})*({interest}+{charged_fee})/(1-{{{at}.fee}})"
        sheet.line("cost.debt", "New debt, with its fee", formula, debt, Form.RATE)
    alone, price = case.result.per_share.stand_alone, float(inputs.acquirer.share_price)
    mix = float(deal.terms.stock_share)
    stock = [each * mix / price for each in alone]
    formula = f"={{per_share.alone}}*{_MIX}/{{acquirer.sharePrice}}"
    label = "New shares in a unit of price, at unchanged earnings"
    sheet.line("cost.stock", label, formula, stock, Form.RATE)
    return _Costs(cash, debt, stock)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Offers between which the same convertibles of the target are converted."""

    key: str
    number: int
    last: bool  # all of them are
    inputs: MergerInputs
    deal: Deal

    @classmethod
    def at(cls, case: Case, number: int) -> _Piece:
        bonds = case.inputs.target.shares.convertibles
        last = number == len(bonds)
        # At its conversion price a convertible is not yet converted.
        highest = max((float(bond.conversion_price) for bond in bonds), default=1.0)
        price = 2.0 * highest if last else float(bonds[number].conversion_price)
        there = with_offer(case, price)
        return cls(f"piece.{number}", number, last, there, close(there))

    @property
    def title(self) -> str:
        if self.last and self.number == 0:
            return "All offers"
        if self.last:
            return "Offers at which all convertibles are converted"
        return f"Offers up to the conversion price of convertible {self.number + 1}"


def _add_piece(case: Case, sheet: Sheet, piece: _Piece, costs: _Costs) -> None:
    key, deal, part = piece.key, piece.deal, case.part
    debt = float(deal.bought.debt)
    sheet.heading(piece.title, case.titles)
    owed = "{target.balance.debt}"
    if case.has("bought.debt"):
        edge = f"{{bought.conversion@{piece.number}}}"
        stays = f"=SUMPRODUCT(({{bought.conversion@all}}>={edge})*{{bought.face@all}})"
        label = "Convertibles that stay debt"
        sheet.number(f"{key}.bonds", label, "=0" if piece.last else stays, debt)
        owed = f"({owed}+{{{key}.bonds}})"
    left = float(deal.target_debt - deal.refinanced)
    goes_on = f"={owed}*(1-{{financing.refinanced}})"
    sheet.number(f"{key}.left", "Target's debt that goes on", goes_on, left)
    need = float(deal.refinanced + case.inputs.advisory)
    advisers = "+{fees.advisory}" if case.has("fees.advisory") else ""
    repaid = f"={owed}*{{financing.refinanced}}{advisers}"
    sheet.number(f"{key}.need", "Need of cash beside the price", repaid, need)
    free = case.each(lambda year: free_income(case, piece.inputs, deal, year))
    saved = f"{{target.debt_rate}}*({{target.debt_left}}-{{{key}.left}}){part}"
    label = "Net income before what the money costs"
    sheet.line(f"{key}.free", label, f"={{together.free}}+(1-{RATE})*{saved}", free)
    old = float(case.deal.own.diluted_shares)
    alone = case.result.per_share.stand_alone
    spare = [each - without * old for each, without in zip(free, alone, strict=True)]
    above = f"={{{key}.free}}-{{per_share.alone}}*{{own.diluted}}"
    sheet.line(f"{key}.spare", "Above what the old shares have to earn", above, spare)
    for source in ("cash",) if costs.debt is None else ("cash", "debt"):
        _add_price(case, sheet, piece, costs, source, spare)


def _add_price(
    case: Case, sheet: Sheet, piece: _Piece, costs: _Costs, source: str, spare: Sequence[float]
) -> None:
    """The equity price at which the last unit of money comes from ``source``, and the offer."""
    key, inputs = f"{piece.key}.{source}", case.inputs
    name = "cash that is there" if source == "cash" else "new debt"
    there, need = _NEED, f"{{{piece.key}.need}}"
    mix, cash = float(case.deal.terms.stock_share), float(inputs.financing.balance_sheet_cash)
    fixed = float(piece.deal.refinanced + inputs.advisory)
    unit: Sequence[float]
    if source == "cash":
        unit, beside = costs.cash, f"{{cost.cash}}*{need}"
        before = [cost * fixed for cost in unit]
    else:
        assert costs.debt is not None  # noqa: S101 - only where there is new debt
        unit, beside = costs.debt, f"{{cost.cash}}*{there}+{{cost.debt}}*({need}-{there})"
        before = [
            of_cash * cash + of_debt * (fixed - cash)
            for of_cash, of_debt in zip(costs.cash, unit, strict=True)
        ]
    rest = [have - gone for have, gone in zip(spare, before, strict=True)]
    slope = [of * (1.0 - mix) + stock for of, stock in zip(unit, costs.stock, strict=True)]
    sheet.line(
        f"{key}.rest",
        f"Left for the price, where {name} pays the last of it",
        f"={{{piece.key}.spare}}-({beside})",
        rest,
    )
    per_unit = f"={{cost.{source}}}*(1-{_MIX})+{{cost.stock}}"
    sheet.line(f"{key}.unit", "What a unit of price costs", per_unit, slope, Form.RATE)
    prices = [
        _price(have, by, fixed, mix, cash, of_debt=source == "debt")
        for have, by in zip(rest, slope, strict=True)
    ]
    price = f"{{{key}.rest}}/{{{key}.unit}}"
    pays = f"{need}+(1-{_MIX})*{price}{'>=' if source == 'debt' else '<='}{there}"
    both = f"AND({{{key}.rest}}>0,{{{key}.unit}}>0)"
    sheet.line(
        f"{key}.price",
        "Equity price; empty where another piece holds",
        f'=IF({both},IF({pays},{price},""),"")',
        told(prices),
    )
    _add_share(case, sheet, piece, key, prices)


def _price(
    rest: float, unit: float, fixed: float, mix: float, cash: float, *, of_debt: bool
) -> float | None:
    if not (rest > 0.0 and unit > 0.0):
        return None
    need = fixed + (1.0 - mix) * rest / unit
    return rest / unit if (need >= cash if of_debt else need <= cash) else None


def _add_share(
    case: Case, sheet: Sheet, piece: _Piece, key: str, prices: Sequence[float | None]
) -> None:
    """From an equity price to the offer for a share at which all diluted shares come to it."""
    shares, debt = case.inputs.target.shares, float(piece.deal.bought.debt)
    price = f"{{{key}.price}}"
    claims = f"({price}+{{{piece.key}.bonds}})" if case.has("bought.debt") else price
    takers = [None if each is None else _takers(shares, each + debt) for each in prices]
    offers = [
        None if each is None or those is None or those.debt != debt else those.offer(each)
        for each, those in zip(prices, takers, strict=True)
    ]
    if not dilutes(shares):
        offer_is = f"{price}/{{takes.held}}"
    else:
        joins = f"SUMPRODUCT(({claims}>{{takes.corner@all}})*{{takes.newShares@all}})"
        label = "Shares held at it, and new shares"
        counted = f'=IF({price}="","",{{takes.held}}+{joins})'
        sheet.line(
            f"{key}.shares",
            label,
            counted,
            [each.count if each else "" for each in takers],
            Form.COUNT,
        )
        offer_is = f"{price}/{{{key}.shares}}"
    if shares.options:
        pays = f"SUMPRODUCT(({claims}>{{takes.corner@all}})*{{takes.paid@all}})"
        paid_in = f'=IF({price}="","",{pays})'
        label = "Paid by options exercised at it"
        sheet.line(f"{key}.paid", label, paid_in, [each.paid if each else "" for each in takers])
        offer_is = f"({price}+{{{key}.paid}})/{{{key}.shares}}"
    if shares.convertibles:
        # No offer comes to a price in this piece, where others would be converted at it.
        owed = f"SUMPRODUCT(({claims}<={{takes.corner@all}})*{{takes.debt@all}})"
        offer_is = f'IF({owed}={{{piece.key}.bonds}},{offer_is},"")'
    formula = f'=IF({price}="","",{offer_is})'
    sheet.line(f"{key}.offer", "Offer", formula, told(offers), Form.PRICE)


@dataclass(frozen=True, slots=True)
class _Takers:
    """Who shares a value: so many shares, what options pay for theirs, and debt that stays."""

    count: float
    paid: float
    debt: float

    def offer(self, price: float) -> float:
        return (price + self.paid) / self.count


def _takers(shares: Shares, value: float) -> _Takers:
    """Where all holders together can claim ``value``."""
    if shares.diluted is not None:
        return _Takers(float(shares.diluted), 0.0, 0.0)
    shared = share_out(value, shares.held, shares.options, shares.convertibles)
    options = zip(shares.options, shared.exercised, strict=True)
    bonds = zip(shares.convertibles, shared.converted, strict=True)
    taken = [option for option, does in options if does]
    count = float(shares.held) + sum(float(each.count) for each in taken)
    count += sum(float(each.face_value / each.conversion_price) for each, does in bonds if does)
    paid = sum((float(each.count * each.strike) for each in taken), 0.0)
    return _Takers(count, paid, float(shared.debt))


def _add_highest(case: Case, sheet: Sheet, pieces: Sequence[_Piece]) -> None:
    sources = ("cash",) if case.inputs.financing.new_debt is None else ("cash", "debt")
    offers = ",".join(f"{{{each.key}.{source}.offer}}" for each in pieces for source in sources)
    sheet.heading("Highest offer that does not dilute", case.titles)
    premiums = case.result.per_share.maximum_premium
    sheet.line(
        "highest.offer",
        "Offer; empty where there is none",
        f'=IF(COUNT({offers})=0,"",MAX({offers}))',
        told(_highest(case)),
        Form.PRICE,
    )
    sheet.line(
        "highest.premium",
        "Premium on the target's share price",
        '=IF({highest.offer}="","",{highest.offer}/{target.sharePrice}-1)',
        told(premiums),
        Form.RATE,
        strong=True,
    )


def _highest(case: Case) -> list[float | None]:
    price = float(case.inputs.target.share_price)
    premiums = case.result.per_share.maximum_premium
    return [None if each is None else price * (1.0 + each) for each in premiums]


def _add_proof(case: Case, sheet: Sheet) -> None:
    """The highest offer made: its shares counted at the offer, and the year computed with it."""
    sheet.heading("The year with that offer", case.titles)
    found = [None if each is None else with_offer(case, each) for each in _highest(case)]
    deals = [None if each is None else close(each) for each in found]
    offer = "{highest.offer}"

    def line(name: str, label: str, formula: str, values: list[Value], form: Form) -> None:
        whole = f'=IF({offer}="","",{formula})'
        sheet.line(f"proof.{name}", label, whole, values, form)

    def of(read: Callable[[Deal], Scalar]) -> list[Value]:
        return ["" if deal is None else float(read(deal)) for deal in deals]

    shares = of(lambda deal: deal.bought.diluted_shares)
    line("shares", "Target's diluted shares at it", diluted_at(case, offer), shares, Form.COUNT)
    line(
        "price",
        "Equity price",
        f"{offer}*{{proof.shares}}",
        of(lambda deal: deal.equity_price),
        Form.MONEY,
    )
    line(
        "debt", "Target's debt", debt_at(case, offer), of(lambda deal: deal.target_debt), Form.MONEY
    )
    advisers = "+{fees.advisory}" if case.has("fees.advisory") else ""
    need = f"{{proof.price}}*(1-{_MIX})+{{proof.debt}}*{{financing.refinanced}}{advisers}"
    line("need", "Need of cash", need, of(lambda deal: deal.cash_need), Form.MONEY)
    line(
        "cash",
        "Cash used",
        f"MIN({_NEED},{{proof.need}})",
        of(lambda deal: deal.funding.cash_used),
        Form.MONEY,
    )
    left = "{proof.debt}*(1-{financing.refinanced})"
    saved = f"{{target.debt_rate}}*({{target.debt_left}}-{left}){case.part}"
    free = f"{{together.free}}+(1-{RATE})*{saved}"
    cost = "{cost.cash}*{proof.cash}"
    if case.inputs.financing.new_debt is not None:
        cost += "+{cost.debt}*({proof.need}-{proof.cash})"
    incomes, per_share = list[Value](), list[Value]()
    for year, (there, deal) in enumerate(zip(found, deals, strict=True)):
        if there is None or deal is None:
            incomes.append("")
            per_share.append("")
            continue
        income = float(earn(there, deal, year).net_income)
        incomes.append(income)
        per_share.append(income / float(deal.shares))
    line("income", "Net income", f"{free}-({cost})", incomes, Form.MONEY)
    counted = f"{{own.diluted}}+{{proof.price}}*{_MIX}/{{acquirer.sharePrice}}"
    line("per_share", "Earnings per share", f"{{proof.income}}/({counted})", per_share, Form.PRICE)
    alone = case.result.per_share.stand_alone
    changes: list[Value] = [
        each - without if isinstance(each, float) else ""
        for each, without in zip(per_share, alone, strict=True)
    ]
    change = "{proof.per_share}-{per_share.alone}"
    line("change", "Accretion, in money", change, changes, Form.PRICE)
    size = "MAX(1,ABS(MAX({per_share.alone@all})),ABS(MIN({per_share.alone@all})))"
    case.book.check(
        "At the highest offers earnings per share do not change",
        f"=MAX(MAX({{proof.change@all}}),-MIN({{proof.change@all}}))<=1E-9*{size}",
    )

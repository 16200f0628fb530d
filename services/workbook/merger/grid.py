"""The sheet “Grid”: accretion of year 1 by premium and mix, all of it in formulas of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from engine.merger.inputs import MergerInputs
from engine.merger.kernel import Deal, accretion, close, earn
from services.labels import Form
from services.workbook.merger.allocation import RATE
from services.workbook.merger.case import Case, same
from services.workbook.merger.other_offers import debt_at, diluted_at, free_income, with_offer
from services.workbook.sheet import Sheet, Value, step_words, told

STEP: Final = 0.05  # of the premium, from column to column
AROUND: Final = 3  # columns on either side of the deal's own premium
MIXES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLUMNS: Final = range(-AROUND, AROUND + 1)
_ROUNDING: Final = 1e-9  # of the price, as at the engine's door
_AT_THE_DOOR: Final = "1E-9*{grid.price}"
_CASH: Final = "{financing.balanceSheetCash}"


def add_grid(case: Case, sheet: Sheet) -> None:
    """The deal's own premium stands in the middle, and its own mix in the first row."""
    sheet.heading("What the grid asks")
    sheet.given("grid.step", ("Step of the premium",), STEP, Form.RATE)
    sheet.given("grid.mixes", ("Shares of the price paid in stock",), MIXES, Form.RATE)
    offers = _add_offers(case, sheet)
    every = [_Row(case, sheet, offers, number) for number in range(len(MIXES) + 1)]
    for title, add in (
        ("Need of cash", _Row.add_need),
        (f"Net income of {case.first}", _Row.add_income),
        (f"Accretion of GAAP earnings per share, {case.first}", _Row.add_accretion),
    ):
        sheet.heading(title, _titles(), opening="In stock")
        for row in every:
            add(row)
    # Where the deal itself cannot be closed, its cell says nothing, and another check is broken.
    middle = f"{{grid.accretion.0@{AROUND}}}"
    equal = same("{first.accretion}", middle).removeprefix("=")
    case.book.check(
        "The middle of the grid is the deal's accretion",
        f"=IF(ISNUMBER({middle}),{equal},FALSE)",
    )


def _titles() -> Sequence[str]:
    return ["Deal" if step == 0 else step_words(step) for step in _COLUMNS]


def _add_offers(case: Case, sheet: Sheet) -> list[MergerInputs | None]:
    """A column for each premium; None where the offer would not be above zero."""
    target = float(case.inputs.target.share_price)
    middle = case.result.offer.premium
    premiums = [middle + step * STEP for step in _COLUMNS]
    prices = [target * (1.0 + premium) for premium in premiums]
    offers = [with_offer(case, price) if price > 0.0 else None for price in prices]
    deals = [None if each is None else close(each) for each in offers]

    def line(
        key: str, label: str, formula: str, read: Callable[[Deal], float], form: Form = Form.MONEY
    ) -> None:
        values: list[Value] = ["" if deal is None else float(read(deal)) for deal in deals]
        sheet.line(f"grid.{key}", label, f'=IF({{grid.offer}}>0,{formula},"")', values, form)

    sheet.heading("Offers", _titles())
    formulas = [f"={{terms.premium}}+({step})*{{grid.step}}" for step in _COLUMNS]
    sheet.line("grid.premium", "Premium", formulas, premiums, Form.RATE, strong=True)
    offer = "={target.sharePrice}*(1+{grid.premium})"
    sheet.line("grid.offer", "Offer price", offer, prices, Form.PRICE)
    at = "{grid.offer}"
    line(
        "shares",
        "Target's diluted shares",
        diluted_at(case, at),
        lambda deal: float(deal.bought.diluted_shares),
        Form.COUNT,
    )
    line("price", "Equity price", f"{at}*{{grid.shares}}", lambda deal: float(deal.equity_price))
    line("debt", "Target's debt", debt_at(case, at), lambda deal: float(deal.target_debt))
    # What is converted at another offer is equity of the target there, and bought with it.
    later = "+{price.earn_out}" if case.has("earn_out.value") else ""
    net_assets = "({net_assets}+{target.debt}-{grid.debt})"
    goodwill = f"{{grid.price}}{later}-{net_assets}"
    line("goodwill", "Goodwill", goodwill, lambda deal: float(deal.goodwill))
    advisers = "+{fees.advisory}" if case.has("fees.advisory") else ""
    line(
        "beside",
        "Need of cash beside the price",
        f"{{grid.debt}}*{{financing.refinanced}}{advisers}",
        lambda deal: float(deal.refinanced + case.inputs.advisory),
    )
    left = "({target.debt_left}-{grid.debt}*(1-{financing.refinanced}))"
    part = "" if case.inputs.timing.fiscal_year_end is None else "*{part@0}"
    saved = f"{{target.debt_rate@0}}*{left}{part}"
    first_rate = RATE.replace("}", "@0}")
    values: list[Value] = [
        "" if there is None or deal is None else free_income(case, there, deal, 0)
        for there, deal in zip(offers, deals, strict=True)
    ]
    free = f"{{together.free@0}}+(1-{first_rate})*{saved}"
    sheet.line(
        "grid.free",
        f"Net income before what the money costs, {case.first}",
        f'=IF({at}>0,{free},"")',
        values,
    )
    return offers


class _Row:
    """A mix at every offer; row 0 has the deal's own."""

    def __init__(
        self, case: Case, sheet: Sheet, offers: Sequence[MergerInputs | None], number: int
    ) -> None:
        self._case, self._sheet, self._number = case, sheet, number
        self._mix = float(case.deal.terms.stock_share) if number == 0 else MIXES[number - 1]
        self._deals = [None if each is None else _closed(each, self._mix) for each in offers]
        # Nothing where the deal cannot be closed: without the money, or with a bargain.
        self._incomes = [
            None if it is None or not _closes(it[1]) else float(earn(*it, 0).net_income)
            for it in self._deals
        ]

    def _add(self, key: str, formula: str, values: Sequence[Value], form: Form) -> None:
        number = self._number
        mix = "={terms.mix}" if number == 0 else f"={{grid.mixes@{number - 1}}}"
        self._sheet.line(
            f"grid.{key}.{number}",
            "Mix of the deal" if number == 0 else "Share paid in stock",
            formula,
            values,
            form,
            opening=(mix, self._mix),
            opening_form=Form.RATE,
            strong=number == 0,
        )

    def add_need(self) -> None:
        mix = f"{{grid.need.{self._number}@open}}"
        formula = f'=IF({{grid.offer}}>0,{{grid.price}}*(1-{mix})+{{grid.beside}},"")'
        needs: list[Value] = ["" if it is None else float(it[1].cash_need) for it in self._deals]
        self._add("need", formula, needs, Form.MONEY)

    def add_income(self) -> None:
        need = f"{{grid.need.{self._number}}}"
        cost, open_ = f"{{cost.cash@0}}*MIN({_CASH},{need})", f"{{grid.goodwill}}>=-{_AT_THE_DOOR}"
        if self._case.inputs.financing.new_debt is None:
            open_ = f"AND({open_},{need}-{_CASH}<={_AT_THE_DOOR})"
        else:
            cost += f"+{{cost.debt@0}}*MAX({need}-{_CASH},0)"
        formula = f'=IF({{grid.offer}}>0,IF({open_},{{grid.free}}-({cost}),""),"")'
        self._add("income", formula, told(self._incomes), Form.MONEY)

    def add_accretion(self) -> None:
        made, mix = f"{{grid.income.{self._number}}}", f"{{grid.accretion.{self._number}@open}}"
        shares = f"({{own.diluted}}+{{grid.price}}*{mix}/{{acquirer.sharePrice}})"
        alone = "{per_share.alone@0}"
        rises = f"({made}/{shares}-{alone})/ABS({alone})"
        formula = f'=IF(OR({made}="",{alone}=0),"",{rises})'
        without = self._case.result.per_share.stand_alone[0]
        found: list[Value] = [
            ""
            if it is None or income is None
            else float(accretion(income / float(it[1].shares), without))
            for it, income in zip(self._deals, self._incomes, strict=True)
        ]
        self._add("accretion", formula, found, Form.RATE)


def _closed(there: MergerInputs, mix: float) -> tuple[MergerInputs, Deal]:
    mixed = replace(there, financing=replace(there.financing, stock_share=mix))
    return mixed, close(mixed)


def _closes(deal: Deal) -> bool:
    """As at the engine's door."""
    least = _ROUNDING * float(deal.price)
    return float(deal.funding.missing) <= least and float(deal.goodwill) >= -least

"""What the money costs, what is promised, and what the two firms save: by year, before tax."""

from __future__ import annotations

from engine.merger.allocation import straight_line
from services.labels import Form
from services.workbook.merger.allocation import written_off
from services.workbook.merger.case import Case
from services.workbook.sheet import Sheet

_NEW, _EARN_OUT = "financing.newDebt", "earnOut"


def add_synergies(case: Case, sheet: Sheet) -> None:
    """``synergies.profit`` and ``synergies.spent``, of whole years."""
    joined = case.inputs.joined
    if not (case.has("synergies.profit") or case.has("synergies.spent")):
        return
    sheet.heading("Synergies of whole years, before tax", case.titles)
    in_place = ""
    if joined.phase_in is not None:
        in_place = "*{synergies.phaseIn}"
        rates = joined.phase_in.years()
        formula = "={synergies.phaseIn}"
        sheet.line(
            "synergies.in_place", "In place", formula, case.each(lambda y: rates[y]), Form.RATE
        )
    if case.has("synergies.saved"):
        saved = f"={{synergies.cost}}{in_place}"
        sheet.line("synergies.saved", "Costs saved", saved, case.each(joined.saved))
    if case.has("synergies.sold"):
        sold, share = f"={{synergies.revenue}}{in_place}", joined.flow_through
        assert share is not None  # noqa: S101 - the door wants both or none
        sheet.line("synergies.sold", "Further revenue", sold, case.each(joined.sold))
        profit = "={synergies.sold}*{synergies.flowThrough}"
        values = case.each(lambda year: joined.sold(year) * share)
        sheet.line("synergies.on_sales", "Profit on it", profit, values)
    if case.has("synergies.profit"):
        both = case.total("synergies.saved", "synergies.on_sales")
        values = case.each(joined.profit)
        sheet.line("synergies.profit", "Synergies", both, values, strong=True)
    if case.has("synergies.spent"):
        spent = "={synergies.costsToAchieve}"
        sheet.line("synergies.spent", "Costs to achieve them", spent, case.each(joined.spent))


def add_new_debt(case: Case, sheet: Sheet) -> None:
    """``new_debt.left``, a share, ``new_debt.balance``, and what interest and the fee charge."""
    borrowed, deal, timing = case.inputs.financing.new_debt, case.deal, case.inputs.timing
    if borrowed is None:
        return
    amount, left = float(deal.funding.new_debt), [float(each) for each in deal.debt_left]
    sheet.heading("New debt", case.titles, opening="Closing")
    due = "" if borrowed.amortisation is None else f"-{{{_NEW}.amortisation}}{case.part}"
    rest = f"MAX({{new_debt.left@-1}}{due},0)"
    sheet.line(
        "new_debt.left",
        "Share not yet repaid",
        f"=IF({{{_NEW}.tenor}}<={{elapsed}},0,{rest})",
        left[1:],
        Form.RATE,
        opening=("=1", 1.0),
    )
    sheet.line(
        "new_debt.balance",
        "New debt",
        "={new_debt}*{new_debt.left}",
        [amount * each for each in left[1:]],
        opening=("={new_debt}*{new_debt.left@open}", amount),
        strong=True,
    )
    repaid = "={new_debt.balance@-1}-{new_debt.balance}"
    sheet.line("new_debt.repaid", "Repaid", repaid, case.result.cash_flow.new_debt_repaid)
    interest = f"={{new_debt.balance@-1}}*{{{_NEW}.rate}}{case.part}"
    label = "Interest, on the balance at the start"
    sheet.line("interest.new", label, interest, case.column("new_interest"))
    share = case.each(lambda year: straight_line(borrowed.tenor, timing, year))
    charged = f"={written_off(f'{{{_NEW}.tenor}}')}"
    sheet.line("new_debt.written_off", "Share of the fee charged", charged, share, Form.RATE)
    fee = "={new_debt.fee}*{new_debt.written_off}"
    sheet.line("interest.fee", "Fee charged", fee, case.column("fee_amortisation"))


def add_old_debt(case: Case, sheet: Sheet) -> None:
    """``target.interest_saved``: the interest of the target's debt that ends, in whole years.

    Debt ends where it is refinanced, or converted at the offer.
    """
    inputs, deal = case.inputs, case.deal
    rate = inputs.financing.target_debt_rate
    sheet.heading("Interest of the target's debt, of whole years", case.titles)
    faces = "".join(
        f"+{{target.shares.convertibles[{number}].faceValue}}"
        for number in range(len(inputs.target.shares.convertibles))
    )
    before = float(inputs.target.balance.debt + inputs.target.shares.convertible_debt)
    sheet.number(
        "target.debt_before",
        "Debt before, with convertibles",
        f"={{target.balance.debt}}{faces}",
        before,
    )
    left = float(deal.target_debt - deal.refinanced)
    sheet.number("target.debt_left", "Debt that goes on", "={target.debt}-{refinanced}", left)
    if rate is None:
        unit = "=IF({target.debt_before}>0,-{target.interest}/{target.debt_before},0)"
        units = case.each(lambda y: inputs.bought.interest(y) / before if before > 0.0 else 0.0)
    else:
        unit, units = "={financing.targetDebtRate}", case.each(lambda _: rate)
    sheet.line("target.debt_rate", "Interest of a unit of the debt", unit, units, Form.RATE)
    sheet.line(
        "target.interest_saved",
        "Interest saved",
        "={target.debt_rate}*({target.debt_before}-{target.debt_left})",
        [each * (before - left) for each in units],
    )


def add_earn_out(case: Case, sheet: Sheet) -> None:
    """``earn_out.value`` at each year's end, ``earn_out.paid``, and ``earn_out.charge``."""
    earn_out, timing = case.inputs.earn_out, case.inputs.timing
    if earn_out is None:
        return
    sheet.heading("Earn-out", case.titles, opening="Closing")
    expected = float(earn_out.amount * earn_out.probability)
    formula = f"={{{_EARN_OUT}.amount}}*{{{_EARN_OUT}.probability}}"
    sheet.number("earn_out.expected", "Expected payment", formula, expected)
    due = earn_out.year - 1  # as columns count

    def at(year: str) -> str:
        """Its fair value while it is owed, at the end of a column's year."""
        if earn_out.discount_rate is None:
            return "={earn_out.expected}"
        wait = f"({{elapsed@{due}}}-{{elapsed{year}}})"
        return f"={{earn_out.expected}}/(1+{{{_EARN_OUT}.discountRate}})^{wait}"

    years = range(timing.years)
    sheet.line(
        "earn_out.value",
        "Fair value",
        [at("") if year < due else "=0" for year in years],
        case.each(lambda year: earn_out.value(timing, year)),
        opening=(at("@open"), float(earn_out.value(timing, -1))),
        strong=True,
    )
    sheet.line(
        "earn_out.paid",
        "Paid",
        ["={earn_out.expected}" if year == due else "=0" for year in years],
        case.each(earn_out.paid),
    )
    if case.has("earn_out.charge"):
        nearer = "={earn_out.value}+{earn_out.paid}-{earn_out.value@-1}"
        label = "Charged as it comes nearer"
        sheet.line("earn_out.charge", label, nearer, case.column("earn_out_charge"))

"""The sheet “Allocation”: what the price was paid for, and how fast write-ups are charged."""

from __future__ import annotations

from collections.abc import Sequence

from engine.merger.allocation import WrittenUp, straight_line
from engine.merger.kernel import taxed_apart
from services.labels import Form
from services.workbook.merger.case import Case, same
from services.workbook.sheet import Sheet

RATE = "{acquirer.statements.taxRate}"
_AT = "allocation"


def add_allocation(case: Case, sheet: Sheet) -> None:
    """From the target's books to ``goodwill``, and ``write_off`` by year."""
    _add_goodwill(case, sheet)
    if case.has("write_off"):
        _add_write_offs(case, sheet)
    if case.has("goodwill.deducted"):
        _add_deduction(case, sheet)


def written_off(life: str) -> str:
    """The formula of the share of a write-up, or a fee, that a year charges: evenly over a life."""
    return f"(MIN({life},{{elapsed}})-MIN({life},{{elapsed@-1}}))/{life}"


def _add_write_offs(case: Case, sheet: Sheet) -> None:
    """Each write-up opens its line, and what it charges by year stands beside it."""
    allocated, timing, deal = case.inputs.allocated, case.inputs.timing, case.deal
    sheet.heading("Write-ups, and what each year charges of them", case.titles, opening="Write-up")

    def line(key: str, label: str, at: str, asset: WrittenUp) -> None:
        sheet.line(
            key,
            label,
            f"={{{key}@open}}*{written_off(f'{{{_AT}.{at}.life}}')}",
            case.each(lambda year: asset.charge(timing, year)),
            opening=(f"={{{_AT}.{at}.amount}}", float(asset.amount)),
        )

    every = [f"write_off.{number}" for number in range(len(allocated.intangibles))]
    for number, asset in enumerate(allocated.intangibles):
        label = f"Intangible asset {number + 1}"
        line(every[number], label, f"intangibles[{number}]", asset)
    if every:
        sheet.line(
            "write_off.intangibles",
            "Intangible assets",
            f"=SUM({{{every[0]}:{every[-1]}}})",
            case.column("intangible_amortisation"),
            opening=(f"=SUM({_openings(every)})", case.result.allocation.intangibles),
        )
    if allocated.fixed_asset_step_up is not None:
        label = "Step-up of fixed assets"
        line("write_off.fixed_assets", label, "fixedAssetStepUp", allocated.fixed_asset_step_up)
    sold = ["={write_off.inventory@open}", *["=0"] * (timing.years - 1)]
    stepped_up = float(allocated.inventory_step_up)
    sheet.line(
        "write_off.inventory",
        "Step-up of inventory, sold in year 1",
        sold,
        case.column("inventory_charge"),
        opening=(f"={{{_AT}.inventoryStepUp}}", stepped_up),
    )
    parts = ("write_off.intangibles", "write_off.fixed_assets", "write_off.inventory")
    sheet.line(
        "write_off",
        "Write-ups",
        case.total(*parts),
        case.column("write_off"),
        opening=(case.total(*(f"{part}@open" for part in parts)), float(deal.write_ups)),
        strong=True,
    )
    _add_deferred_tax(case, sheet)


def _openings(keys: Sequence[str]) -> str:
    return ",".join(f"{{{key}@open}}" for key in keys)


def _add_deferred_tax(case: Case, sheet: Sheet) -> None:
    """At the rate of the year that charges each part; of what is left, at the last year's."""
    rates = case.inputs.acquirer.statements.tax_rate.years()
    apart = taxed_apart(case.inputs)
    kept = float(case.deal.write_ups) - sum(case.column("write_off"))
    sheet.line("write_off.rate", "Tax rate", f"={RATE}", case.each(lambda y: rates[y]), Form.RATE)
    saved = case.each(lambda year: case.earned[year].write_off * rates[year])
    sheet.line("write_off.tax", "Tax on what is charged", "={write_off}*{write_off.rate}", saved)
    sheet.number(
        "write_off.after",
        "Charged after the forecast",
        "={write_off@open}-SUM({write_off@all})",
        kept,
    )
    formula = "=SUM({write_off.tax@all})+{write_off.after}*{write_off.rate@last}"
    label = "Deferred tax on write-ups" if apart else "Deferred tax: none, the assets are bought"
    tax = float(case.deal.deferred_tax)
    sheet.number("deferred_tax", label, formula if apart else "=0", tax, strong=True)


def _add_goodwill(case: Case, sheet: Sheet) -> None:
    found = case.result.allocation
    sheet.heading("Price allocation")
    books = "={closing.equity@1}"
    sheet.number("allocated.equity", "Target's equity in its books", books, found.book_equity)
    there = "=-{target.balance.goodwill}"
    label = "Less goodwill in its books"
    sheet.number("allocated.goodwill", label, there, 0.0 - found.existing_goodwill)
    owed = "={target.balance.deferredTaxLiability}"
    label = "Deferred tax in its books, which ends"
    sheet.number("allocated.deferred_tax", label, owed, found.existing_deferred_tax)
    net = ["allocated.equity", "allocated.goodwill", "allocated.deferred_tax"]
    for key, label, value in (
        ("intangibles", "Intangible assets written up", found.intangibles),
        ("fixed_assets", "Step-up of fixed assets", found.fixed_asset_step_up),
        ("inventory", "Step-up of inventory", found.inventory_step_up),
    ):
        if case.has(f"write_off.{key}"):
            net.append(f"allocated.{key}")
            sheet.number(net[-1], label, f"={{write_off.{key}@open}}", value)
    if case.has("deferred_tax"):
        label = "Less deferred tax on the write-ups"
        sheet.number("allocated.tax", label, "=-{deferred_tax}", 0.0 - found.deferred_tax)
        net.append("allocated.tax")
    label = "Net assets at their fair values"
    sheet.number("net_assets", label, case.total(*net), found.net_assets, strong=True)
    sheet.number("allocated.price", "Price", "={price}", found.price)
    less = "Less net assets at their fair values"
    sheet.number("allocated.less", less, "=-{net_assets}", 0.0 - found.net_assets)
    formula = "={allocated.price}+{allocated.less}"
    sheet.number("goodwill", "Goodwill", formula, found.goodwill, strong=True)
    case.book.check(
        "The price buys no less than the net assets: goodwill is not below zero",
        "={goodwill}>=-1E-9*{price}",
    )
    case.book.check(
        "Goodwill at the closing is the acquirer's own and what the deal makes",
        same("{closing.goodwill@3}", "({acquirer.balance.goodwill}+{goodwill})"),
    )


def _add_deduction(case: Case, sheet: Sheet) -> None:
    """In an asset deal goodwill may be deducted: less tax is paid, and it is owed later."""
    life, timing = case.inputs.allocated.goodwill_tax_life, case.inputs.timing
    assert life is not None  # noqa: S101 - the line would be absent
    sheet.heading("Goodwill deducted for tax", case.titles)
    sheet.line(
        "goodwill.deducted",
        "Goodwill deducted",
        f"={{goodwill}}*{written_off(f'{{{_AT}.goodwillTaxLife}}')}",
        case.each(lambda year: case.deal.goodwill * straight_line(life, timing, year)),
    )
    deferred = case.result.cash_flow.deferred_tax
    sheet.line("goodwill.tax", "Tax deferred", f"={{goodwill.deducted}}*{RATE}", deferred)

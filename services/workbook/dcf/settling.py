"""From the enterprise value to a share: claims, dilution, and the two firms of a failure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.dcf import DcfResult
from engine.firm.equity import Failure, Settled, Shares
from services.labels import Form
from services.workbook.book import Book
from services.workbook.dcf.part import Part, sheet_of
from services.workbook.equity import add_bridge, add_holders, add_sharing, check_sharing, dilutes
from services.workbook.sheet import Sheet


def add_equity(book: Book, result: DcfResult, parts: Sequence[Part], enterprise: str) -> None:
    """The sheet “Equity”, and the outputs of the kind."""
    sheet, inputs, settled = sheet_of(book, "Equity"), result.inputs, result.worth.settled
    going = settled.going_concern or settled
    convertible, diluted = bool(inputs.shares.convertibles), dilutes(inputs.shares)
    sheet.heading("Claims before the shareholders'")
    add_bridge(sheet, inputs.bridge, beside=convertible)
    if diluted:
        add_holders(sheet, inputs.shares)
    sheet.heading("Equity" if inputs.failure is None else "Equity as a going concern")
    value = float(result.worth.enterprise_value)
    sheet.number("value.enterprise", "Enterprise value", f"={{{enterprise}}}", value, strong=True)
    owed = 0.0 - float(inputs.bridge.net_debt)
    words = "Less net debt and other claims" + (", without convertibles" if convertible else "")
    sheet.number(last := "value.lessClaims", words, "=-{claims.netDebt}", owed)
    saving = [part for part in parts if part.inputs.business.losses is not None]
    saved = result.worth.losses_carried_forward
    if saved is not None:
        formula = "=" + "+".join(f"{{{part.key}.taxSavings}}" for part in saving)
        words = "Tax saved by losses carried forward"
        sheet.number(last := "value.taxSavings", words, formula, float(saved))
    before = "Equity" + (" before convertibles" if convertible else " to share")
    total = f"=SUM({{value.enterprise:{last}}})"
    sheet.number("going.before", before, total, _before(going), strong=True)
    if not diluted:
        add_holders(sheet, inputs.shares)
    add_sharing(sheet, inputs.shares, going, equity="going.before", key="going")
    _say_who_takes_part(sheet, inputs.shares, going)
    _check(book, inputs.shares, "going")
    of = "going"
    if inputs.failure is not None:
        assert settled.failed is not None  # noqa: S101 - where a failure is given, so is its firm
        _add_failure(sheet, inputs.failure, inputs.shares, settled, settled.failed)
        _check(book, inputs.shares, "failed")
        of = "weighed"
    book.output("VALUE_PER_SHARE", f"{of}.valuePerShare")
    book.output("EQUITY_VALUE", f"{of}.equityValue")
    book.output("ENTERPRISE_VALUE", "value.enterprise")


def _before(settled: Settled) -> float:
    """Money: the equity that convertibles take their part of."""
    return float(settled.equity_value + settled.convertible_debt)


def _say_who_takes_part(sheet: Sheet, shares: Shares, settled: Settled) -> None:
    if not dilutes(shares) or settled.shared is None:
        return
    does = (*settled.shared.exercised, *settled.shared.converted)
    sheet.line(
        "going.takesPart",
        "Takes part, tranche by tranche",
        '=IF({going.before}>{holders.corner},"yes","no")',
        ["yes" if bool(each) else "no" for each in does],
        Form.CHOICE,
    )


def _add_failure(
    sheet: Sheet, failure: Failure, shares: Shares, settled: Settled, failed: Settled
) -> None:
    """The firm that fails, and both weighed: `weighed.equityValue` and `weighed.valuePerShare`."""
    sheet.heading("Equity in failure")
    least = "SUM({holders.debt@all})" if shares.convertibles else "0"
    sheet.number(
        "failed.before",
        "What a sale in distress leaves",
        f"=MAX({{failure.recovery}}*{{value.enterprise}}-{{claims.netDebt}},{least})",
        _before(failed),
    )
    add_sharing(sheet, shares, failed, equity="failed.before", key="failed")
    sheet.heading("Both, by the probability of failure")
    going = 1.0 - float(failure.probability)
    sheet.number(
        "weighed.going", "Probability of going on", "=1-{failure.probability}", going, Form.RATE
    )
    for name, words, value, form in (
        ("equityValue", "Equity value", settled.equity_value, Form.MONEY),
        ("valuePerShare", "Value per share", settled.value_per_share, Form.PRICE),
    ):
        sheet.number(
            f"weighed.{name}",
            words,
            f"={{weighed.going}}*{{going.{name}}}+{{failure.probability}}*{{failed.{name}}}",
            float(value),
            form,
            strong=True,
        )


def _check(book: Book, shares: Shares, key: str) -> None:
    where = " in failure" if key == "failed" else ""
    price, equity = f"{{{key}.valuePerShare}}", f"{{{key}.before}}"
    check_sharing(book, shares, price=price, equity=equity, where=where)
    book.check(
        f"Price times diluted shares is the equity value{where}",
        f"=ABS({price}*{{{key}.dilutedShares}}-{{{key}.equityValue}})"
        f"<=1E-9*MAX(1,ABS({{{key}.equityValue}}))",
    )

"""From a balance sheet to what belongs to a share: debt, cash, other claims, and who shares."""

from __future__ import annotations

from typing import Final

from services.assumptions import Draft
from services.figures import day, fiscal, listed, money, plain, price
from services.filings import Filings
from services.words import snake
from store.companies import Origin

_CLOSE: Final = "Closing price, shipped with the filings"
CASH_LINES: Final = (
    "cash_and_equivalents",
    "marketable_securities_current",
    "marketable_securities_noncurrent",
)
_OTHER_CLAIMS: Final = {
    "bridge.leases": "leases",
    "bridge.preferredStock": "preferred stock",
    "bridge.minorityInterests": "minority interests",
    "bridge.pensionsAfterTax": "pension deficits",
    "bridge.associates": "associates",
}
_PLURAL: Final = _OTHER_CLAIMS.keys() - {"bridge.preferredStock"}


def bridge(draft: Draft, filings: Filings) -> None:
    """From enterprise to equity value: what is owed, and what is held besides the business."""
    sheet, currency = filings.sheet, filings.company.currency
    borrowed = {"current debt": sheet.debt_current, "non-current debt": sheet.debt_noncurrent}
    draft.put(
        "bridge.debt",
        round(filings.debt),
        money(filings.debt, currency),
        f"{_summed(borrowed, currency)} At book value, which for a good borrower is near the "
        "market's.",
        filings.of_sheet("debt_current", "debt_noncurrent"),
    )
    held = {
        "cash and equivalents": sheet.cash_and_equivalents,
        "current marketable securities": sheet.marketable_securities_current,
        "non-current marketable securities": sheet.marketable_securities_noncurrent,
    }
    draft.put(
        "bridge.cash",
        round(filings.cash),
        money(filings.cash, currency),
        f"{_summed(held, currency)} All of it counts as surplus: none is kept back for operations.",
        filings.of_sheet(*CASH_LINES),
    )
    _other_claims(draft, filings)


def _other_claims(draft: Draft, filings: Filings) -> None:
    """What the balance sheet gives of the rest of the bridge; what it does not counts as 0."""
    currency, day_of = filings.company.currency, day(filings.sheet.as_of)
    absent = dict(_OTHER_CLAIMS)
    for path, words in _OTHER_CLAIMS.items():
        line = snake(path.removeprefix("bridge."))
        amount = getattr(filings.sheet, line)
        if amount is None:
            continue
        del absent[path]
        draft.put(
            path,
            round(amount),
            money(amount, currency),
            f"{words[0].upper()}{words[1:]} of {money(amount, currency)} on {day_of}, as reported.",
            filings.of_sheet(line),
        )
    if not absent:
        return
    names = listed(list(absent.values()))
    here = "the figures that are here" if filings.sourced else "the shipped figures"
    is_one = len(absent) == 1 and next(iter(absent)) not in _PLURAL
    text = f"{names[0].upper()}{names[1:]} {'is' if is_one else 'are'} not in {here} and "
    text += f"{'counts' if is_one else 'count'} as 0"
    if "bridge.leases" in absent:
        text += "; the rent of operating leases is already a cost within EBIT"
    draft.put(next(iter(absent)), 0, money(0.0, currency), f"{text}.")


def _summed(parts: dict[str, float | None], currency: str) -> str:
    """``Cash of $1.0 bn and securities of $2.0 bn. Current debt: not given, counted as 0.``"""
    given = {name: part for name, part in parts.items() if part is not None}
    told = {name: part for name, part in given.items() if part} or given
    text = f"{listed([f'{name} of {money(part, currency)}' for name, part in told.items()])}."
    text = text[0].upper() + text[1:]
    absent = listed([name for name in parts if name not in given])
    if absent:
        text += f" {absent[0].upper()}{absent[1:]}: not given, counted as 0."
    return text


def shares(draft: Draft, filings: Filings) -> None:
    """Who shares the equity value, and what a share costs."""
    company, sheet, count = filings.company, filings.sheet, filings.diluted_shares
    dilutes = sheet.restricted_stock is not None or bool(sheet.options)
    if sheet.basic_shares is not None and (dilutes or not sheet.diluted_shares):
        _basic_shares(draft, filings, sheet.basic_shares)
    else:
        text = (
            f"Weighted average diluted shares of {fiscal([filings.last.fiscal_year])}, as "
            "reported. Shares issued or bought back late in the year count in part only."
        )
        if sheet.options:
            text += " The options have no basic shares to stand beside, so they are in this count."
        origin = filings.of_sheet("diluted_shares")
        draft.put("shares.diluted", round(count), f"{plain(count / 1e6, 1)} m", text, origin)
    draft.put(
        "marketPrice",
        company.price.close,
        price(company.price.close, company.currency),
        f"Unadjusted close of {day(company.price.date)}. It sets the weight of debt; otherwise the "
        "value is only compared with it.",
        close_of(filings),
    )


def _basic_shares(draft: Draft, filings: Filings, basic: float) -> None:
    """Basic shares, and beside them what dilutes them at the value that comes out."""
    sheet, currency = filings.sheet, filings.company.currency
    draft.put(
        "shares.basic",
        round(basic),
        f"{plain(basic / 1e6, 1)} m",
        f"Shares outstanding on {day(sheet.as_of)}. What dilutes them is counted at the value that "
        "comes out, and not at the market price.",
        filings.of_sheet("basic_shares"),
    )
    if sheet.restricted_stock is not None:
        draft.put(
            "shares.restrictedStock",
            round(sheet.restricted_stock),
            f"{plain(sheet.restricted_stock / 1e6, 1)} m",
            "Restricted stock outstanding, all of it counted.",
            filings.of_sheet("restricted_stock"),
        )
    if sheet.options:
        count = sum(grant.count for grant in sheet.options)
        strikes = [price(grant.strike, currency) for grant in sheet.options]
        draft.put(
            "shares.options",
            [{"count": grant.count, "strike": grant.strike} for grant in sheet.options],
            f"{plain(count / 1e6, 1)} m",
            f"Options outstanding at {listed(strikes)}, by the treasury-stock method.",
            filings.of_sheet("options"),
        )


def close_of(filings: Filings) -> Origin:
    """Where the market price is from."""
    known = filings.of_price()
    if known is not None:
        return known
    source = f"{filings.company.source}; closing price" if filings.sourced else _CLOSE
    return Origin(source=source, as_of=filings.company.price.date)

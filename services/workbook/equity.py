"""From an enterprise value to a share, for every kind that has `bridge` and `shares`.

How a kind's writer uses it: ``add_bridge`` writes the claims down to ``claims.netDebt``;
``add_holders`` writes who may share the equity and from which amount on, once for a set of shares;
``add_sharing`` then shares an amount of equity, or a line of amounts, among them::

    add_bridge(sheet, bridge)
    sheet.number("before", "Equity before convertibles", "={ev}-{claims.netDebt}", value)
    add_holders(sheet, shares)
    add_sharing(sheet, shares, settled, equity="before", key="equity")

which writes ``equity.equityValue``, ``equity.dilutedShares`` and ``equity.valuePerShare`` (and
``equity.convertibleDebt``, where there are convertibles). ``at`` is where the group stands in the
document, ``key`` what comes before the names of the lines.

Nothing is circular: a tranche takes part where the equity is above what all holders together can
claim at its own strike or conversion price, as in `engine.firm.dilution`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Final

from engine.door import Scalar
from engine.firm.dilution import claims_at
from engine.firm.equity import Bridge, Settled, Shares
from services.labels import Form
from services.words import snake
from services.workbook.book import Book
from services.workbook.sheet import Sheet

_CLAIMS: Final = (
    ("debt", "Debt"),
    ("leases", "Leases"),
    ("preferredStock", "Preferred stock"),
    ("minorityInterests", "Minority interests"),
    ("pensionsAfterTax", "Pensions after tax"),
    ("cash", "Cash"),
    ("associates", "Associates"),
)
_LESS: Final = ("cash", "associates")  # of them, what is taken off


def net_debt(at: str) -> str:
    """The net debt of the bridge at a path, as the terms of a formula."""
    claims = "+".join(f"{{{at}.{name}}}" for name, _ in _CLAIMS if name not in _LESS)
    return claims + "".join(f"-{{{at}.{name}}}" for name, _ in _CLAIMS if name in _LESS)


def add_bridge(
    sheet: Sheet,
    bridge: Bridge,
    *,
    at: str = "bridge",
    key: str = "claims",
    beside: bool = False,
) -> None:
    """Each claim, cash and associates, and ``<key>.netDebt``; ``beside``: there are convertibles,
    which are none of it."""
    for name, words in _CLAIMS:
        less = name in _LESS
        value = float(getattr(bridge, snake(name)))
        sheet.number(
            f"{key}.{name}",
            f"Less {words.lower()}" if less else words,
            f"=-{{{at}.{name}}}" if less else f"={{{at}.{name}}}",
            0.0 - value if less else value,
        )
    sheet.number(
        f"{key}.netDebt",
        "Net debt and other claims" + (", without convertibles" if beside else ""),
        f"=SUM({{{key}.debt:{key}.associates}})",
        float(bridge.net_debt),
        strong=True,
    )


def dilutes(shares: Shares) -> bool:
    """Whether anybody may join those who hold shares already."""
    return bool(shares.options or shares.convertibles)


def add_holders(sheet: Sheet, shares: Shares, *, at: str = "shares", key: str = "holders") -> None:
    """``<key>.held`` and, a column for each tranche, ``<key>.corner``: the equity from which on it
    takes part, and the shares, the payment and the end of debt that it then brings."""
    if dilutes(shares):
        options = [f"Options {number + 1}" for number in range(len(shares.options))]
        bonds = [f"Convertible {number + 1}" for number in range(len(shares.convertibles))]
        sheet.heading("Who may share the equity", [*options, *bonds])
    held, value = f"={{{at}.diluted}}", shares.diluted
    if value is None:
        held, value = f"={{{at}.basic}}", shares.held
        if shares.restricted_stock is not None:
            held += f"+{{{at}.restrictedStock}}"
    words = "Shares held" if shares.diluted is None else "Diluted shares, as given"
    sheet.number(f"{key}.held", words, held, float(value), Form.COUNT)
    if dilutes(shares):
        _add_corners(sheet, shares, at, key)


def _add_corners(sheet: Sheet, shares: Shares, at: str, key: str) -> None:
    options = [f"{at}.options[{number}]" for number in range(len(shares.options))]
    bonds = [f"{at}.convertibles[{number}]" for number in range(len(shares.convertibles))]
    strikes = [float(each.strike) for each in shares.options]
    conversions = [float(each.conversion_price) for each in shares.convertibles]
    prices, price = [*strikes, *conversions], f"{{{key}.price}}"
    sheet.line(
        f"{key}.price",
        "Strike, or conversion price",
        [
            *(f"={{{path}.strike}}" for path in options),
            *(f"={{{path}.conversionPrice}}" for path in bonds),
        ],
        prices,
        Form.PRICE,
    )
    sheet.line(
        f"{key}.ofHeld",
        "At that price: shares held claim",
        f"={price}*{{{key}.held}}",
        [each * float(shares.held) for each in prices],
    )
    last = "ofHeld"
    for number, (path, option) in enumerate(zip(options, shares.options, strict=True)):
        last = f"ofOptions{number + 1}"
        count, strike = float(option.count), float(option.strike)
        sheet.line(
            f"{key}.{last}",
            f"Options {number + 1} claim",
            f"={{{path}.count}}*MAX({price}-{{{path}.strike}},0)",
            [count * max(each - strike, 0.0) for each in prices],
        )
    for number, (path, bond) in enumerate(zip(bonds, shares.convertibles, strict=True)):
        last = f"ofConvertible{number + 1}"
        face, conversion = float(bond.face_value), float(bond.conversion_price)
        sheet.line(
            f"{key}.{last}",
            f"Convertible {number + 1} claims",
            f"={{{path}.faceValue}}*MAX({price}/{{{path}.conversionPrice}},1)",
            [face * max(each / conversion, 1.0) for each in prices],
        )
    sheet.line(
        f"{key}.corner",
        "Takes part where the equity is above",
        f"=SUM({{{key}.ofHeld:{key}.{last}}})",
        [
            float(claims_at(each, shares.held, shares.options, shares.convertibles))
            for each in prices
        ],
        strong=True,
    )
    sheet.line(
        f"{key}.newShares",
        "Then: new shares",
        [
            *(f"={{{path}.count}}" for path in options),
            *(f"={{{path}.faceValue}}/{{{path}.conversionPrice}}" for path in bonds),
        ],
        _new_shares(shares),
        Form.COUNT,
    )
    if options:
        sheet.line(
            f"{key}.paid",
            "Then: paid for them",
            [*(f"={{{path}.count}}*{{{path}.strike}}" for path in options), *["=0"] * len(bonds)],
            [*_paid(shares), *[0.0] * len(bonds)],
        )
    if bonds:
        sheet.line(
            f"{key}.debt",
            "Else: remains debt",
            [*["=0"] * len(options), *(f"={{{path}.faceValue}}" for path in bonds)],
            [*[0.0] * len(options), *(float(each.face_value) for each in shares.convertibles)],
        )


def _new_shares(shares: Shares) -> list[float]:
    return [
        *(float(each.count) for each in shares.options),
        *(float(each.face_value / each.conversion_price) for each in shares.convertibles),
    ]


def _paid(shares: Shares) -> list[float]:
    return [float(each.count * each.strike) for each in shares.options]


def add_sharing(
    sheet: Sheet,
    shares: Shares,
    settled: Settled | Sequence[Settled | None],
    *,
    equity: str,
    key: str,
    holders: str = "holders",
) -> None:
    """Share ``equity``, before convertibles, which is a cell or a line of this sheet.

    ``settled`` is what the engine found: one; or one for each column, None where the equity says
    nothing, and its formula gives "".
    """
    many = not isinstance(settled, Settled)
    every = [settled] if isinstance(settled, Settled) else list(settled)

    def put(
        name: str, words: str, formula: str, of: Callable[[Settled], Scalar], form: Form
    ) -> None:
        strong = name in ("equityValue", "valuePerShare")
        where = f"{key}.{name}"
        values = ["" if each is None else float(of(each)) for each in every]
        if many:
            formula = f'=IF({{{equity}}}="","",{formula[1:]})'
            sheet.line(where, words, formula, values, form, strong=strong)
        else:
            sheet.number(where, words, formula, values[0], form, strong=strong)

    def those(line: str) -> str:
        return f"SUMPRODUCT(({{{holders}.corner@all}}<{{{equity}}})*{{{holders}.{line}@all}})"

    money, held = Form.MONEY, f"{{{holders}.held}}"
    if not dilutes(shares):
        put("equityValue", "Equity value", f"={{{equity}}}", _EQUITY, money)
        put("dilutedShares", "Diluted shares", f"={held}", _DILUTED, Form.COUNT)
        per_share = f"={{{key}.equityValue}}/{{{key}.dilutedShares}}"
        put("valuePerShare", "Value per share", per_share, _PER_SHARE, Form.PRICE)
        return
    own = f"{{{equity}}}"
    if shares.convertibles:
        remain = f"=SUM({{{holders}.debt@all}})-{those('debt')}"
        put("convertibleDebt", "Convertibles that remain debt", remain, _DEBT, money)
        own = f"{own}-{{{key}.convertibleDebt}}"
    put("equityValue", "Equity value", f"={own}", _EQUITY, money)
    gross = f"={held}+{those('newShares')}"
    issued = partial(_issued, shares)
    put("issued", "Shares held and new shares", gross, issued, Form.COUNT)
    raised, bought = f"{{{key}.equityValue}}", ""
    if shares.options:
        paid = partial(_raised, shares)
        put("paid", "Paid by exercised options", f"={those('paid')}", paid, money)
        raised = f"({raised}+{{{key}.paid}})"
        bought = f"-IF({{{key}.paid}}>0,{{{key}.paid}}/{{{key}.valuePerShare}},0)"
    per_share = f"={raised}/{{{key}.issued}}"
    put("valuePerShare", "Value per share", per_share, _PER_SHARE, Form.PRICE)
    count = f"={{{key}.issued}}{bought}"
    put("dilutedShares", "Diluted shares", count, _DILUTED, Form.COUNT)


def shared_at(equity: str, shares: Shares, *, holders: str = "holders") -> str:
    """A formula, without its =: the price of a share where ``equity``, a cell before convertibles,
    is shared; in one cell, what `add_sharing` does in several."""
    held = f"{{{holders}.held}}"
    if not dilutes(shares):
        return f"{equity}/{held}"

    def those(line: str) -> str:
        return f"SUMPRODUCT(({{{holders}.corner@all}}<{equity})*{{{holders}.{line}@all}})"

    raised = equity
    if shares.convertibles:
        raised += f"-SUM({{{holders}.debt@all}})+{those('debt')}"
    if shares.options:
        raised += f"+{those('paid')}"
    return f"({raised})/({held}+{those('newShares')})"


_EQUITY: Final = attrgetter("equity_value")
_PER_SHARE: Final = attrgetter("value_per_share")
_DILUTED: Final = attrgetter("diluted_shares")
_DEBT: Final = attrgetter("convertible_debt")


def check_sharing(
    book: Book,
    shares: Shares,
    *,
    price: str,
    equity: str,
    where: str = "",
    holders: str = "holders",
) -> None:
    """That all holders' claims at a price come to ``equity``, before convertibles: added up as
    they are not where the price is found. Both are cells, as formulas name them."""
    claims = f"{price}*{{{holders}.held}}"
    if dilutes(shares):
        above = f"({price}>{{{holders}.price@all}})*({price}-{{{holders}.price@all}})"
        claims += f"+SUMPRODUCT({above}*{{{holders}.newShares@all}})"
    if shares.convertibles:
        claims += f"+SUM({{{holders}.debt@all}})"
    book.check(
        f"The claims of all holders at the price come to the equity{where}",
        f"=ABS({claims}-{equity})<=1E-9*MAX(1,ABS({equity}))",
    )


def _takes_part(settled: Settled) -> list[bool]:
    assert settled.shared is not None  # noqa: S101 - asked only where somebody may join
    return [bool(does) for does in (*settled.shared.exercised, *settled.shared.converted)]


def _issued(shares: Shares, settled: Settled) -> float:
    joining = zip(_takes_part(settled), _new_shares(shares), strict=True)
    return float(shares.held) + sum(new for does, new in joining if does)


def _raised(shares: Shares, settled: Settled) -> float:
    pays = zip(_takes_part(settled), _paid(shares), strict=False)  # convertibles pay nothing
    return sum((paid for does, paid in pays if does), 0.0)

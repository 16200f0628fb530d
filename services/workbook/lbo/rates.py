"""Rates of return of the sponsor's flows, whose times are no whole years where year 1 is a stub.

Paid once and received once, a rate is a root: (received / paid) ^ (1 / years) - 1. With a dividend
in between it is found by rounds. Each takes a discount factor v, finds what dividend and proceeds
are worth with it, and raises v by (paid / worth) ^ (1 / duration), with the duration of the two at
v. These are Newton's steps on the logarithm of the worth, which is almost straight: they come from
any start to all digits of the solution in a few rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.labels import Form
from services.workbook.book import years_of
from services.workbook.lbo.buyout import Buyout
from services.workbook.sheet import ERROR, Sheet, told

_ROUNDS, _ROUNDS_OF_A_STUB = 8, 12  # a dividend days after the closing takes a few more
_LARGEST: Final = 709  # of an exponent whose power of e is still a number
_PAID: Final = "{transaction.sponsor@0}"


@dataclass(frozen=True, slots=True)
class Received:
    """What the sponsor has of a sale at the end of each year: (n_years,) money.

    The lines are ``<key>.proceeds``, ``<key>.received``, ``<key>.moic`` and, with a dividend,
    `sale.dividend`.
    """

    key: str
    proceeds: Sequence[float]
    dividends: Sequence[float]  # up to then
    irr: Sequence[float | None]  # the engine's; None: no number holds it


def add_rate(
    sheet: Sheet,
    buyout: Buyout,
    got: Received,
    label: str,
    *,
    multiple: tuple[str, float] | None = None,
    strong: bool = True,
) -> None:
    """The line ``<key>.irr``; of several, ``multiple`` is what the firm is sold at: formula and
    number, in the column before."""
    key = got.key
    if buyout.inputs.recapitalisation is not None:
        last = f"{{{key}.factor.{_rounds(buyout)}}}"
        rate = f'IF({{{key}.some}}=1,1/{last}-1,IF({{{key}.most}}<0,"",-1))'
    else:
        rate = f"{{{key}.moic}}^(1/{{time.elapsed}})-1"
        if buyout.begins_late:  # a sale so soon may be a rate beyond any number
            held = f"LN({{{key}.moic}})<{_LARGEST}*{{time.elapsed}}"
            rate = f'IF({{{key}.moic}}>0,IF({held},{rate},""),-1)'
    sheet.line(
        f"{key}.irr",
        label,
        f"={rate}",
        told(got.irr),
        Form.RATE,
        opening=multiple,
        opening_form=Form.MULTIPLE,
        strong=strong,
        shaded=strong and multiple is not None,
    )


def add_rounds(sheet: Sheet, buyout: Buyout, got: Received, words: str) -> None:
    """The rounds of a rate, under a heading, down to ``<key>.gap``: by how much they miss."""
    recap, timing, key = buyout.inputs.recapitalisation, buyout.inputs.timing, got.key
    assert recap is not None  # noqa: S101 - whoever asks has looked
    sheet.heading(words, years_of(buyout.years))
    times = [timing.elapsed(year) for year in range(buyout.years)]
    first = [min(times[recap.year - 1], time) for time in times]
    paid = buyout.valuation.sponsor_equity
    sheet.line(
        f"{key}.time",
        "Years to the dividend",
        f"=MIN({{time.elapsed@{recap.year - 1}}},{{time.elapsed}})",
        first,
        Form.COUNT,
    )
    found = [
        _find(paid, *flows, _rounds(buyout))
        for flows in zip(got.dividends, first, got.proceeds, times, strict=True)
    ]
    for name, words, money, years, values in (
        ("ofDividend", "the dividend", "{sale.dividend}", f"{key}.time", "of_dividend"),
        ("ofProceeds", "the proceeds", f"{{{key}.proceeds}}", "time.elapsed", "of_proceeds"),
    ):
        sheet.line(
            f"{key}.{name}",
            f"Logarithm of the factor, if there were only {words}",
            f'=IF({money}>0,LN({_PAID}/{money})/{{{years}}},"")',
            told([getattr(each, values) for each in found]),
            Form.COUNT,
        )
    sheet.line(
        f"{key}.most",
        "The most that it can be",
        f"=MIN({{{key}.ofDividend:{key}.ofProceeds}})",
        [each.most for each in found],
        Form.COUNT,
    )
    sheet.line(
        f"{key}.some",
        "Whether there is a rate: 1, or 0",
        f"=IF({{{key}.received}}>0,IF(ABS({{{key}.most}})<{_LARGEST},1,0),0)",
        [1.0 if each.some else 0.0 for each in found],
        Form.CHOICE,
    )
    sheet.line(
        f"{key}.factor.0",
        "Discount factor: where the rounds begin",
        f"=IF({{{key}.some}}=1,EXP({{{key}.most}}),1)",
        [each.factors[0] for each in found],
        Form.COUNT,
    )
    for number in range(1, _rounds(buyout) + 1):
        early, late = f"{{{key}.early.{number}}}", f"{{{key}.late.{number}}}"
        factor = f"{{{key}.factor.{number - 1}}}"
        sheet.line(
            f"{key}.early.{number}",
            f"Round {number}: worth of the dividend",
            f"={{sale.dividend}}*{factor}^{{{key}.time}}",
            [each.early[number - 1] for each in found],
        )
        sheet.line(
            f"{key}.late.{number}",
            f"Round {number}: worth of the proceeds",
            f"=IF({{{key}.proceeds}}>0,{{{key}.proceeds}}*{factor}^{{time.elapsed}},0)",
            [each.late[number - 1] for each in found],
        )
        worth = f"({early}+{late})"
        one_over = f"{worth}/({early}*{{{key}.time}}+{late}*{{time.elapsed}})"
        sheet.line(
            f"{key}.factor.{number}",
            f"Round {number}: discount factor",
            f"=IF({{{key}.some}}=1,{factor}*({_PAID}/{worth})^({one_over}),1)",
            [each.factors[number] for each in found],
            Form.COUNT,
        )
    sheet.line(
        f"{key}.gap",
        "The last round misses what was paid by",
        f"=IF({{{key}.some}}=1,ABS({worth}/{_PAID}-1),0)",
        [each.gap for each in found],
        Form.COUNT,
        note="share of it",
        like=ERROR,
    )


@dataclass(slots=True)
class _Found:
    """What the formulas come to for a sale in one year."""

    of_dividend: float | None  # None: there is none
    of_proceeds: float | None
    most: float
    some: bool
    factors: list[float]
    early: list[float]
    late: list[float]
    gap: float = 0.0


def _find(
    paid: float, dividend: float, first: float, proceeds: float, last: float, rounds: int
) -> _Found:
    """v with paid = dividend v^first + proceeds v^last.

    Neither part is worth more than what was paid, so v is at most what it would be with one of
    them alone. There both are worth at most twice as much, and the rounds come down from it.
    """
    of_dividend = math.log(paid / dividend) / first if dividend > 0.0 else None
    of_proceeds = math.log(paid / proceeds) / last if proceeds > 0.0 else None
    bounds = [each for each in (of_dividend, of_proceeds) if each is not None]
    most = min(bounds, default=0.0)
    some = bool(bounds) and abs(most) < _LARGEST
    factor = math.exp(most) if some else 1.0
    found = _Found(of_dividend, of_proceeds, most, some, [factor], [], [])
    for _ in range(rounds):
        early = dividend * factor**first
        late = proceeds * factor**last if proceeds > 0.0 else 0.0
        if some:
            worth = early + late
            found.gap = abs(worth / paid - 1.0)
            factor *= (paid / worth) ** (worth / (early * first + late * last))
        found.early.append(early)
        found.late.append(late)
        found.factors.append(factor)
    return found


def _rounds(buyout: Buyout) -> int:
    return _ROUNDS_OF_A_STUB if buyout.begins_late else _ROUNDS

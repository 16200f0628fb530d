"""What would mend a deal that cannot be: a number, rounded to the side on which it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from engine.door import MONEY_MAX, Scalar, no_less, no_more, told_number
from engine.errors import Problem, any_of
from engine.lbo.closing import Deal
from engine.lbo.entry import CENT, MULTIPLE_MAX, Entry
from engine.lbo.timing import Timing
from engine.lbo.tranches import Tranche
from engine.schedules import Schedule

# 1/year: up to this, plain steps arrive well before there are no more of them.
RATE_THAT_ARRIVES = 1.8
_PAST = 1.0 + 1e-9  # of a limit that has to be passed, not met
_HALVINGS = 60
_LARGEST = 1e300  # a return, that a number holds with room to spare


def too_much_debt(
    entry: Entry,
    tranches: Sequence[Tranche],
    deal: Deal,
    missing: float,
    number: Callable[[Scalar], float],
) -> str:
    """What to lower, and what to pay instead: each by itself leaves the sponsor a cent.

    A tranche that is lower saves its fee and its discount too, so it has to be lowered by more.
    ``missing`` is money; ``number`` picks the scenario that is talked about.
    """
    ways, most, brought = [], 0.0, 0.0
    ltm, rollover = number(entry.ltm_ebitda), number(deal.rollover)
    for at, (tranche, face) in enumerate(zip(tranches, deal.faces, strict=True)):
        owed, kept = number(face), 1.0 - number(tranche.oid)
        if not tranche.revolving:  # whose fee is of the commitment, whatever is drawn
            kept -= number(tranche.fee)
        brought += owed * kept
        if kept > 0.0 and owed > most and owed >= missing / kept:
            most, left = owed, owed - missing / kept
            name, unit = ("amount", 1.0) if tranche.amount is not None else ("times_ebitda", ltm)
            ways = [f"lower tranches[{at}].{name} to {no_more(left / unit)} or less"]
    alone = rollover > missing
    # Where none is enough by itself: all in one proportion, if need be the rollover with them.
    if not ways and (brought > missing or not alone):
        what = "every tranche"
        if brought <= missing:
            what, brought = "every tranche, and equity.rollover,", brought + rollover
        share = no_more(100.0 * max(0.0, 1.0 - missing / brought))
        ways = [f"lower {what} to {share}% of what it is"]
    if alone:
        ways.append(f"lower equity.rollover to {no_more(rollover - missing)} or less")
    price = number(deal.price) + missing
    if entry.enterprise_value is None:
        if price <= MULTIPLE_MAX * ltm:
            ways.append(f"let entry.ev_to_ebitda be {no_less(price / ltm)} or more")
    elif price <= MONEY_MAX:
        ways.append(f"let entry.enterprise_value be {no_less(price)} or more")
    return any_of(ways)


def wiped_out(multiple: float, ebitda: float, owed: float, costs: float) -> tuple[str, str] | None:
    """The path, and what to give there so that something is left for the owners; None where
    neither a multiple nor the costs of the exit help.

    ``owed`` is money, net of cash; ``costs`` of the exit are a share of its price.
    """
    cheaper = ""
    if costs > 0.0 and multiple * ebitda > owed * _PAST > 0.0:  # without costs something is left
        cheaper = f"exit costs of {no_more(1.0 - owed * _PAST / (multiple * ebitda))} or less, "
    least = covering_multiple(ebitda, owed, costs)
    if ebitda > 0.0:
        if least is not None:
            said = f"Give an exit multiple of {no_less(least)} or more, {cheaper}or less debt."
            return "exit.ev_to_ebitda", said
        if cheaper:
            return "exit.costs", f"Give {cheaper}or less debt."
    elif owed < 0.0 and ebitda < 0.0:  # whoever sells pays for it: out of the cash that is there
        most = owed / ebitda / _PAST
        return "exit.ev_to_ebitda", f"Give an exit multiple of {no_more(most)} or less."
    return None


def nearest_that_mends(mended: Callable[[float], bool], wrong: float, right: float) -> float | None:
    """The number nearest to one that is ``wrong`` with which all is well, up to one that should be
    ``right``; None where that is not. What is answered has been tried.
    """
    if not mended(right):
        return None
    for _ in range(_HALVINGS):
        middle = 0.5 * (wrong + right)
        if mended(middle):
            right = middle
        else:
            wrong = middle
    return right


def told_that_mends(
    mended: Callable[[float], bool], wrong: float, right: float, rounded: Callable[[float], str]
) -> str | None:
    """As `nearest_that_mends`, in the words of ``rounded``: what they say has been tried, once."""

    @cache
    def tried(told: str) -> bool:
        return mended(told_number(told))

    found = nearest_that_mends(lambda number: tried(rounded(number)), wrong, right)
    return None if found is None else rounded(found)


def covering_multiple(ebitda: float, owed: float, costs: float) -> float | None:
    """The exit multiple from which on every claim is paid, and something is left; None where none
    that is allowed does. As in `wiped_out`.
    """
    if not ebitda > 0.0:
        return None
    least = max(owed / (ebitda * (1.0 - costs)) * _PAST, CENT)
    return least if least <= MULTIPLE_MAX else None


def beyond_numbers(invested: float, ebitda: float, owed: float, kept: float, years: float) -> str:
    """What to do about a return over a few ``years`` that no number holds.

    Of what it is made: money that was ``invested``, and as in `wiped_out`.
    """
    most = 0.0
    if ebitda > 0.0 and years < 1.0:
        most = (invested * _LARGEST**years + owed) / (ebitda * kept)
    if most < CENT:
        return "Let the exit come in a later year, or lower the growth."
    return f"Let the exit come in a later year, or give a multiple of {no_more(most)} or less."


def dear_rates(
    tranches: Sequence[Tranche], base: Schedule | None, timing: Timing, *, hastened: bool
) -> tuple[str, list[Problem]]:
    """What to lower, and each tranche whose rate is so high that average interest on it is not
    certain to be found, with the spread at which it is: only one that floats can be so dear.

    ``hastened``: what is prepaid takes its costs with it, and without that the rates would do.
    """
    found = []
    for at, tranche in enumerate(tranches):
        if tranche.spread is None:
            continue
        spread = float(tranche.spread)
        rates = [float(rate) for rate in tranche.rates(base, timing.years)]
        least = min(RATE_THAT_ARRIVES / timing.share(t) - rate for t, rate in enumerate(rates))
        if least < 0.0:
            found.append(
                Problem(
                    f"tranches[{at}].spread",
                    "OUT_OF_RANGE",
                    f"{tranche.name.strip()} bears up to {max(rates):.0%} a year.",
                    f"Give a spread of {no_more(spread + least)} or less.",
                )
            )
    mends = []
    if found:
        mends.append("lower each spread that is named here")
    if hastened:
        mends.append("leave write_off_fees_on_prepayment out")
    what = " and ".join(mends) or "lower the rates"
    return f"{what[0].upper()}{what[1:]}, or let interest be on the OPENING balance.", found

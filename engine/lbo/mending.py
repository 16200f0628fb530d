"""What would mend a deal that cannot be: a number, rounded to the side on which it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.door import Scalar, no_less, no_more, show
from engine.errors import Problem
from engine.lbo.closing import Deal
from engine.lbo.entry import CENT, MULTIPLE_MAX, Entry
from engine.lbo.timing import Timing
from engine.lbo.tranches import Tranche
from engine.schedules import Schedule

# 1/year: up to this, plain steps arrive well before there are no more of them.
RATE_THAT_ARRIVES = 1.8
_PAST = 1.0 + 1e-9  # of a limit that has to be passed, not met
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
    lower, most = "", 0.0
    ltm = number(entry.ltm_ebitda)
    for at, (tranche, face) in enumerate(zip(tranches, deal.faces, strict=True)):
        owed, kept = number(face), 1.0 - number(tranche.oid)
        if not tranche.revolving:
            kept -= number(tranche.fee)
        if kept > 0.0 and owed > most and owed >= missing / kept:
            most, left = owed, owed - missing / kept
            name, unit = ("amount", 1.0) if tranche.amount is not None else ("times_ebitda", ltm)
            lower = f", for one tranches[{at}].{name} to {no_more(left / unit)}"
    price = number(deal.price) + missing
    pay = ""
    if entry.enterprise_value is not None:
        pay = f"; or let entry.enterprise_value be {no_less(price)} or more"
    elif price <= MULTIPLE_MAX * ltm:
        pay = f"; or let entry.ev_to_ebitda be {no_less(price / ltm)} or more"
    return f"Lower the debt or the rollover by {no_less(missing)} or more{lower}{pay}."


def wiped_out(multiple: float, ebitda: float, owed: float, costs: float) -> tuple[str, str]:
    """The path, and what to give there so that something is left for the owners.

    ``owed`` is money, net of cash; ``costs`` of the exit are a share of its price.
    """
    cheaper = ""
    if costs > 0.0 and multiple * ebitda > owed * _PAST > 0.0:  # without costs something is left
        cheaper = f"exit costs of {no_more(1.0 - owed * _PAST / (multiple * ebitda))} or less, "
    kept, least = 1.0 - costs, covering_multiple(ebitda, owed, costs)
    if ebitda > 0.0:
        if least is not None:
            said = f"Give an exit multiple of {no_less(least)} or more, {cheaper}or less debt."
            return "exit.ev_to_ebitda", said
        if cheaper:
            return "exit.costs", f"Give {cheaper}or less debt."
    elif owed < 0.0 and ebitda < 0.0:  # whoever sells pays for it: out of the cash that is there
        most = owed / (ebitda * kept) / _PAST
        return "exit.ev_to_ebitda", f"Give an exit multiple of {no_more(most)} or less."
    if multiple <= 0.0:
        return "exit.ev_to_ebitda", f"Give a multiple above 0, and an EBITDA above {show(ebitda)}."
    enough = max(owed / (multiple * kept) * _PAST, CENT)
    said = (
        f"No multiple that is allowed helps: mend the operations, so that EBITDA is "
        f"{no_less(enough)} or more in that year, or lower the debt."
    )
    return "operations", said


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
    found, lower = [], []
    for at, tranche in enumerate(tranches):
        if tranche.spread is None:
            continue
        spread = float(tranche.spread)
        rates = [float(rate) for rate in tranche.rates(base, timing.years)]
        least = min(RATE_THAT_ARRIVES / timing.share(t) - rate for t, rate in enumerate(rates))
        if least < 0.0:
            most = no_more(spread + least)
            lower.append(f"tranches[{at}].spread to {most} or less")
            found.append(
                Problem(
                    f"tranches[{at}].spread",
                    "OUT_OF_RANGE",
                    f"{tranche.name.strip()} bears up to {max(rates):.0%} a year.",
                    f"Give a spread of {most} or less, or let interest be on the OPENING balance.",
                )
            )
    mends = [f"lower {' and '.join(lower)}"] if lower else []
    if hastened:
        mends.append("leave write_off_fees_on_prepayment out")
    what = " and ".join(mends) or "lower the rates"
    return f"{what[0].upper()}{what[1:]}, or let interest be on the OPENING balance.", found

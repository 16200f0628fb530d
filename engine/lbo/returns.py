"""What the owners have of it: who is paid what at exit, and what a year of their money earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.door import Scalar, at_least, lesser, power, real, where
from engine.lbo.closing import Deal

_STEPS: Final = 100
_NEAR: Final = 1e-14  # of 1 and the rate: a step of Newton's that is no longer one


@dataclass(frozen=True, slots=True, eq=False)
class PaidOut:
    """A dividend out of new debt: (*batch) money, and when."""

    borrowed: Scalar
    net: Scalar  # of its fee: what the owners are paid
    years: float  # from closing


@dataclass(frozen=True, slots=True, eq=False)
class Owners:
    """(*batch) money at exit, and what it is for the sponsor."""

    enterprise: Scalar
    exit_costs: Scalar
    exit_equity: Scalar  # not below zero: liability is limited
    surplus: Scalar  # the same before that: below zero where claims are not covered
    pool: Scalar  # the option holders' part
    paid_out: Scalar  # by the recapitalisation until then, to sponsor and rollover
    dividend: Scalar  # the sponsor's part of that
    proceeds: Scalar  # the sponsor's part at exit
    moic: Scalar  # received / paid
    irr: Scalar  # 1/year


@dataclass(frozen=True, slots=True, eq=False)
class Stake:
    """What one of the owners has of it: (*batch) money, and what that is of the money put in."""

    name: str  # SPONSOR, ROLLOVER or OPTION_POOL
    invested: Scalar
    dividend: Scalar  # of the recapitalisation
    proceeds: Scalar  # at exit
    moic: Scalar | None  # None: nothing was invested
    irr: Scalar | None  # 1/year


def at_exit(
    *,
    enterprise: Scalar,
    costs: Scalar,
    net_claims: Scalar,
    deal: Deal,
    option_pool: Scalar,
    paid_out: PaidOut | None,
    years: float,
) -> Owners:
    """Share out a sale: equity = EV - costs max(EV, 0) - debt - preferred + cash, not below zero.

    The option pool has its share of what exceeds the equity invested; sponsor and rollover divide
    the rest as they invested. ``years`` from closing to exit.
    """
    invested = deal.invested
    spent = at_least(enterprise, 0.0) * costs  # of a firm that nobody pays for, nothing
    surplus = enterprise - spent - net_claims
    equity = at_least(surplus, 0.0)
    pool = option_pool * at_least(equity - invested, 0.0)
    share = deal.sponsor / invested
    proceeds = (equity - pool) * share
    paid: Scalar = 0.0 if paid_out is None else paid_out.net
    dividend = paid * share
    received = proceeds + dividend
    moic = received / deal.sponsor
    if paid_out is None or paid_out.years == years:
        irr = power(moic, 1.0 / years) - 1.0
    else:
        rate = discount_rate(deal.sponsor, dividend, paid_out.years, proceeds, years)
        irr = where(real(received) > 0.0, _exp(rate) - 1.0, -1.0)
    return Owners(
        enterprise=enterprise,
        exit_costs=spent,
        exit_equity=equity,
        surplus=surplus,
        pool=pool,
        paid_out=paid,
        dividend=dividend,
        proceeds=proceeds,
        moic=moic,
        irr=irr,
    )


def stakes(owners: Owners, deal: Deal, option_pool: Scalar) -> tuple[Stake, ...]:
    """Who has what of a sale, the sponsor first; together they have the exit equity.

    Sponsor and rollover have the same return. The pool put nothing in, so it has none.
    """
    moic, irr = owners.moic, owners.irr
    found = [Stake("SPONSOR", deal.sponsor, owners.dividend, owners.proceeds, moic, irr)]
    if real(deal.rollover) > 0.0:
        rest = owners.exit_equity - owners.pool - owners.proceeds
        dividend = owners.paid_out - owners.dividend
        found.append(Stake("ROLLOVER", deal.rollover, dividend, rest, moic, irr))
    if real(option_pool) > 0.0:
        found.append(Stake("OPTION_POOL", 0.0, 0.0, owners.pool, None, None))
    return tuple(found)


@np.errstate(all="ignore")  # nothing at all is paid at one time: its logarithm is below all numbers
def discount_rate(
    paid: Scalar, first: Scalar, first_years: float, last: Scalar, last_years: float
) -> Scalar:
    """(*batch) r, continuously compounded, with paid = first e^(-r t1) + last e^(-r t2), t1 < t2.

    Amounts are not below zero. The logarithm of the right side is convex in -r, and rises. From
    where one of the two alone is worth what was paid, and both at most twice that, Newton's steps
    go one way only, and nothing overflows. Scenarios that have arrived stay where they are, so a
    batch has the bits of its rows. Not a number where the steps do not arrive.
    """
    some = real(first + last) > 0.0
    early, late = _log(where(some, first, paid) / paid), _log(where(some, last, 0.0) / paid)
    x = lesser(-early / first_years, -late / last_years)  # -r
    polish = 0
    for _ in range(_STEPS):
        one, other = _exp(early + first_years * x), _exp(late + last_years * x)
        both = one + other
        step = -_log(both) * both / (one * first_years + other * last_years)
        size = 1.0 + at_least(real(x), -real(x))
        arrived = (real(step) <= _NEAR * size) & (real(step) >= -_NEAR * size)
        if np.all(arrived):
            # One more for the imaginary part of a complex step.
            if polish or not np.iscomplexobj(step):
                break
            polish = 1
            x = x + step
            continue
        x = where(arrived, x, x + step)
    else:
        x = where(arrived, x, np.nan)
    return -x


def _log(value: Scalar) -> Scalar:
    """The same bits for a number alone and in a batch, wherever that lies."""
    found: npt.NDArray[Any] = np.asarray(np.log(np.array(value, order="C")))
    return found if found.shape else found.item()


def _exp(value: Scalar) -> Scalar:
    """As `_log`."""
    found: npt.NDArray[Any] = np.asarray(np.exp(np.array(value, order="C")))
    return found if found.shape else found.item()

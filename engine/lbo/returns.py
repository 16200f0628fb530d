"""What the owners have of it: who is paid what at exit, and what a year of their money earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.door import Scalar, at_least, power, real, where
from engine.lbo.closing import Deal

_STEPS: Final = 100
_NEAR: Final = 1e-14  # of the discount factor: a step of Newton's that is no longer one


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
    """Share out a sale: equity = EV (1 - costs) - debt - preferred + cash, not below zero.

    The option pool has its share of what exceeds the equity invested; sponsor and rollover divide
    the rest as they invested. ``years`` from closing to exit.
    """
    invested = deal.invested
    spent = enterprise * costs
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
        factor = discount_factor(deal.sponsor, dividend, paid_out.years, proceeds, years)
        irr = where(real(received) > 0.0, 1.0 / factor - 1.0, -1.0)
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


def discount_factor(
    paid: Scalar, first: Scalar, first_years: float, last: Scalar, last_years: float
) -> Scalar:
    """(*batch) v with paid = first v^t1 + last v^t2, t1 < t2, for amounts that are not below zero.

    Newton's steps, each no further than a factor of four. Scenarios that have arrived stay where
    they are, so a batch has the bits of its rows. Not a number where the steps do not arrive.
    """
    some = real(first + last) > 0.0
    first, last = where(some, first, paid), where(some, last, 0.0)
    total = first + last
    # As if all of it came at its mean time.
    v = raised(paid / total, total / (first * first_years + last * last_years))
    polish = 0
    for _ in range(_STEPS):
        early, late = first * power(v, first_years), last * power(v, last_years)
        slope = early * first_years + late * last_years  # times v
        step = (paid - early - late) / slope
        apart = (real(step) > _NEAR) | (real(step) < -_NEAR)
        if not np.any(apart):
            # One more for the imaginary part of a complex step.
            if polish or not np.iscomplexobj(step):
                break
            polish = 1
            v = v * (1.0 + step)
            continue
        held = where(real(step) < -0.75, -0.75, where(real(step) > 3.0, 3.0, step))
        v = where(apart, v * (1.0 + held), v)
    else:  # further than all steps together lead: a year's money becomes more than 1e60 times it
        v = where(apart, np.nan, v)
    return v


def raised(base: Scalar, exponent: Scalar) -> Scalar:
    """A power whose exponent may be of a batch, too: the same bits for a number alone.

    numpy takes a shorter way where one exponent is for all, such as a square root for a half: so
    one number is raised as two that are the same, each by its own.
    """
    shape = np.broadcast_shapes(np.shape(base), np.shape(exponent))
    many = shape if np.prod(shape) > 1 else (2, *shape)
    pair = (np.array(np.broadcast_to(each, many), order="C") for each in (base, exponent))
    found: npt.NDArray[Any] = np.power(*pair)
    if many is not shape:
        found = found[0]
    return found if shape else found.item()

"""Who takes part in the target's price, tranche by tranche: each beside what was given for it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.firm.dilution import Shared, dilution_at
from engine.firm.equity import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsAtOffer:
    """What becomes of one tranche of options."""

    count: float  # whole shares
    strike: float  # money a share
    exercised: bool
    net_shares: float  # new shares less those that the strikes buy back


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertibleAtOffer:
    """What becomes of one convertible."""

    face_value: float  # money
    conversion_price: float  # money a share
    converted: bool
    shares: float  # new shares; 0 where it stays debt
    debt: float  # money; 0 where it is converted


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDilution:
    """The target's diluted shares at the offer."""

    price: float  # money a share: the offer
    held_shares: float  # basic and restricted
    options: tuple[OptionsAtOffer, ...]
    convertibles: tuple[ConvertibleAtOffer, ...]


def dilution_of(shares: Shares, shared: Shared) -> TargetDilution | None:
    """For one deal; None: diluted shares were given."""
    if shares.diluted is not None:
        return None
    found = dilution_at(shared, float(shares.held), shares.options, shares.convertibles)
    return TargetDilution(
        price=found.price,
        held_shares=found.held,
        options=tuple(
            OptionsAtOffer(
                count=float(given.count),
                strike=float(given.strike),
                exercised=does.exercised,
                net_shares=does.net_shares,
            )
            for given, does in zip(shares.options, found.options, strict=True)
        ),
        convertibles=tuple(
            ConvertibleAtOffer(
                face_value=float(given.face_value),
                conversion_price=float(given.conversion_price),
                converted=does.converted,
                shares=does.shares,
                debt=does.debt,
            )
            for given, does in zip(shares.convertibles, found.convertibles, strict=True)
        ),
    )

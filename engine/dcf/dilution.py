"""Who shares the equity: options by the treasury-stock method, convertibles if-converted.

The price decides who takes part, and who takes part decides the price. What all holders together
can claim at a price P,

    claims(P) = P basic + sum n max(0, P - K) + sum F max(1, P / C),

is continuous, convex and made of straight pieces, and rises with P. So each tranche has an amount
of equity from which on it takes part, claims(K), known without the price; and with that the price
is one division. Nothing is iterated, and there is nothing that might not converge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.door import MONEY_MAX, Door, Scalar, at_least, real, where

MOST = 20  # tranches of options, and as many of convertibles
SHARES_MAX = 1e15
PRICE_MAX = 1e12
ZERO = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptionTranche:
    """Options or warrants on new shares, all at one strike: n and K."""

    count: Scalar  # whole shares
    strike: Scalar  # money a share, paid on exercise

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.count", self.count, 0.0, SHARES_MAX)
        door.within(f"{path}.strike", self.strike, 0.0, PRICE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convertible:
    """Debt or preferred stock that may become F / C new shares."""

    face_value: Scalar  # money, owed where it is not converted
    conversion_price: Scalar  # money a share

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.face_value", self.face_value, 0.0, MONEY_MAX)
        door.within(f"{path}.conversion_price", self.conversion_price, 1e-6, PRICE_MAX)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """(*batch) how the equity is shared: ``price`` x ``diluted_shares`` = equity - ``debt``."""

    price: Scalar  # money a share
    diluted_shares: Scalar  # whole shares: held, bought back with the strikes, and converted
    debt: Scalar  # money: face value of the convertibles that are not converted


def share_out(
    equity: Scalar,
    held: Scalar,
    options: Sequence[OptionTranche],
    convertibles: Sequence[Convertible],
) -> Shared:
    """The price at which the claims of all who share ``equity``, in money, come to just that.

    Options are exercised above their strike, and what they pay buys shares back at the price
    (treasury-stock method); convertibles become shares above their conversion price, and are debt
    at or below it (if-converted method): Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 1.
    ``held`` are the shares that exist already. Where the equity does not cover the convertibles'
    face value, the price is below zero.

    Raises nothing. A complex step moves along the piece that the real parts are on.
    """
    at, table = real(equity), _Claims(held, options, convertibles)
    gross: Scalar = held
    strikes: Scalar = ZERO  # money that exercised options pay
    debt: Scalar = ZERO
    for option in options:
        exercised = at > table.at(real(option.strike))
        gross = gross + where(exercised, option.count, ZERO)
        strikes = strikes + where(exercised, option.count * option.strike, ZERO)
    for bond in convertibles:
        converted = at > table.at(real(bond.conversion_price))
        gross = gross + where(converted, bond.face_value / bond.conversion_price, ZERO)
        debt = debt + where(converted, ZERO, bond.face_value)
    price = (equity - debt + strikes) / gross
    # Where somebody pays, the price is above what is paid, so above zero.
    paid = real(strikes) > ZERO
    bought_back = where(paid, strikes, ZERO) / where(paid, price, 1.0)
    return Shared(price, gross - bought_back, debt)


class _Claims:
    """What all holders together can claim at a price: real numbers, or real (*batch) arrays."""

    def __init__(
        self, held: Scalar, options: Sequence[OptionTranche], convertibles: Sequence[Convertible]
    ) -> None:
        self._held = real(held)
        self._options = [(real(each.count), real(each.strike)) for each in options]
        self._bonds = [
            (real(each.face_value), real(each.conversion_price)) for each in convertibles
        ]

    def at(self, price: Scalar) -> Scalar:
        """(*batch) money."""
        claims = price * self._held
        for count, strike in self._options:
            claims = claims + count * at_least(price - strike, ZERO)
        for face, conversion in self._bonds:
            claims = claims + face * at_least(price / conversion, 1.0)
        return claims


@dataclass(frozen=True, slots=True)
class Exercise:
    """What becomes of one tranche of options."""

    exercised: bool
    net_shares: float  # new shares less those that the strikes buy back; 0 where not exercised


@dataclass(frozen=True, slots=True)
class Conversion:
    """What becomes of one convertible."""

    converted: bool
    shares: float  # new shares; 0 where it stays debt
    debt: float  # money: the face value, where it is not converted


@dataclass(frozen=True, slots=True)
class Dilution:
    """Who takes part at ``price``, tranche by tranche in the order of the inputs."""

    price: float  # money a share, that all of this is solved at
    held: float  # shares: basic and restricted
    options: tuple[Exercise, ...]
    convertibles: tuple[Conversion, ...]


def dilution_at(
    price: float,
    held: float,
    options: Sequence[OptionTranche],
    convertibles: Sequence[Convertible],
) -> Dilution:
    """What `share_out` decided, told for one scenario from the price that it found."""
    return Dilution(
        price=price,
        held=held,
        options=tuple(_exercise(price, float(o.count), float(o.strike)) for o in options),
        convertibles=tuple(
            _conversion(price, float(bond.face_value), float(bond.conversion_price))
            for bond in convertibles
        ),
    )


def _exercise(price: float, count: float, strike: float) -> Exercise:
    if price > strike:
        return Exercise(True, count * (price - strike) / price)
    return Exercise(False, ZERO)


def _conversion(price: float, face: float, conversion: float) -> Conversion:
    if price > conversion:
        return Conversion(True, face / conversion, ZERO)
    return Conversion(False, ZERO, face)

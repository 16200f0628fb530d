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

    @property
    def real(self) -> OptionTranche:
        """The same without complex steps."""
        count, strike = real(self.count), real(self.strike)
        if count is self.count and strike is self.strike:  # numbers alone are what they were
            return self
        return OptionTranche(count=count, strike=strike)

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.count", self.count, 0.0, SHARES_MAX)
        door.within(f"{path}.strike", self.strike, 0.0, PRICE_MAX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Convertible:
    """Debt or preferred stock that may become F / C new shares."""

    face_value: Scalar  # money, owed where it is not converted
    conversion_price: Scalar  # money a share

    @property
    def real(self) -> Convertible:
        """The same without complex steps."""
        face, price = real(self.face_value), real(self.conversion_price)
        if face is self.face_value and price is self.conversion_price:
            return self
        return Convertible(face_value=face, conversion_price=price)

    def check(self, door: Door, path: str) -> None:
        door.within(f"{path}.face_value", self.face_value, 0.0, MONEY_MAX)
        door.within(f"{path}.conversion_price", self.conversion_price, 1e-6, PRICE_MAX)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """(*batch) how the equity is shared: ``price`` x ``diluted_shares`` = equity - ``debt``."""

    price: Scalar  # money a share
    diluted_shares: Scalar  # whole shares: held, bought back with the strikes, and converted
    debt: Scalar  # money: face value of the convertibles that are not converted
    exercised: tuple[Scalar | bool, ...]  # each option tranche, in the order of the inputs
    converted: tuple[Scalar | bool, ...]  # each convertible


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
    # Of real numbers alone: a division of complex ones rounds their real parts differently.
    holders = real(held), [each.real for each in options], [each.real for each in convertibles]
    at, (_, their_options, their_bonds) = real(equity), holders
    gross: Scalar = held
    strikes: Scalar = ZERO  # money that exercised options pay
    debt: Scalar = ZERO
    exercised = tuple(at > claims_at(each.strike, *holders) for each in their_options)
    converted = tuple(at > claims_at(each.conversion_price, *holders) for each in their_bonds)
    for option, does in zip(options, exercised, strict=True):
        gross = gross + where(does, option.count, ZERO)
        strikes = strikes + where(does, option.count * option.strike, ZERO)
    for bond, does in zip(convertibles, converted, strict=True):
        gross = gross + where(does, bond.face_value / bond.conversion_price, ZERO)
        debt = debt + where(does, ZERO, bond.face_value)
    price = (equity - debt + strikes) / gross
    # Where somebody pays, the price is above what is paid, so above zero.
    paid = real(strikes) > ZERO
    bought_back = where(paid, strikes, ZERO) / where(paid, price, 1.0)
    return Shared(price, gross - bought_back, debt, exercised, converted)


def claims_at(
    price: Scalar,
    held: Scalar,
    options: Sequence[OptionTranche],
    convertibles: Sequence[Convertible],
) -> Scalar:
    """(*batch) money: what all holders together can claim at a price, the inverse of `share_out`.

    P held + sum n max(0, P - K) + sum F max(1, P / C), by the same two methods. Raises nothing.
    """
    claims = price * held
    for option in options:
        claims = claims + option.count * at_least(price - option.strike, ZERO)
    for bond in convertibles:
        claims = claims + bond.face_value * at_least(price / bond.conversion_price, 1.0)
    return claims


def shared_at(
    price: Scalar,
    held: Scalar,
    options: Sequence[OptionTranche],
    convertibles: Sequence[Convertible],
) -> Shared:
    """Who shares the equity at a price that is given, where `share_out` would look for it.

    The claims of `claims_at`, told as shares and debt. Raises nothing.
    """
    at, diluted = real(price), held
    debt: Scalar = ZERO
    exercised = tuple(at > real(option.strike) for option in options)
    converted = tuple(at > real(bond.conversion_price) for bond in convertibles)
    for option, does in zip(options, exercised, strict=True):
        diluted = diluted + where(does, option.count * (1.0 - option.strike / price), ZERO)
    for bond, does in zip(convertibles, converted, strict=True):
        diluted = diluted + where(does, bond.face_value / bond.conversion_price, ZERO)
        debt = debt + where(does, ZERO, bond.face_value)
    return Shared(price, diluted, debt, exercised, converted)


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
    shared: Shared,
    held: float,
    options: Sequence[OptionTranche],
    convertibles: Sequence[Convertible],
) -> Dilution:
    """What `share_out` decided, told tranche by tranche for one scenario.

    Told, not decided again: where the price is a strike or a conversion price, rounding may have
    put it on either side.
    """
    price = float(shared.price)
    return Dilution(
        price=price,
        held=held,
        options=tuple(
            _exercise(price, bool(does), float(option.count), float(option.strike))
            for option, does in zip(options, shared.exercised, strict=True)
        ),
        convertibles=tuple(
            _conversion(bool(does), float(bond.face_value), float(bond.conversion_price))
            for bond, does in zip(convertibles, shared.converted, strict=True)
        ),
    )


def _exercise(price: float, does: bool, count: float, strike: float) -> Exercise:
    bought = count * (price - strike) / price if price > strike else ZERO
    return Exercise(does, bought if does else ZERO)


def _conversion(does: bool, face: float, conversion: float) -> Conversion:
    return Conversion(True, face / conversion, ZERO) if does else Conversion(False, ZERO, face)

"""What is offered for a share of the target: a price, a premium, or shares at a ratio."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeAlias

import numpy as np

from engine.door import Door, Scalar, no_less, no_more, real, show, where
from engine.errors import Problem
from engine.firm.dilution import PRICE_MAX, ZERO

PREMIUM_RANGE = (-0.9, 10.0)
RATIO_MAX = 1e6
INSIDE_OUT = "The collar is inside out: its band begins above its end."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedRatio:
    """So many shares whatever they are worth: the target's holders bear the acquirer's price."""

    BRANCH: ClassVar = "fixed"

    ratio: Scalar  # of the acquirer's shares, for one of the target's

    def stock_value(self, price: Scalar) -> Scalar:
        """(*batch) money in shares for one of the target's, at the acquirer's ``price``."""
        return self.ratio * price

    def check(self, door: Door) -> None:
        door.within("offer.exchange_ratio.fixed.ratio", self.ratio, 1e-9, RATIO_MAX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatingRatio:
    """Shares for a fixed value, however many: the acquirer's holders bear their own price."""

    BRANCH: ClassVar = "floating"

    value: Scalar  # money in shares, for one of the target's

    def stock_value(self, price: Scalar) -> Scalar:  # noqa: ARG002 - as the others'
        """(*batch) money in shares for one of the target's."""
        return self.value

    def check(self, door: Door) -> None:
        door.within("offer.exchange_ratio.floating.value", self.value, 1e-9, PRICE_MAX)


class CollarFixes(StrEnum):
    """What stays fixed while the acquirer's price is inside the band; outside, the other does.

    Both kinds are in use (Officer, Collars and Renegotiation in Mergers and Acquisitions, Journal
    of Finance 59, 2004, pp. 2719-2743): the first was nicknamed Travolta, the second Egyptian.
    """

    VALUE = "VALUE"
    RATIO = "RATIO"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collar:
    """Shares whose value is fixed in a band of the acquirer's price, and whose ratio is outside.

    ``ratio`` is what was agreed at ``reference_price``: V = ratio x reference. Inside the band V is
    paid, in V / P shares; below it V / low shares, above it V / high. With `CollarFixes.RATIO` the
    ratio is fixed inside, and the value outside, at what it is on the edge. No price makes a jump.
    """

    BRANCH: ClassVar = "collar"

    ratio: Scalar  # of the acquirer's shares, for one of the target's
    low_price: Scalar  # money, of the acquirer's share
    high_price: Scalar  # money
    reference_price: Scalar | None = None  # money, at signing; None: the middle of the band
    fixes: CollarFixes = CollarFixes.VALUE

    @property
    def reference(self) -> Scalar:
        """(*batch) money, the acquirer's price that the ratio was agreed at."""
        if self.reference_price is not None:
            return self.reference_price
        return 0.5 * (self.low_price + self.high_price)

    def stock_value(self, price: Scalar) -> Scalar:
        """(*batch) money in shares for one of the target's, at the acquirer's ``price``."""
        low, high, at = self.low_price, self.high_price, real(price)
        below, above = at < real(low), at > real(high)
        if self.fixes is CollarFixes.RATIO:
            return self.ratio * where(below, low, where(above, high, price))
        agreed = self.ratio * self.reference
        return where(below, agreed * (price / low), where(above, agreed * (price / high), agreed))

    def check(self, door: Door) -> None:
        path, before = "offer.exchange_ratio.collar", len(door.problems)
        door.within(f"{path}.ratio", self.ratio, 1e-9, RATIO_MAX)
        door.within(f"{path}.low_price", self.low_price, 1e-9, PRICE_MAX)
        door.within(f"{path}.high_price", self.high_price, 1e-9, PRICE_MAX)
        given = self.reference_price
        if given is not None:
            door.within(f"{path}.reference_price", given, 1e-9, PRICE_MAX)
        if len(door.problems) > before:
            return
        if given is not None and self.fixes is CollarFixes.VALUE:
            self._check_reference(door, path, given)
            return
        keep_apart(
            door,
            f"{path}.high_price",
            self.low_price,
            self.high_price,
            INSIDE_OUT,
            "Give a highest price of {low} or more, or a lowest of {high} or less.",
        )
        if given is not None:
            door.refuse(
                f"{path}.reference_price",
                "CONTRADICTION",
                "Where the ratio is fixed in the band, no price was agreed that it stands for.",
                "Leave the reference price out.",
            )

    def _check_reference(self, door: Door, path: str, given: Scalar) -> None:
        """``low <= given <= high``, for every scenario: whatever is wrong is one question."""
        before, low, high = len(door.problems), self.low_price, self.high_price
        for lower, upper in ((low, high), (low, given), (given, high)):
            door.apart(path, lower, upper, 0.0, INSIDE_OUT)
        if len(door.problems) > before:
            door.problems[before:] = [_mended(path, low, high, given)]


def _mended(path: str, low: Scalar, high: Scalar, given: Scalar) -> Problem:
    """What is wrong with a band and the price in it, and numbers that mend it each by itself. Of a
    batch: those that are furthest the wrong way round."""
    lows, highs, prices = np.broadcast_arrays(real(low), real(high), real(given))
    inside, room = highs - lows, np.minimum(prices - lows, highs - prices)
    at = np.unravel_index(int((inside if inside.min() < 0.0 else room).argmin()), inside.shape)
    least, most, agreed = float(lows[at]), float(highs[at]), float(prices[at])
    if least <= most:
        side = f"below {show(least)}" if agreed < least else f"above {show(most)}"
        return Problem(
            f"{path}.reference_price",
            "CONTRADICTION",
            "The price that the ratio was agreed at lies outside the band. Here: "
            f"{show(agreed)} lies {side}.",
            f"Give a reference price from {no_less(least)} to {no_more(most)}.",
        )
    lowest = f"a lowest price of {no_more(agreed)} or less"
    highest = f"a highest price of {no_less(agreed)} or more"
    if agreed <= most:
        mend = f"Give {lowest}."
    elif agreed >= least:
        mend = f"Give {highest}."
    else:
        mend = f"Give {lowest} and {highest}."
    return Problem(
        f"{path}.high_price",
        "CONTRADICTION",
        f"{INSIDE_OUT} Here: {show(least)} against {show(most)}.",
        mend,
    )


ExchangeRatio: TypeAlias = FixedRatio | FloatingRatio | Collar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """Exactly one of a price, a premium, and an exchange ratio is given.

    A price or a premium is paid in the mix of `financing`; an exchange ratio is paid in shares,
    and ``cash_per_share`` beside them.
    """

    price: Scalar | None = None  # money, for one of the target's shares
    premium: Scalar | None = None  # on the target's share price
    exchange_ratio: ExchangeRatio | None = None
    cash_per_share: Scalar | None = None  # money, beside an exchange ratio

    def check(self, door: Door) -> None:
        given = (self.price, self.premium, self.exchange_ratio)
        count = sum(each is not None for each in given)
        if count != 1:
            door.refuse(
                "offer",
                "CONTRADICTION" if count else "MISSING",
                "Exactly one of a price, a premium and an exchange ratio has to be given.",
                "Give offer.price, offer.premium or offer.exchange_ratio.",
            )
        if self.price is not None:
            door.within("offer.price", self.price, 1e-9, PRICE_MAX)
        if self.premium is not None:
            door.within("offer.premium", self.premium, *PREMIUM_RANGE)
        if self.exchange_ratio is not None:
            self.exchange_ratio.check(door)
        if self.cash_per_share is not None:
            door.within("offer.cash_per_share", self.cash_per_share, 0.0, PRICE_MAX)
            if self.exchange_ratio is None and count:
                door.refuse(
                    "offer.cash_per_share",
                    "CONTRADICTION",
                    "A price or a premium says already what a share gets.",
                    "Give it with an exchange ratio, or let financing.stock_share say the mix.",
                )


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """(*batch) what one share of the target gets."""

    price: Scalar  # money
    stock: Scalar  # money, of it in the acquirer's shares
    stock_share: Scalar  # of the price


def terms_of(offer: Offer, stock_share: Scalar | None, target: Scalar, own: Scalar) -> Terms:
    """The offer at the ``target``'s share price and the acquirer's ``own``, both in money.

    ``stock_share`` is the mix of a price or a premium. The offer has passed the door.
    """
    ratio = offer.exchange_ratio
    if ratio is not None:
        stock = ratio.stock_value(own)
        cash = offer.cash_per_share
        price = stock if cash is None else stock + cash
        return Terms(price, stock, stock / price)
    if offer.price is not None:
        price = offer.price
    else:
        assert offer.premium is not None  # noqa: S101 - the door let exactly one in
        price = target * (1.0 + offer.premium)
    mix = ZERO if stock_share is None else stock_share
    return Terms(price, price * mix, mix)


def keep_apart(door: Door, path: str, lower: Scalar, upper: Scalar, what: str, mended: str) -> None:
    """``lower <= upper``, for every scenario; ``mended`` may name both, as {low} and {high}: of a
    batch those that are furthest the wrong way round, which the message shows.
    """

    def mend() -> str:
        low, high = np.broadcast_arrays(real(lower), real(upper))
        at = np.unravel_index(int((high - low).argmin()), low.shape)
        return mended.format(low=no_less(float(low[at])), high=no_more(float(high[at])))

    door.apart(path, lower, upper, 0.0, what, mend)

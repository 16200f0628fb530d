"""From enterprise to equity value, and to a share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.door import MONEY_MAX, Door, Scalar, at_least
from engine.firm.dilution import (
    MOST,
    SHARES_MAX,
    ZERO,
    Convertible,
    Dilution,
    OptionTranche,
    Shared,
    claims_at,
    dilution_at,
    share_out,
    shared_at,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bridge:
    """From enterprise to equity value. Entries are positive amounts on the valuation date."""

    debt: Scalar  # borrowings, at market or book value
    cash: Scalar  # cash and marketable securities
    leases: Scalar = ZERO
    preferred_stock: Scalar = ZERO
    minority_interests: Scalar = ZERO
    pensions_after_tax: Scalar = ZERO  # unfunded
    associates: Scalar = ZERO  # equity-method and other non-operating holdings

    @property
    def net_debt(self) -> Scalar:
        """(*batch) money: all claims before the shareholders', less cash and associates."""
        claims = (
            self.debt
            + self.leases
            + self.preferred_stock
            + self.minority_interests
            + self.pensions_after_tax
        )
        return claims - (self.cash + self.associates)

    def check(self, door: Door) -> None:
        for name in Bridge.__slots__:
            door.within(f"bridge.{name}", getattr(self, name), 0.0, MONEY_MAX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """Either the diluted shares, counted elsewhere, or the basic ones and what dilutes them."""

    diluted: Scalar | None = None  # whole shares
    basic: Scalar | None = None  # whole shares outstanding
    restricted_stock: Scalar | None = None  # whole shares beside the basic ones, counted in full
    options: tuple[OptionTranche, ...] = ()
    convertibles: tuple[Convertible, ...] = ()

    @property
    def held(self) -> Scalar:
        """(*batch) whole shares that share whatever the price is; only where `basic` is given."""
        assert self.basic is not None  # noqa: S101 - asked only where the door let basic shares in
        return self.basic if self.restricted_stock is None else self.basic + self.restricted_stock

    @property
    def convertible_debt(self) -> Scalar:
        """(*batch) money: face value of all convertibles."""
        face: Scalar = ZERO
        for bond in self.convertibles:
            face = face + bond.face_value
        return face

    def claims_at(self, price: Scalar) -> Scalar:
        """(*batch) money: what all holders together can claim at a price."""
        if self.diluted is not None:
            return price * self.diluted
        return claims_at(price, self.held, self.options, self.convertibles)

    def shared_at(self, price: Scalar) -> Shared:
        """Who shares the equity at a price that is given."""
        if self.diluted is not None:
            return Shared(price, self.diluted, ZERO, (), ())
        return shared_at(price, self.held, self.options, self.convertibles)

    def check(self, door: Door) -> None:
        if (self.diluted is None) == (self.basic is None):
            door.refuse(
                "shares.diluted",
                "MISSING" if self.diluted is None else "CONTRADICTION",
                "Exactly one of the diluted and the basic shares has to be given.",
                "Give shares.diluted, or shares.basic with what dilutes them.",
            )
        if self.diluted is not None:
            door.within("shares.diluted", self.diluted, 1.0, SHARES_MAX)
        if self.basic is not None:
            door.within("shares.basic", self.basic, 1.0, SHARES_MAX)
        if self.restricted_stock is not None:
            self._beside_basic(door, "restricted_stock")
            door.within("shares.restricted_stock", self.restricted_stock, 0.0, SHARES_MAX)
        self._check_tranches(door, "options", self.options)
        self._check_tranches(door, "convertibles", self.convertibles)

    def _check_tranches(
        self, door: Door, name: str, tranches: Sequence[OptionTranche | Convertible]
    ) -> None:
        if not tranches:
            return
        self._beside_basic(door, name)
        if len(tranches) > MOST:
            door.refuse(
                f"shares.{name}",
                "TOO_LARGE",
                f"{len(tranches)} tranches are given.",
                f"Give up to {MOST}: put those together whose prices lie close to each other.",
            )
        for number, tranche in enumerate(tranches[:MOST]):
            tranche.check(door, f"shares.{name}[{number}]")

    def _beside_basic(self, door: Door, name: str) -> None:
        if self.diluted is not None and self.basic is None:
            door.refuse(
                f"shares.{name}",
                "CONTRADICTION",
                "Diluted shares have been diluted already.",
                "Give shares.basic instead of shares.diluted, or leave this out.",
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Failure:
    """The chance that the firm does not live to earn its forecast, and what is left if so."""

    probability: Scalar  # 0 to 1, over the forecast and all that comes after
    recovery: Scalar  # 0 to 1, share of the enterprise value that a sale in distress brings

    def check(self, door: Door) -> None:
        door.within("failure.probability", self.probability, 0.0, 1.0)
        door.within("failure.recovery", self.recovery, 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What is left for the shareholders, and how many share it: (*batch)."""

    net_debt: Scalar  # money, with the convertibles that are not converted
    equity_value: Scalar  # money
    value_per_share: Scalar  # money a share
    diluted_shares: Scalar  # whole shares
    convertible_debt: Scalar = ZERO  # money: the part of net debt that might have been shares
    shared: Shared | None = None  # who takes part; None: diluted shares were given
    going_concern: Settled | None = None  # where a failure was weighed in: the firm that lives on,
    failed: Settled | None = None  # and the one that does not


def settle(
    enterprise: Scalar,
    bridge: Bridge,
    shares: Shares,
    tax_savings: Scalar = ZERO,
    failure: Failure | None = None,
) -> Settled:
    """From the enterprise value, in money, to what a share of the equity is worth.

    ``tax_savings`` is the present value of what losses carried forward save in tax, in money.

    With a ``failure``, value = (1 - p) value as a going concern + p value in failure, of the equity
    and of a share: equity has limited liability, so in failure it is worth what a sale in distress
    leaves after every claim, or nothing (Damodaran, Damodaran on Valuation, 2nd ed., ch. 17,
    illustration 17.3). Losses carried forward are lost with the firm, and a convertible is debt
    like any other while the sale does not pay for it. Net debt and diluted shares are those of the
    going concern.
    """
    net_debt = bridge.net_debt
    equity = enterprise - net_debt
    if not isinstance(tax_savings, float) or tax_savings != ZERO:
        equity = equity + tax_savings
    going = _share(net_debt, equity, shares)
    if failure is None:
        return going
    left = failure.recovery * enterprise - net_debt
    failed = _share(net_debt, at_least(left, shares.convertible_debt), shares)
    p = failure.probability
    return Settled(
        net_debt=going.net_debt,
        equity_value=(1.0 - p) * going.equity_value + p * failed.equity_value,
        value_per_share=(1.0 - p) * going.value_per_share + p * failed.value_per_share,
        diluted_shares=going.diluted_shares,
        convertible_debt=going.convertible_debt,
        going_concern=going,
        failed=failed,
    )


def dilution_of(shares: Shares, settled: Settled) -> Dilution | None:
    """Who takes part in the going concern, for one scenario; None: diluted shares were given."""
    shared = (settled.going_concern or settled).shared
    if shared is None:
        return None
    return dilution_at(shared, float(shares.held), shares.options, shares.convertibles)


def _share(net_debt: Scalar, equity: Scalar, shares: Shares) -> Settled:
    """``equity`` is before the convertibles: they take their part of it as debt or as shares."""
    if shares.diluted is not None:
        return Settled(net_debt, equity, equity / shares.diluted, shares.diluted)
    shared = share_out(equity, shares.held, shares.options, shares.convertibles)
    return Settled(
        net_debt=net_debt + shared.debt,
        equity_value=equity - shared.debt,
        value_per_share=shared.price,
        diluted_shares=shared.diluted_shares,
        convertible_debt=shared.debt,
        shared=shared,
    )

"""From enterprise to equity value, and to a share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.door import MONEY_MAX, Door, Scalar

ZERO = 0.0


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
    diluted: Scalar  # whole shares

    def check(self, door: Door) -> None:
        door.within("shares.diluted", self.diluted, 1.0, 1e15)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What is left for the shareholders, and how many share it: (*batch)."""

    net_debt: Scalar  # money
    equity_value: Scalar  # money
    value_per_share: Scalar  # money a share
    diluted_shares: Scalar  # whole shares


def settle(enterprise: Scalar, bridge: Bridge, shares: Shares) -> Settled:
    """From the enterprise value, in money, to what a share of the equity is worth."""
    net_debt = bridge.net_debt
    equity = enterprise - net_debt
    return Settled(net_debt, equity, equity / shares.diluted, shares.diluted)

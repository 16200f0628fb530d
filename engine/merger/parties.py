"""The two firms: what a share of each costs, what they earn, and what stands in their books."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.door import MONEY_MAX, Door, Scalar
from engine.firm.dilution import PRICE_MAX, ZERO
from engine.firm.equity import Shares
from engine.names import is_line
from engine.schedules import Schedule

NAME_MOST = 60  # characters
_OWN_SHARES = re.compile(r"\bshares\.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statements:
    """What a firm earns by itself, by fiscal year: money, each year as a whole."""

    revenue: Schedule
    ebitda: Schedule
    depreciation: Schedule  # D&A, with what the firm amortises already
    interest: Schedule  # net expense; below zero is net income
    tax_rate: Schedule  # share of pre-tax profit; a loss saves as much as a profit pays
    capital_expenditure: Schedule | None = None  # None: what wears out is renewed, D&A
    increase_in_working_capital: Schedule | None = None  # None: none is tied up

    def admit(self, door: Door, path: str, years: int | None) -> Statements:
        """The same statements, checked, year by year."""

        def line(name: str, low: float, high: float = MONEY_MAX) -> Schedule:
            given: Schedule = getattr(self, name)
            return given.admit(door, f"{path}.{name}", years, low, high)

        def optional(name: str) -> Schedule | None:
            return None if getattr(self, name) is None else line(name, -MONEY_MAX)

        return Statements(
            revenue=line("revenue", 0.0),
            ebitda=line("ebitda", -MONEY_MAX),
            depreciation=line("depreciation", 0.0),
            interest=line("interest", -MONEY_MAX),
            tax_rate=line("tax_rate", 0.0, 0.9),
            capital_expenditure=optional("capital_expenditure"),
            increase_in_working_capital=optional("increase_in_working_capital"),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpeningBalance:
    """The books on the day of closing, before the deal: money. Equity is what is left.

    Convertibles stand under the shares, and count as debt where they are not converted.
    """

    cash: Scalar
    working_capital: Scalar = ZERO  # net, without cash and debt; may be below zero
    fixed_assets: Scalar = ZERO
    goodwill: Scalar = ZERO  # of earlier deals
    intangibles: Scalar = ZERO  # without goodwill
    other_assets: Scalar = ZERO
    debt: Scalar = ZERO
    deferred_tax_liability: Scalar = ZERO  # net; below zero is an asset
    other_liabilities: Scalar = ZERO

    def equity(self, convertible_debt: Scalar) -> Scalar:
        """(*batch) money: assets less liabilities, with the convertibles that are still debt."""
        assets = (
            self.cash
            + self.working_capital
            + self.fixed_assets
            + self.goodwill
            + self.intangibles
            + self.other_assets
        )
        owed = self.debt + self.deferred_tax_liability + self.other_liabilities
        return assets - (owed + convertible_debt)

    def check(self, door: Door, path: str) -> None:
        for name in OpeningBalance.__slots__:
            low = -MONEY_MAX if name in _EITHER_SIGN else ZERO
            door.within(f"{path}.{name}", getattr(self, name), low, MONEY_MAX)


_EITHER_SIGN = frozenset({"working_capital", "deferred_tax_liability"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Party:
    """One of the two firms, by itself."""

    name: str
    share_price: Scalar  # money: the acquirer's at closing, the target's before the deal was known
    shares: Shares
    statements: Statements
    balance: OpeningBalance

    def admit(self, door: Door, path: str, years: int | None, known: Party | None) -> Party:
        """The same firm, checked. What is the very same object in ``known`` passed before."""
        if not is_line(self.name, NAME_MOST):
            door.refuse(
                f"{path}.name",
                "WRONG_LENGTH",
                f"A name is one line of 1 to {NAME_MOST} characters.",
                "Give a name that can be read.",
            )
        door.within(f"{path}.share_price", self.share_price, 1e-9, PRICE_MAX)
        before = len(door.problems)
        self.shares.check(door)
        door.problems[before:] = [
            replace(
                problem,
                path=f"{path}.{problem.path}",
                suggestion=_OWN_SHARES.sub(f"{path}.shares.", problem.suggestion),
            )
            for problem in door.problems[before:]
        ]
        self.balance.check(door, f"{path}.balance")
        statements = self.statements
        if known is None or statements is not known.statements:
            statements = statements.admit(door, f"{path}.statements", years)
        return self if statements is self.statements else replace(self, statements=statements)

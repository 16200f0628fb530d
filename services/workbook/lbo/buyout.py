"""What the sheets of a buyout have in common: its years, its tranches, and how they are called."""

from __future__ import annotations

from dataclasses import dataclass

from engine.lbo import (
    InterestBasis,
    LboInputs,
    LboResult,
    LboValuation,
    Tranche,
    TrancheSchedule,
)
from services.workbook.firm import numbers

RECAPITALISATION = "debt.recapitalisation"  # what the lines of its new debt begin with


@dataclass(frozen=True, slots=True)
class Loan:
    """A tranche, as the sheets write it."""

    number: int  # from 0, in the order of the document
    tranche: Tranche
    schedule: TrancheSchedule

    @property
    def name(self) -> str:
        return self.schedule.name

    @property
    def key(self) -> str:
        """What the names of its lines begin with."""
        return f"debt.{self.number}"

    @property
    def at(self) -> str:
        """Where it stands in the document."""
        return f"tranches[{self.number}]"

    @property
    def due(self) -> bool:
        """Whether it has to be paid back within the forecast."""
        return self.tranche.tenor <= len(self.schedule.closing)

    @property
    def repays(self) -> bool:
        """Whether anything of it is due before the exit, whatever the cash."""
        return self.due or self.tranche.amortisation is not None

    @property
    def accrues(self) -> bool:
        """Whether anything of it is paid in kind."""
        return self.tranche.pik_rate is not None or self.tranche.pik_share is not None

    @property
    def coupon(self) -> str:
        """The line of the rate that is paid in cash."""
        return f"{self.key}.{'rate' if self.tranche.pik_share is None else 'coupon'}"

    def committed(self, formula: str) -> str:
        """A formula that holds for a revolver until it is due, and is 0 from then on."""
        return f"IF({{time.year}}<{{{self.at}.tenor}},{formula},0)" if self.due else formula

    def undrawn(self, mean: str, part: str) -> str:
        """A formula of the fee on what is not drawn, and is 0 after the year it is due in."""
        fee = f"{{{self.at}.undrawnFee}}*({{{self.at}.commitment}}-{mean}){part}"
        return f"IF({{time.year}}<={{{self.at}.tenor}},{fee},0)" if self.due else fee


@dataclass(frozen=True, slots=True)
class Buyout:
    """A valuation and the words for it."""

    inputs: LboInputs
    valuation: LboValuation
    loans: tuple[Loan, ...]
    parts: tuple[float, ...]  # of each year, what comes after the closing

    @classmethod
    def of(cls, result: LboResult) -> Buyout:
        inputs, valuation = result.inputs, result.valuation
        pairs = zip(inputs.tranches, valuation.debt, strict=False)  # a recapitalisation comes last
        loans = tuple(Loan(number, *pair) for number, pair in enumerate(pairs))
        parts = tuple(inputs.timing.share(year) for year in range(inputs.timing.years))
        return cls(inputs, valuation, loans, parts)

    @property
    def years(self) -> int:
        return len(self.parts)

    @property
    def begins_late(self) -> bool:
        """Whether year 1 may have begun before the closing."""
        return self.inputs.timing.fiscal_year_end is not None

    @property
    def part(self) -> str:
        """What a formula for a whole year is multiplied by."""
        return "*{part}" if self.begins_late else ""

    @property
    def average(self) -> bool:
        """Whether interest is on mean balances, which makes each year circular."""
        return self.inputs.interest is InterestBasis.AVERAGE

    @property
    def circular(self) -> bool:
        """Whether a year is circular, by its interest or by the tax on what is written off."""
        return self.inputs.circular

    @property
    def hastens(self) -> bool:
        """Whether fees and discount are written off with what is prepaid."""
        return self.inputs.write_off_fees_on_prepayment

    def goes(self, loan: Loan) -> bool:
        """Whether what a tranche cost goes with what of it is prepaid."""
        return self.hastens and not loan.tranche.revolving

    def saves(self, loan: Loan) -> bool:
        """Whether that saves tax: of preferred stock, which is equity for tax, it does not."""
        return self.goes(loan) and not loan.tranche.preferred

    @property
    def revolvers(self) -> tuple[Loan, ...]:
        return tuple(loan for loan in self.loans if loan.tranche.revolving)

    @property
    def swept(self) -> tuple[Loan, ...]:
        """What the sweep repays, in its order: the revolvers come first."""
        return (*self.revolvers, *(loan for loan in self.loans if loan.tranche.is_swept))

    @property
    def stocks(self) -> tuple[Loan, ...]:
        return tuple(loan for loan in self.loans if loan.tranche.preferred)

    @property
    def debts(self) -> tuple[Loan, ...]:
        return tuple(loan for loan in self.loans if not loan.tranche.preferred)

    @property
    def deducted(self) -> tuple[float, ...]:
        """(n_years,) money: the transaction fees that lessen the taxable income."""
        fees = self.valuation.statements.income.fees_deducted
        return (0.0,) * self.years if fees is None else numbers(fees)

    @property
    def new_debt(self) -> TrancheSchedule | None:
        """Of the recapitalisation."""
        return None if self.inputs.recapitalisation is None else self.valuation.debt[-1]

    @property
    def owed(self) -> tuple[str, ...]:
        """The lines of closing balances that are debt."""
        keys = tuple(f"{loan.key}.closing" for loan in self.debts)
        return keys if self.new_debt is None else (*keys, f"{RECAPITALISATION}.closing")


def added(*keys: str) -> str:
    """The sum of some lines, which may stand far apart; of none it is 0."""
    return "=" + ("+".join(f"{{{key}}}" for key in keys) or "0")

"""What is paid at closing: the price, and what else the money is used for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.door import MONEY_MAX, Door, Scalar

MULTIPLE_MAX = 200.0
CENT = 0.01


class FeeTreatment(StrEnum):
    """What becomes of the transaction fees, which are paid at closing in any case.

    NEITHER: an expense that no tax is saved on, taken from the opening equity. DEDUCTED: the same,
    and it lessens the taxable income of year 1. CAPITALISED: part of the goodwill, which is not
    amortised, without an effect on tax.
    """

    NEITHER = "NEITHER"
    DEDUCTED = "DEDUCTED"
    CAPITALISED = "CAPITALISED"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """The price, cash-free and debt-free. Exactly one of the multiple and the value is given."""

    ltm_ebitda: Scalar  # money, of the twelve months before closing
    ev_to_ebitda: Scalar | None = None  # times LTM EBITDA
    enterprise_value: Scalar | None = None  # money
    transaction_fees: Scalar = 0.0  # money: advisers, lawyers, duties
    transaction_fee_treatment: FeeTreatment = FeeTreatment.NEITHER
    cash_at_closing: Scalar = 0.0  # money that the new owner puts on the balance sheet

    @property
    def price(self) -> Scalar:
        """(*batch) money, the enterprise value that is paid."""
        if self.enterprise_value is not None:
            return self.enterprise_value
        assert self.ev_to_ebitda is not None  # noqa: S101 - the door let exactly one in
        return self.ev_to_ebitda * self.ltm_ebitda

    def check(self, door: Door) -> None:
        door.within("entry.ltm_ebitda", self.ltm_ebitda, CENT, MONEY_MAX)
        if (self.ev_to_ebitda is None) == (self.enterprise_value is None):
            door.refuse(
                "entry.ev_to_ebitda",
                "MISSING" if self.ev_to_ebitda is None else "CONTRADICTION",
                "Exactly one of an entry multiple and an enterprise value has to be given.",
                "Give entry.ev_to_ebitda, or entry.enterprise_value.",
            )
        if self.ev_to_ebitda is not None:
            door.within("entry.ev_to_ebitda", self.ev_to_ebitda, CENT, MULTIPLE_MAX)
        if self.enterprise_value is not None:
            door.within("entry.enterprise_value", self.enterprise_value, CENT, MONEY_MAX)
        door.within("entry.transaction_fees", self.transaction_fees, 0.0, MONEY_MAX)
        door.within("entry.cash_at_closing", self.cash_at_closing, 0.0, MONEY_MAX)

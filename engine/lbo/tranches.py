"""The debt, tranche by tranche: how much, at what rate, and when it has to be paid back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from engine.door import MONEY_MAX, Door, Scalar, at_least, no_less, no_more, real
from engine.schedules import Schedule

TRANCHES_MOST = 20
NAME_MOST = 60  # characters
TENOR_MOST = 30  # years
TIMES_MAX = 50.0  # of EBITDA


class TrancheKind(StrEnum):
    """What a tranche is.

    REVOLVER: drawn and repaid as cash is short or over, up to its commitment. TERM_LOAN: amortised,
    and swept unless the input says otherwise. NOTES, MEZZANINE, SELLER_NOTE: debt that is not swept
    unless it says so. PREFERRED: stock, whose dividends, in cash or in kind, are paid after tax,
    and whose fee and discount save none.
    """

    REVOLVER = "REVOLVER"
    TERM_LOAN = "TERM_LOAN"
    NOTES = "NOTES"
    MEZZANINE = "MEZZANINE"
    PREFERRED = "PREFERRED"
    SELLER_NOTE = "SELLER_NOTE"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tranche:
    """One source of money that is not equity. Exactly one of ``amount`` and ``times_ebitda`` is
    given (of a revolver: what is drawn at closing), and one of ``fixed_rate`` and ``spread``.
    """

    name: str  # one line, unlike the other tranches'
    kind: TrancheKind
    amount: Scalar | None = None  # money, face value
    times_ebitda: Scalar | None = None  # of LTM EBITDA
    commitment: Scalar | None = None  # money, of a revolver: the most that can be drawn
    undrawn_fee: Scalar | None = None  # 1/year, on what is not drawn of a revolver
    fixed_rate: Scalar | None = None  # 1/year
    spread: Scalar | None = None  # 1/year, over the base rate
    floor: Scalar | None = None  # 1/year, of the base rate
    pik_rate: Scalar | None = None  # 1/year, paid in kind beside the cash coupon
    pik_share: Schedule | None = None  # 0 to 1, of the cash coupon that is paid in kind
    pik_premium: Scalar | None = None  # 1/year, added to the rate on that share
    oid: Scalar = 0.0  # original issue discount, share of face
    fee: Scalar = 0.0  # share of face; of a revolver, of the commitment
    tenor: int  # years; the whole balance is due at the end of that fiscal year
    amortisation: Schedule | None = None  # share of the original amount, 1/year
    swept: bool | None = None  # None: a term loan is, others are not; a revolver always is, first

    @property
    def revolving(self) -> bool:
        return self.kind is TrancheKind.REVOLVER

    @property
    def preferred(self) -> bool:
        return self.kind is TrancheKind.PREFERRED

    @property
    def is_swept(self) -> bool:
        """Whether cash above the minimum repays it before it is due, after the revolvers."""
        if self.revolving:
            return False
        return self.kind is TrancheKind.TERM_LOAN if self.swept is None else self.swept

    def face(self, ltm_ebitda: Scalar) -> Scalar:
        """(*batch) money owed at closing."""
        if self.amount is not None:
            return self.amount
        assert self.times_ebitda is not None  # noqa: S101 - the door let exactly one in
        return self.times_ebitda * ltm_ebitda

    def rates(self, base: Schedule | None, years: int) -> tuple[Scalar, ...]:
        """(n_years, *batch) 1/year: fixed, or the base rate, not below its floor, plus spread."""
        if self.fixed_rate is not None:
            return (self.fixed_rate,) * years
        assert self.spread is not None  # noqa: S101 - the door let exactly one in
        assert base is not None  # noqa: S101 - the door asks for one where a tranche floats
        if self.floor is None:
            return tuple(rate + self.spread for rate in base.years())
        return tuple(at_least(rate, self.floor) + self.spread for rate in base.years())

    def admit(self, door: Door, path: str, years: int | None) -> Tranche:
        """The same tranche, checked, with every schedule year by year."""
        _check_choice(door, path, self)
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if value is not None:
                door.within(f"{path}.{name}", value, low, high)
        if not 1 <= self.tenor <= TENOR_MOST:
            door.refuse(
                f"{path}.tenor",
                "OUT_OF_RANGE",
                f"A tenor of {self.tenor} years is not allowed.",
                f"Give from 1 to {TENOR_MOST} whole years.",
            )
        _check_revolver(door, path, self)
        if self.pik_premium is not None and self.pik_share is None:
            door.refuse(
                f"{path}.pik_share",
                "MISSING",
                "A premium is paid on the share of the coupon that is paid in kind, and no such "
                "share is given.",
                f"Give {path}.pik_share, or leave the premium out.",
            )

        def schedule(name: str, of: Schedule | None) -> Schedule | None:
            return of and of.admit(door, f"{path}.{name}", years, 0.0, 1.0)

        return replace(
            self,
            pik_share=schedule("pik_share", self.pik_share),
            amortisation=schedule("amortisation", self.amortisation),
        )


_BOUNDS = (
    ("amount", 0.0, MONEY_MAX),
    ("times_ebitda", 0.0, TIMES_MAX),
    ("commitment", 0.0, MONEY_MAX),
    ("undrawn_fee", 0.0, 0.2),
    ("fixed_rate", 0.0, 1.0),
    ("spread", -0.05, 1.0),
    ("floor", -0.05, 0.25),  # so that “1 %”, typed as 1, is asked about
    ("pik_rate", 0.0, 1.0),
    ("pik_premium", 0.0, 0.5),
    ("oid", 0.0, 0.99),
    ("fee", 0.0, 0.5),
)
BASE_RATE_BOUNDS = (-0.05, 1.0)


def _check_choice(door: Door, path: str, tranche: Tranche) -> None:
    pairs = (
        ("amount", "times_ebitda", "an amount and a multiple of LTM EBITDA"),
        ("fixed_rate", "spread", "a fixed rate and a spread over the base rate"),
    )
    for one, other, what in pairs:
        given = getattr(tranche, one) is not None, getattr(tranche, other) is not None
        if given[0] == given[1]:
            door.refuse(
                f"{path}.{one}",
                "CONTRADICTION" if given[0] else "MISSING",
                f"Exactly one of {what} has to be given.",
                f"Give {path}.{one}, or {path}.{other}.",
            )
    if tranche.floor is not None and tranche.spread is None:
        door.refuse(
            f"{path}.floor",
            "CONTRADICTION",
            "A floor holds up the base rate, and this tranche does not float.",
            f"Leave the floor out, or give {path}.spread.",
        )


def _check_revolver(door: Door, path: str, tranche: Tranche) -> None:
    if not tranche.revolving:
        for name in ("commitment", "undrawn_fee"):
            if getattr(tranche, name) is not None:
                door.refuse(
                    f"{path}.{name}",
                    "CONTRADICTION",
                    "Only a revolver is committed before it is drawn.",
                    f"Leave it out, or let {path}.kind be REVOLVER.",
                )
        return
    if tranche.commitment is None:
        door.refuse(
            f"{path}.commitment",
            "MISSING",
            "A revolver needs its commitment, the most that can be drawn.",
            f"Give {path}.commitment, in money.",
        )
    for name in ("pik_rate", "pik_share", "amortisation"):
        if getattr(tranche, name) is not None:
            door.refuse(
                f"{path}.{name}",
                "CONTRADICTION",
                "A revolver is paid in cash, and repaid as cash comes in.",
                "Leave it out, or make it a term loan.",
            )


def check_drawn(door: Door, path: str, tranche: Tranche, ltm_ebitda: Scalar) -> None:
    """A revolver's drawing at closing is within its commitment."""
    if tranche.commitment is None:
        return
    committed, drawn = tranche.commitment, tranche.face(ltm_ebitda)
    name = "amount" if tranche.amount is not None else "times_ebitda"
    slack = 1e-9 * real(committed)  # a product of doubles may miss it by its last digit

    def mend() -> str:
        # Of a batch, what holds for every scenario.
        per = 1.0 if tranche.amount is not None else np.max(real(ltm_ebitda))
        most, least = float(np.min(real(committed)) / per), float(np.max(real(drawn)))
        return f"Give {no_more(most)} or less, or a commitment of {no_less(least)} or more."

    what = "More of the revolver is drawn at closing than was committed."
    door.apart(f"{path}.{name}", drawn, committed + slack, 0.0, what, mend)

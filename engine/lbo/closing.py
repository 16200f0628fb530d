"""Sources and uses at closing: the sponsor's equity is what the other sources leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.door import Scalar
from engine.lbo.entry import Entry
from engine.lbo.tranches import Tranche


@dataclass(frozen=True, slots=True, eq=False)
class Deal:
    """(*batch) money at closing: ``uses`` = ``debt`` + ``rollover`` + ``sponsor``."""

    price: Scalar  # enterprise value
    financing_fees: tuple[Scalar, ...]  # of each tranche
    discounts: tuple[Scalar, ...]  # of each tranche: original issue discount
    faces: tuple[Scalar, ...]  # of each tranche: owed at closing
    uses: Scalar
    debt: Scalar  # all faces, preferred stock with them
    rollover: Scalar
    sponsor: Scalar

    @property
    def costs_of_financing(self) -> tuple[Scalar, ...]:
        """Fees and discount of each tranche, which are written off over its tenor."""
        pairs = zip(self.financing_fees, self.discounts, strict=True)
        return tuple(fee + discount for fee, discount in pairs)

    @property
    def invested(self) -> Scalar:
        """All that the owners put in: sponsor and rollover."""
        return self.sponsor + self.rollover


def close_deal(entry: Entry, tranches: Sequence[Tranche], rollover: Scalar) -> Deal:
    """Uses = EV + transaction fees + financing fees + original issue discount + cash.

    (Rosenbaum and Pearl, Investment Banking, 2nd ed., ch. 5, on sources and uses.) Debt is a source
    at its face value, so its discount is a use. The fee of a revolver is paid on its commitment.
    """
    faces = tuple(tranche.face(entry.ltm_ebitda) for tranche in tranches)
    fees = tuple(
        tranche.fee * (face if tranche.commitment is None else tranche.commitment)
        for tranche, face in zip(tranches, faces, strict=True)
    )
    discounts = tuple(tranche.oid * face for tranche, face in zip(tranches, faces, strict=True))
    price = entry.price
    uses = price + entry.transaction_fees + entry.cash_at_closing
    for cost in (*fees, *discounts):
        uses = uses + cost
    debt: Scalar = 0.0
    for face in faces:
        debt = debt + face
    return Deal(
        price=price,
        financing_fees=fees,
        discounts=discounts,
        faces=faces,
        uses=uses,
        debt=debt,
        rollover=rollover,
        sponsor=uses - debt - rollover,
    )

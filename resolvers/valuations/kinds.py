"""The valuations of all kinds, as the schema says them: which type a kept one is, and its id."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import strawberry

from resolvers.context import Info
from resolvers.ids import inner_id, type_of
from resolvers.valuations.comparables import ComparablesValuation
from resolvers.valuations.credit_results import CreditValuation
from resolvers.valuations.dcf import DcfValuation
from resolvers.valuations.lbo import LboValuation
from resolvers.valuations.merger import MergerValuation
from resolvers.valuations.record import Valuation
from services.errors import NotFound
from services.kinds import COMPARABLES, CREDIT, DCF, LBO, MERGER
from services.valuations import NOTHING, KeptId, Recorded

# A kind is a member here and a row of the table below: an outcome of any kind has them all.
AnyValuation: TypeAlias = (
    DcfValuation | LboValuation | MergerValuation | ComparablesValuation | CreditValuation
)
TYPES: Final[dict[str, type[AnyValuation]]] = {
    DCF.name: DcfValuation,
    LBO.name: LboValuation,
    MERGER.name: MergerValuation,
    COMPARABLES.name: ComparablesValuation,
    CREDIT.name: CreditValuation,
}
_KINDS: Final = {each.__name__: kind for kind, each in TYPES.items()}


def said(recorded: Recorded) -> AnyValuation:
    """A kept valuation as its kind's type."""
    return TYPES[recorded.kind.name].of(recorded)


def kept_id(given: str) -> str:
    """The address behind the global id of a valuation of any kind.

    Raises:
        NotFound: if this is no id of a valuation.
    """
    its = type_of(given)
    if its not in _KINDS:
        raise NotFound(NOTHING)
    return inner_id(its, given)


def named(given: str) -> KeptId:
    """What an id says that it is of; of one that says nothing, an address of nothing."""
    try:
        address = kept_id(given)
    except NotFound:
        return KeptId("", "")
    return KeptId(_KINDS[type_of(given)], address)


def type_names() -> list[str]:
    """The types that a valuation's global id may name."""
    return list(_KINDS)


Id: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="A valuation's global id.")
]


@strawberry.type
class ValuationQuery:
    @strawberry.field(description="A valuation of the caller's tenant.")
    async def valuation(self, info: Info, id: Id) -> Valuation:  # noqa: A002 - the field's name in the schema
        recorded = await info.context.services.valuations.find(info.context.principal, kept_id(id))
        found = said(recorded)
        if found.id != id:  # the address is of a valuation, and the type that it names is another
            raise NotFound(NOTHING)
        return found

"""A football field, as the schema says it: kept valuations of one firm on one scale."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
import strawberry

from engine.football import MethodRange
from resolvers.context import Info
from resolvers.ids import global_id
from resolvers.refusal import Refusal
from resolvers.scalars import FloatSeries, series
from resolvers.valuations.kinds import TYPES, named
from resolvers.valuations.outputs import Output
from resolvers.valuations.record import Remark, ValuationKind
from resolvers.valuations.results import filled
from resolvers.valuations.sensitivities import SwingInput
from services.documents import document_of
from services.football import Compared, Source
from services.football_methods import Buyout, Cases, Method, Multiples, Stated, Swings

_NAME: Final = "What its bar is called, one line of up to 80 characters."


def _field(description: str, default: Any = strawberry.UNSET) -> Any:
    return strawberry.field(description=description, default=default)


@strawberry.input(description="A comparison: a bar for each multiple, from quartile to quartile.")
class FootballMultiplesInput:
    valuation: strawberry.ID = strawberry.field(description="Global id of a comparison.")
    name: str | None = _field(
        "What stands before each multiple, as in “Trading, EV/EBITDA LTM”. Left out: nothing."
    )

    def to_service(self) -> Method:
        return Multiples(valuation=named(self.valuation), name=self.name or None)


@strawberry.input(
    description=(
        "A valuation while inputs swing together: from the lowest value to the highest, over every "
        "combination of each input's low end, itself and its high end; the middle is the value as "
        "it is."
    )
)
class FootballSwingsInput:
    valuation: strawberry.ID = strawberry.field(
        description="Global id of a valuation that says what its firm is worth, such as a DCF."
    )
    swings: list[SwingInput] = strawberry.field(
        description="1 to 5, such as `capital.wacc` from 0.08 to 0.1."
    )
    name: str | None = _field(f"{_NAME} Left out: the kind.")

    def to_service(self) -> Method:
        return Swings(
            valuation=named(self.valuation),
            swings=tuple(each.to_engine() for each in self.swings),
            name=self.name or None,
        )


@strawberry.input(
    description="Valuations by one method as they are, from the lowest value to the highest."
)
class FootballCasesInput:
    valuations: list[strawberry.ID] = strawberry.field(
        description=(
            "Global ids of 1 to 10 valuations of one kind, such as a base, a bear and a bull case. "
            "The first is the middle."
        )
    )
    name: str | None = _field(f"{_NAME} Left out: the kind.")

    def to_service(self) -> Method:
        return Cases(valuations=tuple(map(named, self.valuations)), name=self.name or None)


@strawberry.input(
    description=(
        "What a sponsor can pay for a return, as `maximumPrice` has it: from the price at the "
        "higher one to that at the lower one; the middle is the price at the return halfway."
    )
)
class FootballBuyoutInput:
    valuation: strawberry.ID = strawberry.field(description="Global id of a buyout.")
    low_irr: float = _field("A fraction per year, from 0 to 10.", 0.2)
    high_irr: float = _field("A fraction per year, not below `lowIrr`.", 0.25)
    bridge: strawberry.ID | None = _field(
        "Global id of a DCF or a comparison of the same firm, whose bridge and shares lead from "
        "the price, an enterprise value, to the equity value or to a share."
    )
    name: str | None = _field(f"{_NAME} Left out: the kind and the returns.")

    def to_service(self) -> Method:
        return Buyout(
            valuation=named(self.valuation),
            low_irr=self.low_irr,
            high_irr=self.high_irr,
            bridge=named(self.bridge) if self.bridge else None,
            name=self.name or None,
        )


@strawberry.input(
    description="A range from elsewhere, such as the lowest and the highest price of 52 weeks."
)
class FootballStatedInput:
    name: str = strawberry.field(description=_NAME)
    low: float = strawberry.field(description="In the unit of the field.")
    mid: float | None = _field("In the unit of the field. Left out: there is no best guess.")
    high: float = strawberry.field(description="In the unit of the field, not below `low`.")

    def to_service(self) -> Method:
        mid = self.mid if isinstance(self.mid, float | int) else None
        return Stated(range=MethodRange(name=self.name, low=self.low, mid=mid, high=self.high))


@strawberry.input(one_of=True, description="A method, and where its range comes from.")
class FootballMethodInput:
    multiples: FootballMultiplesInput | None = _field("The quartiles of a comparison.")
    swings: FootballSwingsInput | None = _field("A valuation over a range of its inputs.")
    cases: FootballCasesInput | None = _field("Valuations of several cases.")
    buyout: FootballBuyoutInput | None = _field("What a sponsor can pay.")
    stated: FootballStatedInput | None = _field("A range from elsewhere.")

    def to_service(self) -> Method:
        for name in FootballMethodInput.__dataclass_fields__:
            given = getattr(self, name)
            if given:
                method: Method = given.to_service()
                return method
        raise TypeError("a choice of one has one")


@strawberry.type(
    description=(
        "A method's range. A place is a share of the scale, 0 at its first tick and 1 at its last."
    )
)
class FootballBar:
    name: str = strawberry.field(description="What the method is called.")
    kind: ValuationKind | None = strawberry.field(
        description="Of the valuations. Null: the range comes from elsewhere."
    )
    valuations: list[strawberry.ID] = strawberry.field(
        description="Global ids of those that the range comes from."
    )
    days: list[date] = strawberry.field(
        description=(
            "The day that each of these is of: a DCF's valuation date, the day of a comparison, "
            "the closing of a buyout or a merger."
        )
    )
    low: float = strawberry.field(description="In the unit of the field.")
    mid: float | None = strawberry.field(
        description="In the unit of the field. Null: the method has no best guess."
    )
    high: float = strawberry.field(description="In the unit of the field.")
    low_place: float = strawberry.field(description="Where `low` is on the scale.")
    mid_place: float | None = strawberry.field(description="Null: there is no `mid`.")
    high_place: float = strawberry.field(description="Where `high` is on the scale.")
    low_upside: float | None = strawberry.field(
        description="`low` over the market price, less 1. Null: no market price."
    )
    high_upside: float | None = strawberry.field(
        description="`high` over the market price, less 1. Null: no market price."
    )
    holds_market_price: bool | None = strawberry.field(
        description="Whether the range has the market price in it. Null: there is none."
    )


@strawberry.type(
    description=(
        "Where most methods agree; of several such stretches the widest, of these the lowest."
    )
)
class FootballOverlap:
    low: float = strawberry.field(description="In the unit of the field.")
    high: float = strawberry.field(description="In the unit of the field.")
    methods: list[str] = strawberry.field(description="The bars that lie over each other there.")
    all: bool = strawberry.field(description="Whether these are all bars.")


@strawberry.type(
    description=(
        "What several methods say that one firm is worth, side by side on one scale. Nothing is "
        "averaged: methods are no draws of one truth. The unit is that of `of`: money a share, or "
        "money."
    )
)
class FootballField:
    of: Output = strawberry.field(description="The number that is compared.")
    currency: str = strawberry.field(description="ISO 4217, of all valuations.")
    bars: list[FootballBar] = strawberry.field(
        description="In the order given; a comparison has one for each multiple."
    )
    overlap: FootballOverlap | None = strawberry.field(
        description="Where most methods agree. Null: no two of them do."
    )
    market_price: float | None = strawberry.field(description="Null: none is known.")
    market_place: float | None = strawberry.field(description="Where it is on the scale.")
    ticks: FloatSeries = strawberry.field(
        description="Of the scale, in equal steps, in the unit of the field."
    )
    remarks: list[Remark] = strawberry.field(
        description=(
            "What a reviewer would ask, such as whether valuations of days far apart say the same; "
            "often nothing. A path is that of an argument."
        )
    )

    @classmethod
    def of_compared(cls, found: Compared) -> FootballField:
        field = found.field
        return cls(
            of=found.output,
            currency=found.currency,
            bars=[
                filled(FootballBar, document_of(bar), **_where_from(source))
                for bar, source in zip(field.bars, found.sources, strict=True)
            ],
            overlap=None
            if field.overlap is None
            else filled(FootballOverlap, document_of(field.overlap)),
            market_price=field.market_price,
            market_place=field.market_place,
            ticks=series(np.array(field.ticks)),
            remarks=[filled(Remark, document_of(each)) for each in found.remarks],
        )


FootballFieldOutcome: TypeAlias = Annotated[
    FootballField | Refusal,
    strawberry.union(
        "FootballFieldOutcome", description="A field, or what to mend in what was asked."
    ),
]
Methods: TypeAlias = Annotated[
    list[FootballMethodInput],
    strawberry.argument(
        description=(
            "1 to 20, from the top of the field to its bottom, of one firm and in one currency; at "
            "least one of them from a kept valuation."
        )
    ),
]
Scale: TypeAlias = Annotated[
    Output | None,
    strawberry.argument(
        description=(
            "What is compared: VALUE_PER_SHARE, EQUITY_VALUE or ENTERPRISE_VALUE. Left out: the "
            "value per share."
        )
    ),
]
MarketPrice: TypeAlias = Annotated[
    float | None,
    strawberry.argument(
        description=(
            "What the market pays, above 0, in the unit of the field. Left out: of a share, the "
            "market price in the valuations' inputs."
        )
    ),
]


@strawberry.type
class FootballQuery:
    @strawberry.field(
        description="Kept valuations of one firm by several methods, side by side on one scale."
    )
    async def football_field(
        self, info: Info, methods: Methods, of: Scale = None, market_price: MarketPrice = None
    ) -> FootballFieldOutcome:
        found = await info.context.services.football.field(
            info.context.principal,
            [method.to_service() for method in methods],
            of,
            market_price,
        )
        return FootballField.of_compared(found)


def _where_from(source: Source) -> dict[str, Any]:
    return {
        "kind": None if source.kind is None else ValuationKind(source.kind),
        "valuations": [
            global_id(TYPES[each.kind].__name__, each.address) for each in source.valuations
        ],
        "days": list(source.days),
    }

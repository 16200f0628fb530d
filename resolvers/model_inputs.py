"""What callers say of models: how one is made, which are wanted, and what an edit puts where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias
from unicodedata import normalize

import strawberry

from engine.errors import InvalidInput, Problem
from resolvers.shapes import kind_of
from resolvers.valuations.assumptions import AssumptionInput
from resolvers.valuations.capital_inputs import BetaPeerInput, CapitalInput
from resolvers.valuations.comparables_inputs import (
    AskedMultipleInput,
    ComparableFirmInput,
    ComparablesInput,
    EarningsOfYearInput,
    MetricsInput,
)
from resolvers.valuations.credit_inputs import CreditInput
from resolvers.valuations.dcf_inputs import DcfInput, SegmentInput, TerminalInput
from resolvers.valuations.equity_inputs import ConvertibleInput, OptionTrancheInput
from resolvers.valuations.firm_inputs import ScheduleInput
from resolvers.valuations.given import document_of
from resolvers.valuations.lbo_inputs import CovenantInput, LboInput, TrancheInput
from resolvers.valuations.merger_inputs import ExchangeRatioInput, MergerInput, WriteUpInput
from resolvers.valuations.record import ValuationKind
from services.contents import NAME_MOST, Unit
from services.edits import Edit
from services.errors import QueryInvalid
from services.kinds import KINDS, Document, Kind
from services.model import Listing, Order
from services.shapes import is_printed
from services.words import camel

UNIT = strawberry.enum(
    Unit,
    description=(
        "How a person sees amounts of money. Inputs and results are in whole units, whatever "
        "stands here."
    ),
)
MODEL_ORDER_FIELD = strawberry.enum(
    Order, name="ModelOrderField", description="What models are listed by; names in any case."
)


@strawberry.enum(description="Which way a list goes.")
class Direction(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


def _arm(description: str) -> Any:
    return strawberry.field(description=description, default=strawberry.UNSET)


@strawberry.input(
    one_of=True, description="The inputs of a model. Give exactly one: it says the model's kind."
)
class ModelInputs:
    dcf: DcfInput | None = _arm("A firm that is valued by its free cash flow.")
    lbo: LboInput | None = _arm("A firm that is bought with borrowed money.")
    merger: MergerInput | None = _arm("A firm that buys another one.")
    comparables: ComparablesInput | None = _arm("A firm that is valued as others like it are.")
    credit: CreditInput | None = _arm("A firm whose debt is valued by what its shares say of it.")


def given_inputs(inputs: ModelInputs) -> tuple[Kind[Any, Any], Document]:
    """The kind that was chosen, and its document."""
    for name in ModelInputs.__dataclass_fields__:
        given = getattr(inputs, name)
        if given:
            return KINDS[kind_of(camel(name))], given.document
    raise TypeError("a choice of one has one")


@strawberry.input(description="A model to make.")
class CreateModelInput:
    name: str = strawberry.field(description="As people call it: one line, 1 to 200 characters.")
    inputs: ModelInputs = strawberry.field(description="What it begins with.")
    unit: Unit = strawberry.field(description="How amounts are seen.", default=Unit.ONES)


@strawberry.input(
    one_of=True,
    description=(
        "A value for a path. Give exactly one, of the type that stands there: a date and a name "
        "of a choice are texts, a count is a number."
    ),
)
class ChangeValue:
    given: strawberry.Private[Mapping[str, Any]]
    number: float | None = _arm("A number. A rate is a fraction, so 0.08 is 8 %.")
    text: str | None = _arm("A text, a date such as 2024-09-27, or a name such as MID_YEAR.")
    flag: bool | None = _arm("True or false.")
    series: list[float] | None = _arm("Numbers by year, for a path that ends in `byYear`.")
    schedule: ScheduleInput | None = _arm("A driver of the forecast, as a whole.")
    capital: CapitalInput | None = _arm("The cost of capital, as a whole.")
    terminal: TerminalInput | None = _arm("The value after the forecast, as a whole.")
    options: list[OptionTrancheInput] | None = _arm("All tranches, for `shares.options`.")
    convertibles: list[ConvertibleInput] | None = _arm("All, for `shares.convertibles`.")
    peers: list[BetaPeerInput] | None = _arm(
        "All comparable firms, for `capital.capm.comparables.peers`."
    )
    segments: list[SegmentInput] | None = _arm("All segments of the firm, for `segments`.")
    comparable_firms: list[ComparableFirmInput] | None = _arm(
        "All comparable firms, for `peers` of a comparison."
    )
    multiples: list[AskedMultipleInput] | None = _arm("All that are asked about, for `multiples`.")
    metrics: MetricsInput | None = _arm("What a firm earns, as a whole.")
    fiscal_years: list[EarningsOfYearInput] | None = _arm(
        "All fiscal years, for a path that ends in `fiscalYears`."
    )
    tranches: list[TrancheInput] | None = _arm("All tranches of a buyout, for `tranches`.")
    covenants: list[CovenantInput] | None = _arm("All covenants of a buyout, for `covenants`.")
    exchange_ratio: ExchangeRatioInput | None = _arm(
        "What is paid in shares, as a whole, for `offer.exchangeRatio` of a merger."
    )
    write_ups: list[WriteUpInput] | None = _arm(
        "All intangible assets of a merger, for `allocation.intangibles`."
    )
    assumptions: list[AssumptionInput] | None = _arm(
        "Where inputs come from, all of it, for the path `assumptions`."
    )
    nothing: bool | None = _arm(
        "True: leave out what stands there, or bring its default back; remove a scenario."
    )


@strawberry.input(description="What a scenario changes an input to.")
class ScenarioChangeInput:
    path: str = strawberry.field(description="Of an input, such as `terminal.gordon.growth`.")
    value: ChangeValue = strawberry.field(description="What stands there in the scenario.")


@strawberry.input(description="A named set of changes to the inputs, made before valuing.")
class ScenarioInput:
    name: str = strawberry.field(description="As people call it: one line, 1 to 200 characters.")
    changes: list[ScenarioChangeInput] = strawberry.field(
        description="Made in this order, up to 64. They have to fit the inputs as they are now."
    )


@strawberry.input(one_of=True, description="A value for a path of a model. Give exactly one.")
class EditValue(ChangeValue):
    scenario: ScenarioInput | None = _arm("For a path `scenarios.<key>`.")


@strawberry.input(description="One value for one path.")
class ModelEdit:
    path: str = strawberry.field(
        description=(
            "An input, such as `capital.wacc`, `operations.revenueGrowth` or "
            "`operations.revenueGrowth.byYear[3]` (years count from 0; `byYear` may be left out), "
            "or `segments[1].name` (so do items of a list, which grows and shrinks as a whole); or "
            "`name`, `unit`, `scenarios.<key>` with a key of small letters, digits and hyphens."
        )
    )
    value: EditValue = strawberry.field(description="What is to stand there.")
    base_revision: int | None = strawberry.field(
        description=(
            "The revision that the caller has seen. If the path was changed since, nothing is "
            "edited and the answer is a CONFLICT. Left out: the last writer wins."
        ),
        default=None,
    )


@strawberry.input(description="Which models. What is left out narrows nothing.")
class ModelFilter:
    kind: ValuationKind | None = strawberry.field(description="What is valued.", default=None)
    archived: bool | None = strawberry.field(
        description="True: the archived ones alone; null: both.", default=False
    )
    name_prefix: str | None = strawberry.field(
        description="How the name begins, in any case.", default=None
    )


@strawberry.input(description="In what order.")
class ModelOrder:
    field: Order = strawberry.field(description="By what.", default=Order.UPDATED)
    direction: Direction = strawberry.field(description="Which way.", default=Direction.DESC)


def listing_of(wanted: ModelFilter, order: ModelOrder) -> Listing:
    """
    Raises:
        QueryInvalid: for a prefix that no name can have.
    """
    prefix = wanted.name_prefix or ""
    if len(prefix) > NAME_MOST or not is_printed(prefix):
        raise QueryInvalid("No name begins so: names are one line of up to 200 characters.")
    return Listing(
        kind=None if wanted.kind is None else wanted.kind.value,
        archived=wanted.archived,
        name_prefix=normalize("NFC", prefix),
        order=order.field,
        descending=order.direction is Direction.DESC,
    )


def edits_of(given: Sequence[ModelEdit]) -> list[Edit]:
    """The edits with plain values.

    Raises:
        InvalidInput: where `nothing` is false, which says neither this nor that.
    """
    problems: list[Problem] = []
    edits = [
        Edit(
            each.path,
            _value(each.value.given, f"edits[{number}].value", problems),
            each.base_revision,
        )
        for number, each in enumerate(given)
    ]
    if problems:
        raise InvalidInput.of(problems)
    return edits


def _value(given: Mapping[str, Any], at: str, problems: list[Problem]) -> Any:
    ((name, value),) = given.items()
    if name == "nothing":
        if not value:
            message = "To leave something out, this is true."
            problems.append(
                Problem(f"{at}.nothing", "CONTRADICTION", message, "Give true, or another value.")
            )
        return None
    if name == "scenario":
        at = f"{at}.scenario.changes"
        changes = [
            {
                "path": change["path"],
                "value": _value(change["value"], f"{at}[{number}].value", problems),
            }
            for number, change in enumerate(value["changes"])
        ]
        return {"name": value["name"], "changes": changes}
    return value


_Values: TypeAlias = type[ChangeValue]


def _read(kind: _Values, given: Mapping[str, Any], _context: object) -> ChangeValue:
    """The value as plain JSON under the name of its arm; parts of it are no objects of ours."""
    read = kind.__new__(kind)
    read.given = document_of(given)
    return read


for _kind in (ChangeValue, EditValue):
    _kind.__strawberry_definition__.from_input = _read  # type: ignore[attr-defined] # strawberry's hook

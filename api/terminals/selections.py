"""What `valor value` asks of the schema: what its reports need, or all that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_required_input_field,
)

from resolvers.calls import DEFINITION
from resolvers.shapes import INPUTS
from resolvers.shapes import kind_of as kind_named
from services.kinds import KINDS

# What the reports in words ask for.
FIELDS: Final = """
  __typename
  ... on Refusal { code message issues { path message suggestion } }
  ... on DcfValuation {
    id currency wacc costOfEquity valueOfForecast terminalValue terminalDiscountFactor
    valueOfTerminal enterpriseValue netDebt equityValue valuePerShare dilutedShares
    engineVersion inputs stubShare
    forecast {
      revenue ebitda depreciation ebit tax nopat capitalExpenditure workingCapital
      increaseInWorkingCapital freeCashFlow discountFactor presentValue
      stockCompensation lossesUsed lossesLeft taxSaved
    }
    bridge {
      debt leases preferredStock minorityInterests pensionsAfterTax cash associates convertibles
      lossesCarriedForward
    }
    dilution {
      price heldShares options { strike exercised netShares }
      convertibles { conversionPrice converted shares }
    }
    failure {
      goingConcern { equityValue valuePerShare } failed { equityValue valuePerShare }
    }
    segments { name wacc valueOfForecast valueOfTerminal enterpriseValue }
    crossChecks {
      terminalShare impliedExitMultiple impliedGrowth impliedReturnOnNewCapital evToRevenue
      evToEbitda upside
    }
    costOfCapital {
      peers { name beta unleveredBeta } unleveredBeta beta countryPremium sizePremium
      specificPremium
    }
    reconciliation {
      economicProfit { enterpriseValue gap }
      adjustedPresentValue { enterpriseValue gap }
    }
    remarks { code path message }
    assumptions { path label source asOf author note }
  }
"""


# What a kind's mutation takes beside its inputs, if it is given: a variable of the same name.
_BESIDE: Final = {"Credit": {"equityOf": "ID"}}


def valued(fields: str = FIELDS, kind: str = "Dcf") -> str:
    """The mutation that values a firm, with what is wanted of the answer, under `valued`."""
    given = {"input": f"{kind}Input!", **_BESIDE.get(kind, {})}
    variables = ", ".join(f"${name}: {each}" for name, each in given.items())
    arguments = ", ".join(f"{name}: ${name}" for name in given)
    return f"mutation Value({variables}) {{ valued: value{kind}({arguments}) {{ {fields} }} }}"


VALUE: Final = valued()


def whole(schema: GraphQLSchema, kind: str = "Dcf") -> str:
    """The same mutation, asking for all that is kept of a valuation, and of a refusal."""
    types = (schema.get_type(name) for name in (f"{kind}Valuation", "Refusal"))
    asked = (
        f"... on {each.name} {{ {_kept(each)} }}"
        for each in types
        if isinstance(each, GraphQLObjectType)
    )
    return valued(f"__typename {' '.join(asked)}", kind)


class NoInputs(Exception):
    """What a file holds instead of inputs, as a person reads it."""


def kind_of(schema: GraphQLSchema, document: Mapping[str, object], file: object) -> str:
    """Which kind's inputs a document is, as its types begin: the one with most of its names.

    Raises:
        NoInputs: where it has none of them, but what all kinds have; said of ``file``.
    """
    choice = schema.get_type(INPUTS)
    assert isinstance(choice, GraphQLInputObjectType)  # noqa: S101 - as `resolvers.shapes` has it

    types = [get_named_type(field.type) for field in choice.fields.values()]
    kinds = [each for each in types if isinstance(each, GraphQLInputObjectType)]
    shared = set.intersection(*(set(each.fields) for each in kinds))
    if document.keys() & set().union(*(each.fields for each in kinds)) - shared:
        best = max(kinds, key=lambda kind: len(document.keys() & kind.fields.keys()))
        return best.name.removesuffix("Input")
    if "query" in document or "variables" in document:
        mend = "value what is under `input` in its variables."
        raise NoInputs(f"{file} holds a GraphQL request, not inputs: {mend}")
    if "input" in document:
        raise NoInputs(
            f"{file} holds the variables of a GraphQL document, not inputs.\n"
            f"Run `valor query DOCUMENT --variables {file}`, or value what is under `input`."
        )
    nouns = [KINDS[kind_named(name)].noun for name in choice.fields]
    pairs = zip(nouns, _marks(kinds), strict=True)
    marks = ", ".join(f"`{mark}` (a {noun})" for noun, mark in pairs)
    raise NoInputs(f"{file} has no inputs of a valuation, such as {marks}.")


def _marks(kinds: Sequence[GraphQLInputObjectType]) -> Iterator[str]:
    """For each kind the first name that it needs and no other kind has."""
    for kind in kinds:
        others = set().union(*(each.fields for each in kinds if each is not kind))
        yield next(
            name
            for name, field in kind.fields.items()
            if name not in others and is_required_input_field(field)
        )


def _kept(kind: GraphQLObjectType) -> str:
    """Every field that is there without being asked; analyses are computed when they are."""
    names = []
    for name, field in kind.fields.items():
        if field.extensions[DEFINITION].base_resolver is None:
            inner = get_named_type(field.type)
            parts = f" {{ {_kept(inner)} }}" if isinstance(inner, GraphQLObjectType) else ""
            names.append(name + parts)
    return " ".join(names)

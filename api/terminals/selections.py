"""What `valor value` asks of the schema: what its reports need, or all that is kept."""

from __future__ import annotations

from typing import Final

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type

from resolvers.calls import DEFINITION

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


def valued(fields: str = FIELDS) -> str:
    """The mutation that values a firm, with what is wanted of the answer."""
    return f"mutation Value($input: DcfInput!) {{ valueDcf(input: $input) {{ {fields} }} }}"


VALUE: Final = valued()


def whole(schema: GraphQLSchema) -> str:
    """The same mutation, asking for all that is kept of a valuation, and of a refusal."""
    types = (schema.get_type(name) for name in ("DcfValuation", "Refusal"))
    asked = (
        f"... on {kind.name} {{ {_kept(kind)} }}"
        for kind in types
        if isinstance(kind, GraphQLObjectType)
    )
    return valued(f"__typename {' '.join(asked)}")


def _kept(kind: GraphQLObjectType) -> str:
    """Every field that is there without being asked; analyses are computed when they are."""
    names = []
    for name, field in kind.fields.items():
        if field.extensions[DEFINITION].base_resolver is None:
            inner = get_named_type(field.type)
            parts = f" {{ {_kept(inner)} }}" if isinstance(inner, GraphQLObjectType) else ""
            names.append(name + parts)
    return " ".join(names)

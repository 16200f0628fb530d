"""Edits that a DCF model can take: drawn at random, each good in the model as it stands."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from resolvers.shapes import shapes_of
from services.edits import Edit, Rules
from services.kinds import DCF
from services.shapes import Group
from tests.dcf_documents import Document, firm
from tests.the_schema import SCHEMA

SHAPES: Final[dict[str, Group]] = shapes_of(SCHEMA)
RULES: Final = Rules.of(SHAPES["DCF"], DCF.door)
YEARS: Final = 3

_RATE = st.floats(0.0, 0.3)
_MONEY = st.floats(0.0, 1e6)
_CAPM = {
    "riskFreeRate": 0.04,
    "equityRiskPremium": 0.05,
    "beta": 1.0,
    "preTaxCostOfDebt": 0.06,
    "debtWeight": 0.2,
    "taxRate": 0.25,
}
SCHEDULE: Final = st.one_of(
    st.builds(lambda level: {"level": level}, _RATE),
    st.builds(lambda years: {"byYear": years}, st.lists(_RATE, min_size=YEARS, max_size=YEARS)),
    st.builds(
        lambda one, two: {
            "stages": [{"years": 1, "value": one}, {"years": 2, "value": two, "ramp": True}]
        },
        _RATE,
        _RATE,
    ),
)
_SCHEDULES = ("revenueGrowth", "taxRate", "depreciation", "capitalExpenditure", "workingCapital")
_BRIDGE = ("debt", "cash", "leases", "preferredStock", "associates")


def _at(path: str, value: Any) -> st.SearchStrategy[list[Edit]]:
    values = value if isinstance(value, st.SearchStrategy) else st.just(value)
    return values.map(lambda drawn: [Edit(path, drawn)])


# Each is a list, since some inputs are exchanged two at a time. Whatever stands in the model, all
# of them fit it, but those by year and in stages, which need such a schedule.
EDITS: Final[st.SearchStrategy[list[Edit]]] = st.one_of(
    *(_at(f"operations.{name}", SCHEDULE) for name in _SCHEDULES),
    *(_at(f"operations.{name}.level", _RATE) for name in _SCHEDULES),
    *(_at(f"operations.{name}[{year}]", _RATE) for name in _SCHEDULES[:2] for year in range(YEARS)),
    *(_at(f"operations.{name}.stages[1].value", _RATE) for name in _SCHEDULES[:2]),
    *(_at(f"operations.{name}.stages[1].ramp", st.booleans()) for name in _SCHEDULES[:2]),
    *(_at(f"bridge.{name}", st.none() | _MONEY) for name in _BRIDGE[2:]),
    *(_at(f"bridge.{name}", _MONEY) for name in _BRIDGE[:2]),
    SCHEDULE.map(
        lambda drawn: [Edit("operations.ebitMargin", None), Edit("operations.ebitdaMargin", drawn)]
    ),
    SCHEDULE.map(
        lambda drawn: [Edit("operations.ebitdaMargin", None), Edit("operations.ebitMargin", drawn)]
    ),
    _at("operations.openingWorkingCapital", st.none() | _MONEY),
    _at("operations.stockCompensation", SCHEDULE),
    _at("operations.losses", st.none() | st.just({"balance": 90.0, "limitAmount": 20.0})),
    _MONEY.map(lambda drawn: [Edit("operations.losses.balance", drawn)]),
    _at("timing.fiscalYearEnd", st.sampled_from([None, "2025-06-30"])),
    _at("operations.openingFixedAssets", st.none() | _MONEY),
    _at("capital.wacc", st.floats(0.06, 0.2)),
    _at("capital", {"capm": _CAPM}),
    st.floats(0.5, 2.0).map(
        lambda beta: (
            [Edit(f"capital.capm.{name}", _CAPM[name]) for name in _CAPM]
            + [Edit("capital.capm.beta", beta)]
        )
    ),
    _at("terminal.gordon.growth", st.floats(-0.1, 0.03)),
    _at("terminal.gordon.discounting", st.sampled_from([None, "YEAR_END", "LAST_FLOW"])),
    _at("terminal", {"exitMultiple": {"evToEbitda": 12}}),
    _at("terminal.exitMultiple.evToEbitda", st.floats(1.0, 20.0)),
    _at("terminal", {"valueDriver": {"growth": 0.02, "returnOnNewCapital": 0.12}}),
    _at("terminal", {"hModel": {"initialGrowth": 0.08, "growth": 0.02, "halfLife": 4}}),
    _at(
        "terminal",
        {"gordon": {"growth": 0.01, "normalised": {"depreciation": 0.05, "capitalExpenditure": 1}}},
    ),
    _at("timing.flows", st.sampled_from([None, "MID_YEAR", "END_YEAR"])),
    _at("timing.valuationDate", st.sampled_from(["2024-09-27", "20250101"])),
    st.floats(1.0, 1e3).map(
        lambda strike: [
            Edit("shares.diluted", None),
            Edit("shares.basic", 100.0),
            Edit("shares.options", [{"count": 5, "strike": strike}]),
        ]
    ),
    st.just(
        [
            Edit("shares.basic", None),
            Edit("shares.options", None),
            Edit("shares.diluted", 100.0),
        ]
    ),
    st.floats(0.0, 1.0).map(
        lambda part: [Edit("failure.probability", part), Edit("failure.recovery", 0.5)]
    ),
    _at("failure", None),
    _at("currency", st.sampled_from([None, "EUR", "USD"])),
    _at("marketPrice", st.none() | st.integers(1, 500)),
    _at("name", st.sampled_from(["Apple", " Orchard ", "Pear"])),
    _at("unit", st.sampled_from(["ONES", "MILLIONS"])),
    _at(
        "scenarios.bear",
        st.none() | st.just({"name": "Bear", "changes": [{"path": "bridge.debt", "value": 700.0}]}),
    ),
)


def model(**changes: Any) -> Document:
    """The whole document of a model of the firm; changes go to its inputs."""
    inputs = firm(**{"terminal.gordon.discounting": "LAST_FLOW"} | changes)
    inputs["bridge"] = {
        "leases": 0.0,
        "preferredStock": 0.0,
        "minorityInterests": 0.0,
        "pensionsAfterTax": 0.0,
        "associates": 0.0,
    } | inputs["bridge"]
    own = {"name": "Firm", "unit": "ONES", "archived": False, "scenarios": {}}
    return own | inputs

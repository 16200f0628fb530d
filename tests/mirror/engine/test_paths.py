"""Paths: one name for each input, in every analysis."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given

from engine.dcf import (
    Bridge,
    Capm,
    Comparables,
    DcfInputs,
    ExitMultiple,
    GivenWacc,
    Gordon,
    Peer,
    Segment,
    ValueDriver,
)
from engine.dcf.inputs import admit
from engine.errors import InvalidInput
from engine.paths import (
    LIKELY_MOST,
    MEANT_MOST,
    Names,
    numbers,
    replaced,
    schedule_at,
    split_year,
    value_at,
)
from engine.schedules import Schedule
from tests.mirror.engine.firms import LAW, firm, firms

CAPM = Capm(
    risk_free_rate=0.04,
    equity_risk_premium=0.05,
    beta=1.2,
    pre_tax_cost_of_debt=0.05,
    debt_weight=0.25,
    tax_rate=0.2,
)
BRIDGE = [
    "bridge.debt",
    "bridge.cash",
    "bridge.leases",
    "bridge.preferred_stock",
    "bridge.minority_interests",
    "bridge.pensions_after_tax",
    "bridge.associates",
]


def test_every_number_has_a_path_in_the_order_of_the_inputs() -> None:
    given_wacc = list(numbers(admit(firm(market_price=9.0))))
    assert given_wacc == [
        "operations.revenue",
        "operations.revenue_growth",
        "operations.tax_rate",
        "operations.depreciation",
        "operations.capital_expenditure",
        "operations.working_capital",
        "operations.ebit_margin",
        "capital.wacc",
        "terminal.gordon.growth",
        *BRIDGE,
        "shares.diluted",
    ]
    built = numbers(
        admit(
            firm(
                capital=CAPM,
                terminal=ValueDriver(growth=0.02, return_on_new_capital=0.2),
                ebitda_margin=0.25,
                opening_working_capital=7.0,
            )
        )
    )
    assert list(built)[6:16] == [
        "operations.ebitda_margin",
        "operations.opening_working_capital",
        "capital.capm.risk_free_rate",
        "capital.capm.equity_risk_premium",
        "capital.capm.beta",
        "capital.capm.pre_tax_cost_of_debt",
        "capital.capm.debt_weight",
        "capital.capm.tax_rate",
        "terminal.value_driver.growth",
        "terminal.value_driver.return_on_new_capital",
    ]
    exits = numbers(admit(firm(terminal=ExitMultiple(ev_to_ebitda=9.0))))
    assert exits["terminal.exit_multiple.ev_to_ebitda"] == 9.0


def test_a_whole_number_is_a_number() -> None:
    table = numbers(admit(firm(revenue=1_000, shares=50, bridge=Bridge(debt=300, cash=0))))
    assert table["operations.revenue"] == 1_000.0
    assert isinstance(table["shares.diluted"], float)
    assert isinstance(table["bridge.cash"], float)
    assert not {"timing.years", "market_price"} & set(table)


def test_a_value_is_read_at_its_path() -> None:
    table = numbers(admit(firm(tax_rate=Schedule.explicit([0.21, 0.24]))))
    assert value_at(table, "operations.revenue") == 1_000.0
    assert value_at(table, "operations.tax_rate[0]") == 0.21
    assert value_at(table, "operations.tax_rate[1]") == 0.24
    assert value_at(table, "operations.tax_rate") == 0.0  # moved by this amount
    assert schedule_at(table, "operations.tax_rate") == (0.21, 0.24)
    assert schedule_at(table, "operations.revenue") is None
    assert schedule_at(table, "operations.tax_rate[1]") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "wacc",
        "operations",
        "operations.ebitda_margin",  # the other margin was given
        "operations.tax_rate[2]",  # a year past the forecast
        "operations.tax_rate[-1]",
        "operations.tax_rate[01]",  # a second spelling would slip past the check for doubles
        "operations.tax_rate[١]",
        "operations.revenue[0]",
        "terminal.growth",
        "terminal.exit_multiple.ev_to_ebitda",
        "market_price",
        "timing.years",
        "__class__",
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as no:
        value_at(numbers(admit(firm())), path)
    assert no.value.problems[0].code == "UNKNOWN"


def test_the_refusal_names_the_path_that_was_meant() -> None:
    with pytest.raises(InvalidInput) as no:
        value_at(Names(admit(firm())), "terminal.growth")
    assert no.value.problems[0].suggestion == "Name one of: terminal.gordon.growth."
    assert "terminal.growth" in no.value.problems[0].message


def test_a_slip_of_the_pen_is_told_the_path_that_was_meant_first() -> None:
    names = Names(admit(firm()))
    for slip, meant in (
        ("terminal.gordon.grwth", "terminal.gordon.growth"),
        ("capital.wac", "capital.wacc"),
        ("wac", "capital.wacc"),
        ("bridge", "bridge.debt"),
        ("bridge.owed", "bridge.debt"),
    ):
        likely, others = names.meant(slip)
        assert likely[0] == meant
        assert len(likely) <= LIKELY_MOST
        assert len(likely) + others == len(names)


def test_of_many_alike_those_of_the_group_that_was_named_come_first() -> None:
    segment = Segment(name="Part", operations=firm().business)
    parts = tuple(dataclasses.replace(segment, name=f"Part {n}") for n in range(20))
    names = Names(admit(dataclasses.replace(firm(), operations=None, segments=parts)))
    for slip, meant in (
        ("segments[13].operations.revnue", "segments[13].operations.revenue"),
        ("segments[13].nothing", "segments[13].operations.revenue"),
        ("segments[13].revenue", "segments[13].operations.revenue"),
    ):
        assert names.meant(slip)[0][0] == meant


@pytest.mark.parametrize("path", ["timing.years", "market_price"])
def test_a_number_that_is_there_and_never_moved_is_not_called_missing(path: str) -> None:
    with pytest.raises(InvalidInput) as no:
        value_at(Names(admit(firm(market_price=20.0))), path)
    (problem,) = no.value.problems
    assert problem.code == "UNKNOWN"
    assert "no number at" not in problem.message
    assert "no number at" in refusal(Names(admit(firm())), "market_price")  # it is not given


def refusal(names: Names, path: str) -> str:
    with pytest.raises(InvalidInput) as no:
        value_at(names, path)
    return no.value.problems[0].message


def test_a_refusal_names_no_more_paths_than_can_be_read() -> None:
    """A firm in segments has thousands, and a request may name as many that are none of them."""
    segment = Segment(name="Part", operations=firm().business)
    parts = tuple(dataclasses.replace(segment, name=f"Part {n}") for n in range(20))
    names = Names(admit(dataclasses.replace(firm(), operations=None, segments=parts)))
    with pytest.raises(InvalidInput) as no:
        value_at(names, "nowhere")
    told = no.value.problems[0].suggestion
    assert told.count("segments[") == MEANT_MOST
    assert told.endswith(f", or of {len(names) - MEANT_MOST} others.")
    with pytest.raises(InvalidInput) as alike:
        value_at(names, "revenue")
    meant = [f"segments[{n}].operations.revenue" for n in range(20)]
    assert alike.value.problems[0].suggestion == f"Name one of: {', '.join(meant)}."


@LAW
@given(firms())
def test_a_number_put_at_its_path_is_found_there_and_nothing_else_moves(inputs: DcfInputs) -> None:
    admitted = admit(inputs)
    table = numbers(admitted)
    for path, value in table.items():
        if isinstance(value, Schedule):
            moved = numbers(replaced(admitted, {path: 0.5}))
            assert moved[path].years() == tuple(year + 0.5 for year in value.years())
            last = f"{path}[{len(value.years()) - 1}]"
            alone = numbers(replaced(admitted, {last: 0.5}))
            assert alone[path].years() == (*value.years()[:-1], 0.5)
        else:
            moved = numbers(replaced(admitted, {path: 0.5}))
            assert moved[path] == 0.5
        assert list(moved) == list(table)
        for other in set(table) - {path}:
            before, after = table[other], moved[other]
            same = before.years() == after.years() if isinstance(before, Schedule) else None
            assert same if same is not None else before == after


def test_many_numbers_are_put_at_once() -> None:
    admitted = admit(firm(capital=CAPM))
    changed = replaced(
        admitted,
        {
            "operations.tax_rate[0]": 0.1,
            "operations.tax_rate[1]": 0.3,
            "capital.capm.beta": 2.0,
            "capital.capm.tax_rate": 0.4,
            "terminal.gordon.growth": 0.01,
            "bridge.cash": 5.0,
        },
    )
    assert changed.operations.tax_rate.years() == (0.1, 0.3)
    assert isinstance(changed.capital, Capm)
    assert (changed.capital.beta, changed.capital.tax_rate) == (2.0, 0.4)
    assert changed.capital.risk_free_rate == 0.04
    assert isinstance(changed.terminal, Gordon)
    assert changed.terminal.growth == 0.01
    assert changed.bridge.cash == 5.0
    assert admitted.bridge.cash == 0.0
    assert replaced(admitted, {}).bridge == admitted.bridge


def test_a_schedule_and_one_of_its_years_move_together_in_either_order() -> None:
    admitted = admit(firm())
    whole = {"operations.tax_rate": np.array([0.0, 0.1])}
    year = {"operations.tax_rate[1]": np.array([0.5, 0.25])}
    for changes in (whole | year, year | whole):
        years = replaced(admitted, changes).operations.tax_rate.years()
        assert [value.tolist() for value in years] == [[0.25, 0.35], [0.5, 0.35]]


def test_a_path_with_a_year_is_split() -> None:
    assert split_year("operations.tax_rate[12]") == ("operations.tax_rate", 12)
    assert split_year("operations.tax_rate") == ("operations.tax_rate", None)
    assert split_year("operations.tax_rate[99]")[1] == 99
    assert split_year("operations.tax_rate[100]")[1] is None


def test_the_inputs_are_not_touched() -> None:
    admitted = admit(firm())
    before = dataclasses.asdict(admitted)
    replaced(admitted, {"capital.wacc": 0.5, "operations.tax_rate": 0.1})
    assert dataclasses.asdict(admitted) == before
    assert isinstance(admitted.capital, GivenWacc)


def test_a_wacc_that_was_built_can_be_moved_as_a_whole() -> None:
    """An analyst's grid is WACC × growth, whichever way the WACC came about."""
    built = admit(firm(capital=CAPM))
    given_wacc = replaced(built, {"capital.wacc": 0.09})
    assert given_wacc.capital.wacc == 0.09
    assert value_at(Names(built), "capital.wacc") == CAPM.wacc
    assert "capital.wacc" not in numbers(built)  # or a gradient would count it twice


def test_a_whole_and_one_of_its_parts_are_not_moved_together() -> None:
    built = admit(firm(capital=CAPM))
    with pytest.raises(InvalidInput) as no:
        replaced(built, {"capital.wacc": 0.09, "capital.capm.beta": 1.0})
    assert no.value.problems[0].code == "CONTRADICTION"


PEERS = tuple(
    Peer(name=name, beta=beta, debt_to_equity=0.5, tax_rate=0.25)
    for name, beta in (("Plum", 1.0), ("Pear", 1.2), ("Quince", 1.4))
)
COMPARED = dataclasses.replace(CAPM, beta=None, comparables=Comparables(peers=PEERS, blume=True))
FIRST = "capital.capm.comparables.peers[0]"


def test_a_number_in_a_list_of_groups_has_the_groups_place_in_its_path() -> None:
    table = numbers(admit(firm(capital=COMPARED, opening_fixed_assets=5.0)))
    inside = [path for path in table if "comparables" in path]
    assert inside == [
        f"capital.capm.comparables.peers[{place}].{name}"
        for place in range(3)
        for name in ("beta", "debt_to_equity", "tax_rate")
    ]
    assert value_at(table, "capital.capm.comparables.peers[1].beta") == 1.2
    # A yes or no is no number, a name neither; and what is only compared with is not moved.
    assert not {"blume", "name", "opening_fixed_assets"} & {
        path.rsplit(".", 1)[-1] for path in table
    }


def test_a_number_is_put_into_one_group_of_a_list_and_the_others_stay() -> None:
    admitted = admit(firm(capital=COMPARED))
    changed = replaced(
        admitted,
        {f"{FIRST}.beta": 0.5, f"{FIRST}.tax_rate": 0.3, f"{FIRST[:-3]}[2].beta": 2.0},
    )
    assert isinstance(changed.capital, Capm)
    assert changed.capital.comparables is not None
    betas = [(peer.name, peer.beta, peer.tax_rate) for peer in changed.capital.comparables.peers]
    assert betas == [("Plum", 0.5, 0.3), ("Pear", 1.2, 0.25), ("Quince", 2.0, 0.25)]
    assert changed.capital.comparables.peers[1] is PEERS[1]
    with pytest.raises(InvalidInput) as no:
        replaced(admitted, {"capital.wacc": 0.1, f"{FIRST}.beta": 0.5}, "rows.path")
    assert [(problem.path, problem.code) for problem in no.value.problems] == [
        ("rows.path", "CONTRADICTION")
    ]


@pytest.mark.parametrize(
    "path",
    [
        FIRST,
        f"{FIRST}.name",
        f"{FIRST}.growth",
        f"{FIRST}.beta[0]",
        f"{FIRST}.beta.x",
        "capital.capm.comparables.peers",
        "capital.capm.comparables.peers.beta",
        "capital.capm.comparables.peers[3].beta",
        "capital.capm.comparables.peers[-1].beta",
        "capital.capm.comparables.peers[00].beta",
        "capital.capm.comparables[0].peers[0].beta",
        "capital.capm.comparables.blume",
        "capital.capm.beta",  # it is read from the peers
        "bridge[0].debt",
        "operations.opening_fixed_assets",
    ],
)
def test_a_path_into_a_list_that_leads_nowhere_is_not_found(path: str) -> None:
    table = Names(admit(firm(capital=COMPARED, opening_fixed_assets=5.0)))
    assert path not in table
    with pytest.raises(InvalidInput):
        value_at(table, path)


@given(firms())
def test_a_path_is_found_exactly_where_the_list_has_it(inputs: DcfInputs) -> None:
    admitted = admit(inputs)
    known = Names(admitted)
    listed = numbers(admitted)
    assert {path: known[path] for path in known if path in listed} == listed
    assert set(known) - set(listed) <= {"capital.wacc"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "capital",
        "capital.capm",
        "capital.beta",
        "capital.capm.wacc",
        "capital.capm.beta.x",
        "terminal.gordon",
        "terminal.exit_multiple.growth",
        "timing.years",
        "timing.flows",
        "market_price",
        "currency",
        "operations.tax_rate.by_year",
        "operations.ebitda_margin",
        "operations.__slots__",
        "bridge.__class__",
    ],
)
def test_a_path_that_leads_nowhere_is_not_found(path: str) -> None:
    assert path not in Names(admit(firm(capital=CAPM)))

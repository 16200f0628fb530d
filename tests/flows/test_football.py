"""Valuations of one firm by several methods, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from services.principal import Role
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.served import THEIRS, Caller, Served, served

FIELD: Final = """query ($methods: [FootballMethodInput!]!, $of: ValuationOutput, $price: Float) {
  footballField(methods: $methods, of: $of, marketPrice: $price) {
    __typename
    ... on Refusal { code message issues { path code message suggestion } }
    ... on FootballField {
      of currency marketPrice marketPlace ticks
      overlap { low high methods all }
      bars { name kind valuations low mid high lowPlace midPlace highPlace lowUpside highUpside
             holdsMarketPrice }
    } } }"""
SWINGS: Final = [
    {"path": "capital.wacc", "low": 0.09, "high": 0.11},
    {"path": "terminal.gordon.growth", "low": -0.01, "high": 0.01},
]
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def analyst(server: Served) -> Iterator[Caller]:
    with server.caller(Role.ANALYST) as caller:
        yield caller


def kept(analyst: Caller, kind: str, document: Answer) -> str:
    value = f"value{kind}(input: $i) {{ ... on Node {{ id }} }}"
    text = f"mutation ($i: {kind}Input!) {{ valued: {value} }}"
    found: str = analyst.data(text, {"i": document})["valued"]["id"]
    return found


def field(analyst: Caller, *methods: Answer, **asked: Any) -> Answer:
    found: Answer = analyst.data(FIELD, {"methods": methods, **asked})["footballField"]
    return found


def bars(found: Answer) -> list[tuple[str, float, float | None, float]]:
    assert found["__typename"] == "FootballField", found
    return [(bar["name"], bar["low"], bar["mid"], bar["high"]) for bar in found["bars"]]


def issues(found: Answer) -> dict[str, str]:
    assert found["__typename"] == "Refusal", found
    return {issue["path"]: issue["code"] for issue in found["issues"]}


def test_each_method_has_its_range_in_the_order_given(analyst: Caller) -> None:
    comparison, dcf = kept(analyst, "Comparables", compared()), kept(analyst, "Dcf", firm())
    lower = kept(analyst, "Dcf", firm(**{"capital.wacc": 0.12}))
    found = field(
        analyst,
        {"multiples": {"valuation": comparison, "name": "Peers"}},
        {"cases": {"valuations": [dcf, lower]}},
        {"stated": {"name": "52 weeks", "low": 12.0, "high": 17.0}},
    )
    # Quartiles of 9, 10 and 11.5 times 200 less 200 over 100; flat firms of 150 / WACC less 400.
    assert bars(found) == [
        ("Peers, EV/EBITDA LTM", 16.0, 18.0, 21.0),
        ("Peers, EV/revenue LTM", 16.0, 18.0, 21.0),
        ("DCF", pytest.approx(8.5), pytest.approx(11.0), pytest.approx(11.0)),
        ("52 weeks", 12.0, None, 17.0),
    ]
    assert [bar["kind"] for bar in found["bars"]] == ["COMPARABLES", "COMPARABLES", "DCF", None]
    assert [bar["valuations"] for bar in found["bars"]] == [
        [comparison],
        [comparison],
        [dcf, lower],
        [],
    ]
    assert (found["of"], found["currency"]) == ("VALUE_PER_SHARE", "USD")
    assert found["marketPrice"] == 15.0  # of the comparison's inputs
    assert [bar["holdsMarketPrice"] for bar in found["bars"]] == [False, False, False, True]
    assert found["bars"][3]["highUpside"] == pytest.approx(2.0 / 15.0)
    overlap = found["overlap"]
    assert (overlap["low"], overlap["high"], overlap["all"]) == (16.0, 17.0, False)
    assert overlap["methods"] == ["Peers, EV/EBITDA LTM", "Peers, EV/revenue LTM", "52 weeks"]
    assert found["ticks"][0] <= 8.5
    assert found["ticks"][-1] >= 21.0


def test_a_dcf_over_its_swings_is_the_ends_of_its_own_grid(analyst: Caller) -> None:
    dcf = kept(analyst, "Dcf", firm())
    found = field(analyst, {"swings": {"valuation": dcf, "swings": SWINGS}}, price=12.0)
    grid = analyst.data(
        """query ($id: ID!) { valuation(id: $id) { ... on DcfValuation { valuePerShare
           sensitivity(rows: {path: "capital.wacc", values: [0.09, 0.1, 0.11]},
                       columns: {path: "terminal.gordon.growth", values: [-0.01, 0, 0.01]})
           { ... on Sensitivity { values } } } } }""",
        {"id": dcf},
    )["valuation"]
    cells = [cell for row in grid["sensitivity"]["values"] for cell in row]
    assert bars(found) == [("DCF", min(cells), grid["valuePerShare"], max(cells))]
    assert (found["marketPrice"], found["bars"][0]["holdsMarketPrice"]) == (12.0, True)


def test_what_a_sponsor_can_pay_is_carried_to_a_share_by_the_dcfs_bridge(analyst: Caller) -> None:
    buyout, dcf = kept(analyst, "Lbo", bought()), kept(analyst, "Dcf", firm())
    price = """query ($id: ID!) { valuation(id: $id) { ... on LboValuation {
      high: maximumPrice(targetIrr: 0.15) { ... on MaximumPrice { enterpriseValue } }
      mid: maximumPrice(targetIrr: 0.2) { ... on MaximumPrice { enterpriseValue } }
      low: maximumPrice(targetIrr: 0.25) { ... on MaximumPrice { enterpriseValue } } } } }"""
    prices = analyst.data(price, {"id": buyout})["valuation"]
    low, mid, high = (prices[name]["enterpriseValue"] for name in ("low", "mid", "high"))
    method = {"valuation": buyout, "lowIrr": 0.15}
    whole = field(analyst, {"buyout": method}, of="ENTERPRISE_VALUE")
    assert bars(whole) == [("LBO, 15 to 25 % IRR", low, mid, high)]
    assert whole["marketPrice"] is None
    # The firm of the DCF owes 500, has 100 in cash, and 100 shares.
    a_share = field(analyst, {"buyout": method | {"bridge": dcf, "name": "Sponsors"}})
    per_share = [pytest.approx((price - 400.0) / 100.0) for price in (low, mid, high)]
    assert bars(a_share) == [("Sponsors", *per_share)]
    # Three prices for the same return are one.
    point = field(analyst, {"buyout": method | {"highIrr": 0.15}}, of="ENTERPRISE_VALUE")
    assert bars(point) == [("LBO, 15 to 15 % IRR", high, high, high)]


def test_all_that_is_wrong_with_all_methods_is_said_at_once(
    server: Served, analyst: Caller
) -> None:
    dcf, buyout = kept(analyst, "Dcf", firm()), kept(analyst, "Lbo", bought())
    euros = kept(analyst, "Comparables", compared(currency="EUR"))
    with server.caller(Role.ANALYST, THEIRS) as stranger:
        theirs = kept(stranger, "Dcf", firm(currency="GBP"))
    wrong = [
        {
            "swings": {
                "valuation": dcf,
                "swings": [SWINGS[0], {"path": "debt", "low": 1, "high": 2}],
            }
        },
        {"swings": {"valuation": dcf, "name": "Past", "swings": [SWINGS[1] | {"high": 0.2}]}},
        {"cases": {"valuations": [dcf, theirs, "made up"]}},
        {"cases": {"valuations": [dcf, euros, buyout], "name": "Mixed"}},
        {"multiples": {"valuation": buyout}},
        {"buyout": {"valuation": dcf, "lowIrr": 20, "highIrr": -1}},
        {"stated": {"name": "Upside down", "low": 9, "high": 3}},
    ]
    found = field(analyst, *wrong)
    assert found["code"] == "NOT_FOUND"
    # The comparison differs from the case before it in currency and in kind.
    assert found["message"].startswith("13 things need mending. First: There is no such valuation.")
    assert issues(found) == {
        "methods[0].swings.swings[1].path": "UNKNOWN",
        "methods[1].swings.swings": "CONTRADICTION",
        "methods[2].cases.valuations[1]": "UNKNOWN",
        "methods[2].cases.valuations[2]": "UNKNOWN",
        "methods[3].cases.valuations[1]": "CONTRADICTION",
        "methods[3].cases.valuations[2]": "CONTRADICTION",
        "methods[4].multiples.valuation": "CONTRADICTION",
        "methods[5].buyout.valuation": "CONTRADICTION",
        "methods[5].buyout.lowIrr": "OUT_OF_RANGE",
        "methods[5].buyout.highIrr": "OUT_OF_RANGE",
        "methods[5].buyout.bridge": "MISSING",
        "methods[6].stated.high": "CONTRADICTION",
    }
    numbers = [issue["path"].split(".")[0] for issue in found["issues"]]
    assert numbers == sorted(numbers)
    past = next(i for i in found["issues"] if i["path"] == "methods[1].swings.swings")
    assert past["message"].startswith("terminal.gordon.growth: ")


@pytest.mark.parametrize(
    ("kind", "document", "of", "hint"),
    [
        ("Lbo", bought(), "VALUE_PER_SHARE", "buyout"),
        ("Merger", merged(), "EQUITY_VALUE", "ENTERPRISE_VALUE"),
        ("Credit", indebted(), "ENTERPRISE_VALUE", "Leave it out"),
    ],
)
def test_a_kind_that_does_not_say_what_is_compared_is_refused(
    analyst: Caller, kind: str, document: Answer, of: str, hint: str
) -> None:
    valuation = kept(analyst, kind, document)
    swings = {"valuation": valuation, "swings": [SWINGS[0]]}
    for method, path in (
        ({"cases": {"valuations": [valuation]}}, "methods[0].cases.valuations[0]"),
        ({"swings": swings}, "methods[0].swings.valuation"),
    ):
        found = field(analyst, method, of=of)
        assert issues(found) == {path: "CONTRADICTION"}
        assert hint in found["issues"][0]["suggestion"]


def test_market_prices_that_differ_have_to_be_settled_and_names_to_differ(analyst: Caller) -> None:
    dcf, other = (kept(analyst, "Dcf", firm(marketPrice=price)) for price in (12.0, 14.0))
    methods = [{"cases": {"valuations": [each]}} for each in (dcf, other)]
    found = field(analyst, *methods)
    assert issues(found) == {
        "methods[1].cases.name": "CONTRADICTION",
        "marketPrice": "CONTRADICTION",
    }
    assert "12.00 and 14.00" in str(found["issues"])
    together = {"cases": {"valuations": [dcf, other]}}
    assert field(analyst, together, price=13.0)["marketPrice"] == 13.0
    assert field(analyst, together, of="EQUITY_VALUE")["marketPrice"] is None


def test_a_field_that_says_nothing_of_a_firm_is_refused_before_anything_is_looked_for(
    analyst: Caller,
) -> None:
    stated = {"stated": {"name": "52 weeks", "low": 9, "high": 13}}
    assert issues(field(analyst, stated, of="IRR")) == {"of": "UNKNOWN", "methods": "MISSING"}
    assert issues(field(analyst)) == {"methods": "WRONG_LENGTH"}
    assert issues(field(analyst, *[stated] * 21))["methods"] == "WRONG_LENGTH"
    many = {"cases": {"valuations": ["x"] * 11}}
    assert issues(field(analyst, many)) == {"methods[0].cases.valuations": "WRONG_LENGTH"}


def test_a_return_that_no_price_gives_is_infeasible(analyst: Caller) -> None:
    """All but a tenth is borrowed: at 900 % a year the equity at exit is worth less than that."""
    document = bought(tranches=[bought()["tranches"][0] | {"timesEbitda": 7.0}])
    document["equity"] = {"rollover": 150.0}
    buyout = kept(analyst, "Lbo", document)
    method = {"buyout": {"valuation": buyout, "lowIrr": 0.1, "highIrr": 9.0}}
    found = field(analyst, method, of="ENTERPRISE_VALUE")
    assert found["code"] == "INFEASIBLE"
    assert issues(found) == {"methods[0].buyout.highIrr": "OUT_OF_RANGE"}

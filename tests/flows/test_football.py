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
      overlap { low high methods all } remarks { code path message }
      bars { name kind valuations days low mid high lowPlace midPlace highPlace lowUpside highUpside
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
    assert [bar["days"] for bar in found["bars"]] == [
        ["2024-09-27"],
        ["2024-09-27"],
        ["2024-09-27", "2024-09-27"],
        [],
    ]
    assert found["remarks"] == []
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


@pytest.mark.parametrize(
    ("kind", "document", "day"),
    [
        ("Dcf", firm(**{"timing.valuationDate": "2024-11-01"}), "2024-11-01"),
        ("Comparables", compared(asOf="2024-12-31"), "2024-12-31"),
        ("Lbo", bought(), "2024-12-31"),
        ("Merger", merged(), "2024-12-31"),
    ],
)
def test_valuations_of_days_far_apart_lie_side_by_side_with_a_remark(
    analyst: Caller, kind: str, document: Answer, day: str
) -> None:
    dcf, other = kept(analyst, "Dcf", firm()), kept(analyst, kind, document)
    method: Answer = {"cases": {"valuations": [other], "name": "Other"}}
    if kind in ("Comparables", "Lbo"):
        arm = "multiples" if kind == "Comparables" else "buyout"
        method = {arm: {"valuation": other}}
    found = field(analyst, method, {"cases": {"valuations": [dcf]}}, of="ENTERPRISE_VALUE")
    assert found["bars"][0]["days"] == [day]
    assert found["bars"][-1]["days"] == ["2024-09-27"]
    (remark,) = found["remarks"]
    assert (remark["code"], remark["path"]) == ("DAYS_APART", "methods[1].cases.valuations[0]")
    days = 35 if kind == "Dcf" else 95
    called = {"Comparables": "comparison", "Lbo": "buyout", "Merger": "merger"}.get(kind, "DCF")
    said = f"The DCF is of 2024-09-27 and the {called} of {day}, {days} days later."
    assert remark["message"].startswith(said)


def test_a_month_between_valuations_is_no_matter_and_a_bridge_has_a_day_too(
    analyst: Caller,
) -> None:
    dcf = kept(analyst, "Dcf", firm())
    for day, far in (("2024-10-28", False), ("2024-10-29", True)):
        timing = {"closingDate": day, "years": 5}
        buyout = kept(analyst, "Lbo", bought(timing=timing))
        found = field(analyst, {"buyout": {"valuation": buyout, "bridge": dcf}})
        told = [(remark["code"], remark["path"]) for remark in found["remarks"]]
        assert told == ([("DAYS_APART", "methods[0].buyout.bridge")] if far else [])
        assert [bar["days"] for bar in found["bars"]] == [[day]]  # its own; no bridge is a bar


def test_a_range_that_is_ten_times_off_is_asked_about(analyst: Caller) -> None:
    """The DCFs are 8.5 and 11 a share."""
    dcf = kept(analyst, "Dcf", firm())
    cases = {"cases": {"valuations": [dcf, kept(analyst, "Dcf", firm(**{"capital.wacc": 0.12}))]}}
    for low, high, off in (
        (109.0, 190.0, False),
        (111.0, 190.0, True),
        (0.01, 0.86, False),
        (0.01, 0.84, True),
        (-20.0, -1.0, False),
    ):
        stated = {"stated": {"name": "Prices", "low": low, "high": high}}
        also = {"cases": {"valuations": [dcf], "name": "Base"}}
        found = field(analyst, cases, stated, also)
        told = [(remark["code"], remark["path"]) for remark in found["remarks"]]
        assert told == ([("SIZES_APART", "methods[1].stated")] if off else []), low
        assert all("“Prices” and the others" in each["message"] for each in found["remarks"])
        # Where one range goes over both sizes there are no two.
        wide = {"stated": {"name": "Wide", "low": 0.01, "mid": 7.0, "high": 2000.0}}
        over_both = field(analyst, cases, stated, also, wide)
        assert over_both["remarks"] == []
        assert bars(over_both)[-1] == ("Wide", 0.01, 7.0, 2000.0)


def test_a_bridge_is_of_the_same_currency_and_leads_to_a_share(analyst: Caller) -> None:
    buyout, dcf = kept(analyst, "Lbo", bought()), kept(analyst, "Dcf", firm())
    for bridge in (kept(analyst, "Dcf", firm(currency="EUR")), kept(analyst, "Merger", merged())):
        found = field(analyst, {"buyout": {"valuation": buyout, "bridge": bridge}})
        assert issues(found) == {"methods[0].buyout.bridge": "CONTRADICTION"}
    # Of an enterprise value there is no way to go, whatever the bridge owes.
    asked = {"buyout": {"valuation": buyout}}, {"buyout": {"valuation": buyout, "bridge": dcf}}
    plain, bridged = (bars(field(analyst, method, of="ENTERPRISE_VALUE")) for method in asked)
    assert plain == bridged
    assert [bar[0] for bar in plain] == ["LBO, 20 to 25 % IRR"]


def test_a_multiple_that_says_nothing_has_no_bar(analyst: Caller) -> None:
    """The firm's own EBIT is a loss, and no multiple of that is a value."""
    document = compared()
    for each, ebit in [(document["subject"], -5.0), *((peer, 9.0) for peer in document["peers"])]:
        each["metrics"]["stated"]["ltm"]["ebit"] = ebit
    asked = [{"multiple": name, "period": "LTM"} for name in ("EV_TO_EBITDA", "EV_TO_EBIT")]
    comparison = kept(analyst, "Comparables", document | {"multiples": asked})
    found = field(analyst, {"multiples": {"valuation": comparison}})
    assert [bar[0] for bar in bars(found)] == ["EV/EBITDA LTM"]


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
    # Every bar of a comparison has its own twice, which is one thing to mend.
    twice = {"multiples": {"valuation": kept(analyst, "Comparables", compared())}}
    (issue,) = field(analyst, twice, twice)["issues"]
    assert issue["path"] == "methods[1].multiples.name"
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
    for count in (0, 11):
        cases = {"cases": {"valuations": ["x"] * count}}
        assert issues(field(analyst, cases)) == {"methods[0].cases.valuations": "WRONG_LENGTH"}


def test_a_return_that_no_price_gives_is_infeasible(analyst: Caller) -> None:
    """All but a tenth is borrowed: at 900 % a year the equity at exit is worth less than that."""
    document = bought(tranches=[bought()["tranches"][0] | {"timesEbitda": 7.0}])
    document["equity"] = {"rollover": 150.0}
    buyout = kept(analyst, "Lbo", document)
    method = {"buyout": {"valuation": buyout, "lowIrr": 0.1, "highIrr": 9.0}}
    found = field(analyst, method, of="ENTERPRISE_VALUE")
    assert found["code"] == "INFEASIBLE"
    assert issues(found) == {"methods[0].buyout.highIrr": "OUT_OF_RANGE"}
    # What is wrong by itself has to be mended first.
    both = field(analyst, method, {"multiples": {"valuation": buyout}}, of="ENTERPRISE_VALUE")
    assert both["code"] == "INVALID_INPUT"
    assert len(both["issues"]) == 2

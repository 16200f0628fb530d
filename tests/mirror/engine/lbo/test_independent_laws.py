"""Laws that the other witness has to obey itself before anybody believes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy_financial
import pytest
from hypothesis import given, settings

from tests.mirror.engine.lbo.independent import exit_at, lbo, maximum_price
from tests.mirror.engine.lbo.independent_structures import structure, structures

Facts = dict[str, Any]
MANY = settings(max_examples=60)


def size(facts: Facts) -> float:
    """What an amount of money is compared with."""
    return float(facts["closing"]["uses"] + sum(abs(each["ebitda"]) for each in facts["years"]))


def near(value: float, facts: Facts, within: float = 1e-11) -> Any:
    return pytest.approx(value, rel=0.0, abs=within * size(facts))


def rows(facts: Facts) -> Iterator[tuple[str, int, Facts]]:
    for name, years in facts["tranches"].items():
        for year, row in enumerate(years, 1):
            yield name, year, row


@MANY
@given(document=structures())
def test_what_is_raised_is_what_is_spent(document: Facts) -> None:
    facts = lbo(document)
    assert facts["closing"]["sources"] == near(facts["closing"]["uses"], facts)


@MANY
@given(document=structures())
def test_every_balance_sheet_balances(document: Facts) -> None:
    facts = lbo(document)
    for sheet in [facts["closing"]["balance"], *(each["balance"] for each in facts["years"])]:
        assert sheet["assets"] == near(sheet["claims"], facts)


@MANY
@given(document=structures())
def test_cash_changes_by_what_is_earned_and_spent_and_borrowed(document: Facts) -> None:
    """From EBITDA down, not from the profit up: the other way round than the model goes."""
    facts = lbo(document)
    before = facts["closing"]["balance"]["cash"]
    for year in facts["years"]:
        spent = math.fsum(
            year[name]
            for name in (
                "tax",
                "capitalExpenditure",
                "increaseInWorkingCapital",
                "cashInterest",
                "undrawnFee",
                "preferredCash",
                "mandatory",
                "swept",
            )
        )
        came = year["ebitda"] + year["addedBack"] + year["interestIncome"] + year["drawn"]
        assert year["balance"]["cash"] - before == near(came - spent, facts)
        before = year["balance"]["cash"]


@MANY
@given(document=structures())
def test_no_balance_is_negative_and_no_revolver_is_overdrawn(document: Facts) -> None:
    facts = lbo(document)
    commitments = {each["name"]: each.get("commitment") for each in document["tranches"]}
    for name, _, row in rows(facts):
        assert row["closing"] >= -1e-11 * size(facts)
        if commitments.get(name) is not None:
            assert row["closing"] <= commitments[name] + 1e-11 * size(facts)


@MANY
@given(document=structures())
def test_cash_is_short_only_where_no_revolver_is_left(document: Facts) -> None:
    facts = lbo(document)
    minimum = document["cash"].get("minimum", 0.0)
    for number, year in enumerate(facts["years"], 1):
        if year["shortfall"] == 0.0:
            assert year["cash"] >= minimum - 1e-11 * size(facts)
            continue
        assert year["cash"] == near(minimum - year["shortfall"], facts)
        assert year["swept"] == 0.0
        for tranche in document["tranches"]:
            if tranche["kind"] == "REVOLVER" and number < tranche["tenor"]:
                drawn = facts["tranches"][tranche["name"]][number - 1]["closing"]
                assert drawn == near(tranche["commitment"], facts)


@MANY
@given(document=structures())
def test_nothing_is_owed_after_maturity_and_all_costs_are_written_off(document: Facts) -> None:
    facts = lbo(document)
    for number, tranche in enumerate(document["tranches"]):
        told = facts["tranches"][tranche["name"]]
        if tranche["tenor"] <= len(told):
            assert told[tranche["tenor"] - 1]["closing"] == near(0.0, facts)
            assert all(row["closing"] == near(0.0, facts) for row in told[tranche["tenor"] :])
            written_off = math.fsum(row["amortisedCosts"] + row["writtenOff"] for row in told)
            assert written_off == near(facts["closing"]["costs"][number], facts)


@MANY
@given(document=structures())
def test_each_charge_is_its_rate_on_what_was_owed(document: Facts) -> None:
    """The circle closes: interest on the mean of two balances of which it decides one."""
    facts = lbo(document)
    average = document["interest"] == "AVERAGE"
    for name, year, row in rows(facts):
        tranche = next((each for each in document["tranches"] if each["name"] == name), {})
        part = facts["stubShare"] if year == 1 else 1.0
        ends = row["closing"] - row["raised"]
        owed = 0.5 * (row["opening"] + ends) if average else row["opening"]
        if "pikShare" not in tranche:
            assert row["cashInterest"] == near(row["rate"] * owed * part, facts)
            assert row["pik"] == near(tranche.get("pikRate", 0.0) * row["opening"] * part, facts)


@MANY
@given(document=structures())
def test_what_was_created_is_what_its_parts_say(document: Facts) -> None:
    facts = lbo(document)
    if facts["exit"]["beforeLimitedLiability"] < 0.0:
        return
    parts = facts["attribution"]
    told = ("ebitdaGrowth", "multipleExpansion", "cross", "netDebt", "fees")
    assert math.fsum(parts[each] for each in told) == near(parts["created"], facts)


@MANY
@given(document=structures())
def test_the_holders_together_get_the_equity(document: Facts) -> None:
    facts = lbo(document)
    sold = facts["exit"]
    got = math.fsum(holder["proceeds"] for holder in sold["holders"].values())
    assert got == near(sold["equity"], facts)


@pytest.mark.parametrize("seed", range(40))
def test_a_peer_finds_the_same_return_where_every_year_is_whole(seed: int) -> None:
    """numpy-financial's IRR: on yearly flows, so without a stub."""
    document = structure(seed)
    document["timing"].pop("fiscalYearEnd", None)
    facts = lbo(document)
    if facts["closing"]["sponsor"] <= 0.0:
        return
    sold = facts["exit"]
    holder = sold["holders"]["sponsor"]
    share = holder["invested"] / (holder["invested"] + facts["closing"]["rollover"])
    years = facts["years"][: sold["year"]]
    flows = [-holder["invested"], *(share * each["recapitalisationDividend"] for each in years)]
    flows[-1] += holder["proceeds"]
    if holder["moic"] > 0.0:
        assert numpy_financial.irr(flows) == pytest.approx(sold["irr"], rel=1e-9, abs=1e-9)
    else:
        assert sold["irr"] == -1.0


def profitable() -> Iterator[Facts]:
    """Buyouts that pay their owners."""
    for seed in range(40):
        document = structure(seed)
        if (lbo(document)["exit"]["irr"] or -1.0) > 0.1:
            yield document


def test_the_highest_price_for_a_return_earns_just_that() -> None:
    for document in profitable():
        price = maximum_price(document, 0.2)
        entry = {**document["entry"], "enterpriseValue": price, "evToEbitda": None}
        paid, now = lbo({**document, "entry": entry}), lbo(document)
        assert paid["exit"]["irr"] == pytest.approx(0.2, abs=1e-10)
        # What they pay more or less is their own: nothing else of the firm is another.
        assert paid["exit"]["debt"] == now["exit"]["debt"]
        assert (price < now["closing"]["enterpriseValue"]) == (now["exit"]["irr"] < 0.2)


def test_a_higher_multiple_at_exit_is_a_higher_return() -> None:
    for document in profitable():
        facts = lbo(document)
        at = [exit_at(document, facts, len(facts["years"]), each)["irr"] for each in range(2, 14)]
        assert at == sorted(at)
        assert at[0] < at[-1]


def test_most_structures_are_sound_and_some_are_not() -> None:
    """What the comparison is worth: it has to meet shortfalls, wiped-out owners, and neither."""
    told = [lbo(structure(seed)) for seed in range(300)]
    sound = [each for each in told if each["closing"]["sponsor"] > 0.0]
    alive = [each for each in sound if each["exit"]["equity"] > 0.0]
    short = [each for each in sound if any(year["shortfall"] > 0.0 for year in each["years"])]
    drawn = [each for each in sound if any(year["drawn"] > 0.0 for year in each["years"])]
    assert len(sound) >= 285
    assert len(alive) >= 200
    assert 20 <= len(short) <= 150
    assert len(drawn) >= 30
    assert len(alive) < len(sound)

"""Buyouts that are done on paper, by the engine and by the other witness.

The firm earns 200 before 50 of depreciation, spends 50, ties nothing up, does not grow, and pays a
quarter in tax. It is bought for 1,600, eight times what it earns.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.mirror.engine.lbo.witnesses import PRICES, WITNESSES, Facts, Witness

LOAN = {"name": "Loan", "kind": "TERM_LOAN", "amount": 800.0, "fixedRate": 0.05, "tenor": 7}


@pytest.fixture(params=WITNESSES)
def lbo(request: pytest.FixtureRequest) -> Witness:
    return WITNESSES[request.param]


def near(value: float | list[float]) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-9)


def bought(*tranches: Facts, years: int = 2, **groups: Any) -> Facts:
    """The firm, bought with these tranches; a group that is named adds to what is there."""
    document: Facts = {
        "currency": "USD",
        "timing": {"closingDate": "2024-12-31", "years": years},
        "operations": {
            "revenue": 1000.0,
            "revenueGrowth": {"level": 0.0},
            "ebitdaMargin": {"level": 0.2},
            "taxRate": {"level": 0.25},
            "depreciation": {"level": 0.05},
            "capitalExpenditure": {"level": 0.05},
            "workingCapital": {"level": 0.0},
        },
        "entry": {"ltmEbitda": 200.0, "evToEbitda": 8.0},
        "tranches": list(tranches) or [LOAN],
        "cash": {},
        "interest": "OPENING",
        "equity": {},
        "exit": {"evToEbitda": 8.0},
    }
    for name, group in groups.items():
        old = document.get(name)
        document[name] = {**old, **group} if isinstance(old, dict) else group
    return document


def test_a_loan_that_all_cash_repays(lbo: Witness) -> None:
    """Interest 40 and 35.875; 82.5 and 85.59375 are left for the loan; 968.09375 for the owner."""
    facts = lbo(bought())
    first, second = facts["years"]
    assert [first[each] for each in ("ebit", "cashInterest", "ebt", "tax", "netIncome")] == near(
        [150.0, 40.0, 110.0, 27.5, 82.5]
    )
    assert first["balance"]["debt"] == near(717.5)
    assert second["cashInterest"] == near(35.875)
    assert second["balance"]["debt"] == near(631.90625)
    assert facts["exit"]["equity"] == near(968.09375)
    assert facts["exit"]["moic"] == near(1.2101171875)
    assert facts["exit"]["irr"] == near(1.2101171875**0.5 - 1.0)


def test_interest_on_the_average_solves_one_equation(lbo: Witness) -> None:
    """B = 800 - 0.75 (150 - 0.05 (800 + B) / 2), so B = 702.5 / 0.98125."""
    facts = lbo(bought(interest="AVERAGE"))
    assert facts["years"][0]["balance"]["debt"] == near(702.5 / 0.98125)


def test_interest_paid_in_kind_lessens_tax_and_no_cash(lbo: Witness) -> None:
    """10 % of 200 grows to 242 in two years; of 130 a quarter is tax, and 20 were no cash."""
    mezzanine = {"name": "Mezzanine", "kind": "MEZZANINE", "amount": 200.0, "tenor": 8}
    facts = lbo(bought({**mezzanine, "fixedRate": 0.0, "pikRate": 0.1}))
    first, second = facts["years"]
    assert [first["pik"], second["pik"]] == near([20.0, 22.0])
    assert first["tax"] == near(32.5)
    assert first["cashBeforeRepayment"] == near(117.5)
    assert second["balance"]["debt"] == near(242.0)


def test_a_toggle_pays_half_in_kind_at_a_premium(lbo: Witness) -> None:
    """Of 8 % on 200 half is cash, 8; the other half is owed, with one point more: 9."""
    mezzanine = {"name": "Mezzanine", "kind": "MEZZANINE", "amount": 200.0, "tenor": 8}
    toggle = {"fixedRate": 0.08, "pikShare": {"byYear": [0.5, 0.0]}, "pikPremium": 0.01}
    first, second = lbo(bought({**mezzanine, **toggle}))["years"]
    assert [first["cashInterest"], first["pik"]] == near([8.0, 9.0])
    assert [second["cashInterest"], second["pik"]] == near([0.08 * 209.0, 0.0])


def test_a_preferred_dividend_comes_after_tax(lbo: Witness) -> None:
    """112.5 after tax, less 16 of dividends; 3 % more are added to the 200; it is no leverage.

    But the 16 are a fixed charge, which the 112.5 that are left after capex and tax cover.
    """
    terms = {"name": "Preferred", "kind": "PREFERRED", "amount": 200.0, "tenor": 9}
    first = lbo(bought({**terms, "fixedRate": 0.08, "pikRate": 0.03}))["years"][0]
    assert [first["ebt"], first["tax"], first["netIncome"]] == near([150.0, 37.5, 112.5])
    assert [first["preferredCash"], first["preferredDividends"]] == near([16.0, 22.0])
    assert first["cashBeforeRepayment"] == near(96.5)
    assert [first["balance"]["preferred"], first["balance"]["debt"]] == near([206.0, 0.0])
    assert first["leverage"] == near(0.0)
    assert [first["interestCover"], first["fixedChargeCover"]] == [None, near(112.5 / 16.0)]


def test_what_preferred_stock_cost_to_issue_saves_no_tax_either(lbo: Witness) -> None:
    """A fifth of 6 and 4 goes beside 16 of dividends: 18 below the 112.5, and 8 are left.

    What the sweep repays of it takes its part along, 4 % of 96.5, and saves nothing: no circle.
    """
    terms = {"name": "Preferred", "kind": "PREFERRED", "amount": 200.0, "fixedRate": 0.08}
    document = bought({**terms, "tenor": 5, "fee": 0.03, "oid": 0.02})
    first = lbo(document)["years"][0]
    assert [first["amortisedCosts"], first["ebt"], first["tax"]] == near([0.0, 150.0, 37.5])
    assert [first["netIncome"], first["cashBeforeRepayment"]] == near([112.5, 96.5])
    assert first["preferredDividends"] == near(18.0)
    sheet = first["balance"]
    assert [sheet["financingCosts"], sheet["equity"]] == near([8.0, 1504.5])
    assert sheet["assets"] == near(sheet["claims"])
    document["tranches"][0]["swept"] = document["writeOffFeesOnPrepayment"] = True
    first = lbo(document)["years"][0]
    assert [first["swept"], first["costsWrittenOff"], first["tax"]] == near([96.5, 0.0, 37.5])
    assert first["preferredDividends"] == near(18.0 + 3.86)
    sheet = first["balance"]
    assert [sheet["financingCosts"], sheet["equity"]] == near([4.14, 1500.64])
    assert sheet["assets"] == near(sheet["claims"])


def test_a_floor_holds_the_base_rate_up(lbo: Witness) -> None:
    """Base rates of 1 % and 3 %, not below 2 %, and 4 % on top: 6 % and 7 %."""
    loan = {**LOAN, "fixedRate": None, "spread": 0.04, "floor": 0.02}
    facts = lbo(bought(loan, baseRate={"byYear": [0.01, 0.03]}))
    first, second = facts["years"]
    assert first["cashInterest"] == near(48.0)
    assert second["cashInterest"] == near(0.07 * first["balance"]["debt"])


def test_fees_and_a_discount_are_paid_at_once_and_written_off_over_the_tenor(lbo: Witness) -> None:
    """16 of discount and 8 of fees on 800 for four years: 6 a year, less a quarter in tax."""
    facts = lbo(bought({**LOAN, "oid": 0.02, "fee": 0.01, "tenor": 4}))
    closing, first = facts["closing"], facts["years"][0]
    assert [closing["uses"], closing["sponsor"]] == near([1624.0, 824.0])
    assert first["amortisedCosts"] == near(6.0)
    assert [first["ebt"], first["tax"]] == near([104.0, 26.0])
    assert first["cashBeforeRepayment"] == near(84.0)
    assert first["balance"]["financingCosts"] == near(18.0)


def test_a_revolver_that_runs_out_is_a_shortfall(lbo: Witness) -> None:
    """7.5 come in and 57.5 have to be there: 30 are drawn, and 20 are missing."""
    notes = {"name": "Notes", "kind": "NOTES", "amount": 1400.0, "fixedRate": 0.1, "tenor": 8}
    revolver = {"name": "Revolver", "kind": "REVOLVER", "amount": 0.0, "commitment": 30.0}
    revolver |= {"fixedRate": 0.06, "undrawnFee": 0.0, "tenor": 6}
    first = lbo(bought(notes, revolver, cash={"minimum": 57.5}))["years"][0]
    assert first["cashBeforeRepayment"] == near(7.5)
    assert [first["drawn"], first["shortfall"]] == near([30.0, 20.0])
    assert first["cash"] == near(37.5)


def test_an_unused_commitment_costs_its_fee(lbo: Witness) -> None:
    revolver = {"name": "Revolver", "kind": "REVOLVER", "amount": 40.0, "commitment": 100.0}
    revolver |= {"fixedRate": 0.06, "undrawnFee": 0.005, "tenor": 6}
    first, second = lbo(bought(revolver))["years"]
    assert first["undrawnFee"] == near(0.3)
    assert second["undrawnFee"] == near(0.5)  # repaid by then


def test_mandatory_amortisation_is_a_share_of_the_original_amount(lbo: Witness) -> None:
    loan = {**LOAN, "amortisation": {"level": 0.05}}
    first, second = lbo(bought(loan, cash={"sweep": {"level": 0.5}}))["years"]
    assert [first["mandatory"], second["mandatory"]] == near([40.0, 40.0])
    assert first["swept"] == near(0.5 * (82.5 - 40.0))
    assert first["cash"] == near(0.5 * (82.5 - 40.0))


def test_a_loan_is_repaid_when_it_is_due(lbo: Witness) -> None:
    """800 at 5 % for one year: 82.5 are there, and the rest is missing."""
    first, second = lbo(bought({**LOAN, "tenor": 1}))["years"]
    assert first["mandatory"] == near(800.0)
    assert [first["balance"]["debt"], first["shortfall"]] == near([0.0, 717.5])
    assert second["cash"] == near(-717.5 + 112.5)


@pytest.mark.parametrize(("interest", "earned"), [("OPENING", 2.0), ("AVERAGE", 2.0 / 0.9925)])
def test_cash_earns_its_interest(lbo: Witness, interest: str, earned: float) -> None:
    """100 that stay, at 2 %; of the average (200 + 0.75 i) / 2 it is i = 2 / (1 - 0.0075)."""
    groups: Facts = {"entry": {"cashAtClosing": 100.0}, "interest": interest}
    kept = {"minimum": 100.0, "interestRate": 0.02, "sweep": {"level": 0.0}}
    idle = {"capitalExpenditure": {"level": 0.1625}}  # 162.5: what is left after a tax of 37.5
    notes = {"name": "Notes", "kind": "NOTES", "amount": 0.01, "fixedRate": 0.0, "tenor": 9}
    facts = lbo(bought(notes, cash=kept, operations=idle, **groups))
    first = facts["years"][0]
    assert first["interestIncome"] == near(earned)
    assert first["cash"] == near(100.0 + 0.75 * earned)
    assert facts["closing"]["uses"] == near(1700.0)


def test_a_loan_of_four_times_what_is_earned(lbo: Witness) -> None:
    """Of the last twelve months' 200, not of anything that comes."""
    loan = {**LOAN, "amount": None, "timesEbitda": 4.0}
    facts = lbo(bought(loan, operations={"revenueGrowth": {"level": 0.1}}))
    assert facts["closing"]["faces"] == near([800.0])
    assert facts["closing"]["sponsor"] == near(800.0)


def test_a_recapitalisation_pays_its_debt_out_less_the_fee(lbo: Witness) -> None:
    """100 at 6 % in year 1: 98 for the owners, 6 of interest more in year 2."""
    again = {"year": 1, "amount": 100.0, "fixedRate": 0.06, "fee": 0.02}
    facts, plain = lbo(bought(recapitalisation=again)), lbo(bought())
    first, second = facts["years"]
    assert first["balance"]["debt"] == near(817.5)
    assert facts["exit"]["holders"]["sponsor"]["dividends"] == near(98.0)
    assert first["balance"]["equity"] == near(plain["years"][0]["balance"]["equity"] - 100.0)
    assert second["cashInterest"] == near(plain["years"][1]["cashInterest"] + 6.0)
    assert facts["exit"]["equity"] == near(968.09375 - 100.0 - 4.5)
    assert facts["exit"]["moic"] == near((98.0 + 863.59375) / 800.0)


def test_what_rolls_over_and_what_is_promised_share_the_exit(lbo: Witness) -> None:
    """Of 168.09375 above the 800 invested a tenth is the pool's; a tenth of the rest rolls over."""
    holders = lbo(bought(equity={"rollover": 80.0, "optionPool": 0.1}))["exit"]["holders"]
    assert holders["optionPool"]["proceeds"] == near(16.809375)
    assert holders["rollover"]["proceeds"] == near(0.1 * (968.09375 - 16.809375))
    assert holders["sponsor"]["invested"] == near(720.0)
    assert holders["sponsor"]["moic"] == near((968.09375 - 16.809375) / 800.0)


@pytest.mark.parametrize(("treatment", "tax"), [("NEITHER", 27.5), ("DEDUCTED", 17.5)])
def test_fees_of_the_transaction_may_lessen_the_first_years_tax(
    lbo: Witness, treatment: str, tax: float
) -> None:
    entry = {"transactionFees": 40.0, "transactionFeeTreatment": treatment}
    facts = lbo(bought(entry=entry))
    assert facts["years"][0]["tax"] == near(tax)
    assert facts["closing"]["sponsor"] == near(840.0)
    assert facts["closing"]["balance"]["equity"] == near(800.0)
    assert facts["closing"]["balance"]["goodwill"] == near(1600.0)


def test_fees_that_are_capitalised_are_goodwill(lbo: Witness) -> None:
    entry = {"transactionFees": 40.0, "transactionFeeTreatment": "CAPITALISED"}
    sheet = lbo(bought(entry=entry))["closing"]["balance"]
    assert [sheet["goodwill"], sheet["equity"]] == near([1640.0, 840.0])


def test_losses_of_the_past_are_set_against_half_of_the_income(lbo: Witness) -> None:
    """Of 110, 55 are untaxed; of 60 carried forward 5 are left, and used in year 2."""
    losses = {"losses": {"balance": 60.0, "limitShare": 0.5}}
    first, second = lbo(bought(operations=losses))["years"]
    assert first["tax"] == near(13.75)
    assert [first["lossesUsed"], second["lossesUsed"]] == near([55.0, 5.0])


@pytest.mark.parametrize(
    ("fees", "limit", "used", "tax"),
    [(40.0, 0.5, (35.0, 25.0), 8.75), (130.0, 1.0, (0.0, 80.0), 0.0)],
)
def test_losses_are_set_against_income_after_the_fees_that_are_deducted(
    lbo: Witness, fees: float, limit: float, used: tuple[float, float], tax: float
) -> None:
    """Of 110 less 40, half; what 130 are above 110 is a loss of 20 beside the 60 of the past."""
    entry = {"transactionFees": fees, "transactionFeeTreatment": "DEDUCTED"}
    losses = {"losses": {"balance": 60.0, "limitShare": limit}}
    first, second = lbo(bought(entry=entry, operations=losses))["years"]
    assert first["tax"] == near(tax)
    assert (first["lossesUsed"], second["lossesUsed"]) == (near(used[0]), near(used[1]))


def test_a_stub_has_its_share_of_the_year(lbo: Witness) -> None:
    """73 days before the year's end: a fifth of everything; the exit a fifth of a year later."""
    timing = {"closingDate": "2024-10-19", "fiscalYearEnd": "2024-12-31"}
    facts = lbo(bought(timing=timing, years=1))
    first = facts["years"][0]
    assert [first["ebitda"], first["cashInterest"], first["tax"]] == near([40.0, 8.0, 5.5])
    assert first["balance"]["debt"] == near(783.5)
    assert first["leverage"] == near(783.5 / 200.0)
    assert facts["exit"]["moic"] == near(816.5 / 800.0)
    assert facts["exit"]["irr"] == pytest.approx((816.5 / 800.0) ** 5.0 - 1.0, rel=1e-12)


def test_covenants_say_how_far_the_earnings_may_fall(lbo: Witness) -> None:
    """717.5 / 200; 200 / 40; (200 - 50 - 27.5) / 40."""
    limits = {"LEVERAGE": 5.0, "NET_LEVERAGE": 3.5, "INTEREST_COVER": 2.0}
    limits["FIXED_CHARGE_COVER"] = 1.5
    covenants = [{"measure": name, "limit": {"level": at}} for name, at in limits.items()]
    told = {each["measure"]: each for each in lbo(bought(covenants=covenants))["covenants"]}
    ratios = {name: each["ratio"][0] for name, each in told.items()}
    room = {name: each["headroom"][0] for name, each in told.items()}
    names = list(limits)
    assert [ratios[each] for each in names] == near([3.5875, 3.5875, 5.0, 3.0625])
    assert [room[each] for each in names] == near([0.2825, 1.0 - 717.5 / 700.0, 0.6, 0.3125])
    assert [told[each]["kept"][0] for each in names] == [True, False, True, True]


def test_the_value_created_is_told_apart(lbo: Witness) -> None:
    """20 of earnings at 8 times, one time on 180, 20 of both, and 168.09375 of debt repaid."""
    facts = lbo(bought(entry={"ltmEbitda": 180.0}, exit={"evToEbitda": 9.0, "costs": 0.01}))
    parts = facts["attribution"]
    assert parts["ebitdaGrowth"] == near(160.0)
    assert parts["multipleExpansion"] == near(180.0)
    assert parts["cross"] == near(20.0)
    assert parts["netDebt"] == near(168.09375)
    assert parts["fees"] == near(-18.0)
    assert parts["created"] == near(510.09375)


@pytest.mark.parametrize("who", PRICES)
def test_the_highest_price_for_ten_percent(who: str) -> None:
    """The owner of 968.09375 in two years pays 968.09375 / 1.21 for it, beside 800 of debt."""
    assert PRICES[who](bought(), 0.1) == pytest.approx(800.0 + 968.09375 / 1.21, rel=1e-11)

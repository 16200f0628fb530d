"""A merger, as a terminal tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.merger_documents import merged
from tests.mirror.api.terminals.valued import printed, words


def told(tmp_path: Path, *options: str, **changes: Any) -> list[str]:
    return words(printed(tmp_path, merged(**changes), *options))


def test_sources_come_to_the_uses_and_earnings_stand_by_year(tmp_path: Path) -> None:
    lines = told(tmp_path)
    assert lines[:12] == [
        "Offer a share 25.00 USD (a premium of 25.0%)",
        "times the target's shares 40.0",
        "Equity of the target 1,000.0 USD",
        "plus its net debt 250.0 USD",
        "Enterprise value of the target 1,250.0 USD",
        "",
        "for the target's equity 1,000.0 USD",
        "for its debt, refinanced 300.0 USD",
        "Uses 1,300.0 USD",
        "from new shares 500.0 USD",
        "from new debt 800.0 USD",
        "Sources 1,300.0 USD",
    ]
    assert "Earnings alone 3.75 3.75 3.75" in lines
    assert "Earnings together 4.31 4.31 4.31" in lines
    assert "accretion +14.9% +14.9% +14.9%" in lines
    assert not any(line.startswith("Synergies") for line in lines)


def test_explained_it_is_said_who_gets_the_value(tmp_path: Path) -> None:
    """30 after tax for three years at 9 % are 75.9; the premium is 200."""
    lines = told(tmp_path, "--explain")
    synergies = lines.index("Synergies, today 75.9 USD")
    assert lines[synergies + 1 : synergies + 3] == [
        "less the premium −200.0 USD",
        "Value created −124.1 USD",
    ]


def test_explained_two_net_incomes_come_to_one_and_it_to_a_share(tmp_path: Path) -> None:
    """Alone (800 - 200 - 100) and (180 - 40 - 20), each less a quarter of tax: 375 and 90.

    40 of synergies, less 48 on new debt and 16 of the 80 written up over five years, and 20 that
    the old debt cost are 4 less before tax, and 1 of tax saved. Of the price 300 more than books,
    80 is found in fixed assets, and 20 of tax on it is owed.
    """
    step_up = {"amount": 80.0, "life": 5.0}
    lines = told(tmp_path, "--explain", allocation={"fixedAssetStepUp": step_up})
    begin = lines.index("Net income of the acquirer 375.0 375.0 375.0")
    assert lines[begin + 1 : begin + 12] == [
        "Net income of the target 90.0 90.0 90.0",
        "synergies 40.0 40.0 40.0",
        "write-up, depreciated −16.0 −16.0 −16.0",
        "interest saved on old debt 20.0 20.0 20.0",
        "interest on new debt −48.0 −48.0 −48.0",
        "tax on these 1.0 1.0 1.0",
        "Net income together 462.0 462.0 462.0",
        "before tax 616.0 616.0 616.0",
        "tax −154.0 −154.0 −154.0",
        "Shares 110.0 110.0 110.0",
        "Earnings a share, USD 4.20 4.20 4.20",
    ]
    assert lines[begin + 12] == "accretion +12.0% +12.0% +12.0%"
    # 110 shares at 3.75 need 412.5: 49.5 are to spare after tax, and 66 before it.
    assert lines[begin + 13] == "Breakeven synergies −66.0 −66.0 −66.0"
    books = lines.index("Book equity of the target 450.0 USD")
    assert lines[books + 1 : books + 7] == [
        "plus fixed assets, written up 80.0 USD",
        "less deferred tax on these −20.0 USD",
        "Net assets, at fair value 510.0 USD",
        "Price of the equity 1,000.0 USD",
        "less net assets −510.0 USD",
        "Goodwill 490.0 USD",
    ]


def test_explained_a_stub_year_counts_in_part_and_debt_stands_beside_a_whole_one(
    tmp_path: Path,
) -> None:
    """73 of 365 days are a fifth: of 375 it leaves 75. All debt is 1,500 + 800, EBITDA 980."""
    timing = {"closingDate": "2024-10-19", "years": 8, "fiscalYearEnd": "2024-12-31"}
    document = {"balance": merged()["target"]["balance"] | {"cash": 350.0}}
    lines = told(tmp_path, "--explain", timing=timing, target=merged()["target"] | document)
    # The deal ends with year 8, and of a long forecast the last year stands beside the first six.
    assert "USD year 1 year 2 year 3 year 4 year 5 year 6 year 8" in lines
    assert any(line.startswith("Share of the fiscal year 20.0% 100.0%") for line in lines)
    assert any(line.startswith("Net income of the acquirer 75.0 375.0") for line in lines)
    assert "less its net cash −50.0 USD" in lines
    assert "on EBITDA of year 1, whole year 2.3×" in lines
    assert any(line.startswith("Debt / EBITDA, whole year 2.3×") for line in lines)
    assert "USD, whole year year 1" in " ".join(lines)  # of the NOPAT
    assert any(line.startswith("Contribution, whole year") for line in lines)


def test_explained_what_the_price_earns_stands_beside_what_it_costs(tmp_path: Path) -> None:
    """(180 - 40 + 40) less a quarter of tax are 135, on 1,250: 10.8 %, and the WACC is 9 %."""
    lines = told(tmp_path, "--explain")
    begin = lines.index("Invested, with all fees 1,250.0 USD")
    assert lines[begin + 2 : begin + 6] == [
        "NOPAT with synergies 135.0 135.0 135.0",
        "ROIC 10.8% 10.8% 10.8%",
        "less WACC −9.0% −9.0% −9.0%",
        "Spread 1.8% 1.8% 1.8%",
    ]
    # Of 980 of EBITDA 180 are the target's, and of 465 of net income 90.
    brought = lines.index("Contribution of the target year 1 year 2 year 3")
    assert "EBITDA 18.4% 18.4% 18.4%" in lines[brought:]
    assert "Net income 19.4% 19.4% 19.4%" in lines[brought:]


def test_explained_what_a_deal_costs_is_taken_away_by_name(tmp_path: Path) -> None:
    """1,300 less 500 in shares less 100 of cash are 700: with a fee of a fifth 875 are borrowed,
    at 6 %, and the fee of 175 is written off in seven years. 121 in two years are 100 now, and of
    all but them a quarter is tax: -51.5, -30.5 and -30.5 save it."""
    borrowed = {"rate": 0.06, "fee": 0.2, "tenor": 7.0}
    lines = told(
        tmp_path,
        "--explain",
        financing={
            "stockShare": 0.5,
            "newDebt": borrowed,
            "balanceSheetCash": 100.0,
            "lostYield": 0.03,
        },
        allocation={"intangibles": [{"amount": 30.0, "life": 3.0}], "inventoryStepUp": 9.0},
        synergies={"cost": {"level": 40.0}, "costsToAchieve": {"byYear": [12.0, 0.0, 0.0]}},
        earnOut={"amount": 121.0, "year": 2, "probability": 1.0, "discountRate": 0.1},
    )
    begin = lines.index("synergies 40.0 40.0 40.0")
    assert lines[begin + 1 : begin + 10] == [
        "what they cost to achieve −12.0 0.0 0.0",
        "intangibles, amortised −10.0 −10.0 −10.0",
        "write-up of inventory, sold −9.0 0.0 0.0",
        "interest saved on old debt 20.0 20.0 20.0",
        "interest on new debt −52.5 −52.5 −52.5",
        "yield lost on cash −3.0 −3.0 −3.0",
        "fee of new debt, amortised −25.0 −25.0 −25.0",
        "tax on these 12.9 7.6 7.6",
        "accretion of the earn-out −10.0 −11.0 0.0",
    ]
    assert "plus the earn-out 100.0 USD" in lines
    assert "Price, with the earn-out 1,100.0 USD" in lines

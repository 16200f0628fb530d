"""A buyout, as a terminal tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.terminals.equity import percent
from tests.lbo_documents import bought
from tests.mirror.api.terminals.valued import printed, words


def told(tmp_path: Path, *options: str, **changes: object) -> list[str]:
    return words(printed(tmp_path, bought(**changes), *options))


def test_sources_come_to_the_uses_and_the_returns_stand_below(tmp_path: Path) -> None:
    lines = told(tmp_path, interest="OPENING")
    assert lines[:4] == [
        "Enterprise value 1,600.0 USD 8.0×",
        "Uses 1,600.0 USD",
        "from Term loan 800.0 USD 4.0×",
        "from the sponsor 800.0 USD 4.0×",
    ]
    # 800 x 1.06 - 120, five times: 394.13 is left, and 1,205.87 is the owners'.
    assert "Equity at exit, year 5 1,205.9 USD" in lines
    assert "MOIC 1.51×" in lines
    assert "IRR 8.6%" in lines
    assert not any(line.startswith("Revenue") for line in lines)


def test_explained_the_years_and_the_gain_are_told(tmp_path: Path) -> None:
    lines = told(tmp_path, "--explain", interest="OPENING")
    assert "EBITDA 200.0 200.0 200.0 200.0 200.0" in lines
    assert "USD equity MOIC IRR" in lines  # the sponsor has it all
    (closing,) = [line for line in lines if line.startswith("Term loan, closing")]
    assert closing.startswith("Term loan, closing 728.0 651.7")
    gain = lines.index("Gain of all owners 405.9 USD")
    assert lines[gain + 1 : gain + 6] == [
        "growth of EBITDA 0.0 USD",
        "multiple 0.0 USD",
        "both together 0.0 USD",
        "debt paid down 405.9 USD",
        "fees and costs 0.0 USD",
    ]


def test_a_long_forecast_shows_its_beginning_and_its_end(tmp_path: Path) -> None:
    lines = told(tmp_path, "--explain", timing={"closingDate": "2024-12-31", "years": 12})
    (heads,) = [line for line in lines if line.startswith("USD year 1")]
    assert heads.split("year ")[1:] == [f"{year} " for year in range(1, 7)] + ["12"]


def test_explained_covenants_have_their_headroom_and_every_owner_a_line(tmp_path: Path) -> None:
    """Nothing is left to repay 4 times EBITDA with: a fifth of 5 times is left, 3 times is broken.

    160 of EBIT less 64 of interest and a quarter of tax are 72, and depreciation of 40 makes 112.
    """
    limits = [("LEVERAGE", 5.0), ("NET_LEVERAGE", 3.0)]
    lines = told(
        tmp_path,
        "--explain",
        interest="OPENING",
        operations=bought()["operations"] | {"capitalExpenditure": {"level": 0.112}},
        covenants=[{"measure": name, "limit": {"level": limit}} for name, limit in limits],
        equity={"rollover": 200.0, "optionPool": 0.1},
    )
    assert "Debt / EBITDA 4.0× 4.0× 4.0× 4.0× 4.0×" in lines
    assert "Headroom, leverage 20% 20% 20% 20% 20%" in lines
    assert "Headroom, net leverage broken broken broken broken broken" in lines
    owners = lines.index("USD invested dividend at exit MOIC IRR")
    assert [line.split()[:2] for line in lines[owners + 1 : owners + 4]] == [
        ["Sponsor", "600.0"],
        ["Rollover", "200.0"],
        ["Option", "pool"],
    ]


def test_explained_the_sale_comes_to_what_each_owner_has_of_it(tmp_path: Path) -> None:
    """800 x 1.06 - 120, five times: 394.13 is owed. Of 1,600 less 2 % for the sale 1,173.87 is
    left, the pool has a tenth of what exceeds 800, and the sponsor three quarters of the rest."""
    lines = told(
        tmp_path,
        "--explain",
        interest="OPENING",
        exit={"evToEbitda": 8.0, "costs": 0.02},
        equity={"rollover": 200.0, "optionPool": 0.1},
    )
    sold = lines.index("Sold at the end of year 5 1,600.0 USD 8.0×")
    assert lines[sold + 1 : sold + 8] == [
        "less costs −32.0 USD",
        "less Term loan −394.1 USD",
        "plus cash 0.0 USD",
        "Equity at exit 1,173.9 USD",
        "for the sponsor 852.4 USD",
        "for rollover 284.1 USD",
        "for the option pool 37.4 USD",
    ]
    assert "Sponsor's MOIC 1.42×" in lines
    assert "Sponsor's IRR 7.3%" in lines
    exits = lines.index("USD equity rollover pool sponsor its MOIC its IRR")
    # A year on 728 is owed: 840 is left, the pool has 4 of them, and 836 / 800 is 1.045.
    assert lines[exits + 1 : exits + 6 : 4] == [
        "Sold in year 1 840.0 209.0 4.0 627.0 1.04× 4.5%",
        "Sold in year 5 1,173.9 284.1 37.4 852.4 1.42× 7.3%",
    ]
    assert not any(line.startswith("Share of the fiscal year") for line in lines)


def test_explained_a_stub_year_counts_in_part_and_debt_stands_beside_a_whole_one(
    tmp_path: Path,
) -> None:
    timing = {"closingDate": "2024-10-19", "years": 5, "fiscalYearEnd": "2024-12-31"}
    lines = told(tmp_path, "--explain", timing=timing)
    assert "Share of the fiscal year 20.0% 100.0% 100.0% 100.0% 100.0%" in lines
    assert any(line.startswith("EBITDA 40.0 200.0") for line in lines)
    assert any(line.startswith("Debt / EBITDA, whole year 3.9×") for line in lines)


def test_numbers_stay_below_each_other_beside_a_long_name(tmp_path: Path) -> None:
    named = [bought()["tranches"][0] | {"name": "A loan of many banks, due in the seventh year"}]
    lines = printed(tmp_path, bought(tranches=named), "--explain").splitlines()
    begins = ("Enterprise value", "Uses", "  from A loan", "Equity at exit", "  less A loan")
    units = {line.index(" USD") for line in lines if line.startswith(begins)}
    ends = {len(line) for line in lines if line.startswith(("Revenue", "A loan", "Debt / EBITDA"))}
    assert (len(units), len(ends)) == (1, 1)


def test_explained_what_lenders_lose_is_between_the_sale_and_nothing(tmp_path: Path) -> None:
    """Of a dividend from 1,000 of new debt something came back; a sale at 5 times is 1,000."""
    dividend = {"year": 2, "timesEbitda": 5.0, "fixedRate": 0.08, "fee": 0.0}
    lines = told(
        tmp_path,
        "--explain",
        interest="OPENING",
        recapitalisation=dividend,
        exit={"evToEbitda": 5.0},
    )
    sold = lines.index("Sold at the end of year 5 1,000.0 USD 5.0×")
    end = lines.index("Equity at exit 0.0 USD")
    assert lines[end - 1].startswith("plus what lenders lose ")
    money = [
        float(line.split(" USD")[0].split()[-1].replace(",", "").replace("−", "-"))
        for line in lines[sold:end]
    ]
    assert sum(money) == pytest.approx(0.0, abs=0.05 * len(money))  # each is told to a tenth


def test_nothing_is_no_less_than_nothing() -> None:
    assert (percent(-0.0004), percent(-0.004, 0), percent(-0.0006)) == ("0.0%", "0%", "−0.1%")


def test_a_buyout_without_debt_is_told_too(tmp_path: Path) -> None:
    """(200 - 40) less a quarter are 120 a year: 600 of cash at the end."""
    lines = told(tmp_path, "--explain", tranches=[])
    sold = lines.index("Sold at the end of year 5 1,600.0 USD 8.0×")
    assert lines[sold + 1 : sold + 3] == ["plus cash 600.0 USD", "Equity at exit 2,200.0 USD"]

"""The example documents show what they are there for, and their books balance."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.lbo import LboInputs, LboValuation, value_lbo
from services.documents import document_of, reader
from tests.pages import DOCS, EXAMPLES, table

NAMES = sorted(path.stem.removeprefix("lbo_") for path in EXAMPLES.glob("lbo_*.json"))
read = reader(LboInputs)


def example(name: str) -> LboValuation:
    document = json.loads((EXAMPLES / f"lbo_{name}.json").read_text("utf-8"))
    return value_lbo(read(document)).valuation


@pytest.mark.parametrize("name", NAMES)
def test_an_example_balances_to_the_cent(name: str) -> None:
    found = example(name)
    sheet, flow, sources = (
        found.statements.balance_sheet,
        found.statements.cash_flow,
        found.sources_and_uses,
    )
    assert sheet.total_assets == pytest.approx(sheet.total_claims, abs=0.005)
    brought = sum(each.amount for each in sources.tranches)
    assert sources.total == pytest.approx(
        brought + sources.rollover + sources.sponsor_equity, abs=0.005
    )
    for t, change in enumerate(flow.change_in_cash):
        moved = flow.revolver_drawn[t] - flow.mandatory_repayment[t] - flow.sweep[t]
        recap = 0.0  # borrowed and paid out on the same day
        assert change == pytest.approx(flow.cash_before_repayment[t] + moved + recap, abs=0.005)
    assert json.loads(json.dumps(document_of(found), allow_nan=False))["irr"] == found.irr


def test_each_example_shows_what_it_is_there_for() -> None:
    assert example("opening_interest").circularity is None
    average = example("average_interest")
    assert len(average.debt) == 5
    assert average.circularity is not None
    toggled: Any = next(each for each in example("pik_toggle").debt if each.name.startswith("Tog"))
    assert toggled.paid_in_kind[0] > 0.0 == toggled.paid_in_kind[-1]
    gone = example("prepayment").statements.income.fees_written_off
    assert gone is not None
    assert min(gone) > 0.0
    recap = example("recapitalisation")
    assert recap.debt[-1].kind is None
    assert recap.holders[0].dividend > 0.0
    stub = example("covenants_and_stub")
    assert stub.stub_share == pytest.approx(92.0 / 365.0)
    assert len(stub.covenants) == 4
    assert stub.exit_year == 5
    exhausted = example("exhausted_revolver")
    assert exhausted.credit[-1].shortfall > 0.0
    assert exhausted.debt[0].closing[-1] == 25e6


def test_every_example_is_on_the_page_with_what_it_returns() -> None:
    rows = table(DOCS / "maths" / "lbo.md", "file | what it shows | IRR | MOIC")
    told = {row[0].split("]")[0].strip("["): (row[2], row[3]) for row in rows}
    found = {}
    for name in NAMES:
        result = example(name)
        irr = f"{result.irr:.2%}".replace("%", " %").replace("-", "−")
        found[f"lbo_{name}.json"] = (irr, f"{result.moic:.2f}")
    assert told == found

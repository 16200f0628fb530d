"""The examples of a merger: each can be closed, and shows what its name says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.merger import MergerInputs, MergerResult, value_merger
from services.documents import document_of, reader
from tests.pages import EXAMPLES

NAMES = sorted(path.stem for path in EXAMPLES.glob("merger_*.json"))
read = reader(MergerInputs)


def document(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))


def followed(name: str) -> MergerResult:
    return value_merger(read(document(name)))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_balances_to_the_cent(name: str) -> None:
    result = followed(name)
    table, closing = result.sources_and_uses, result.closing.pro_forma
    assert table.total_sources == pytest.approx(table.total_uses, abs=0.005)
    assert closing.total_assets == pytest.approx(closing.total_claims, abs=0.005)
    for assets, claims in zip(
        result.balance_sheets.total_assets, result.balance_sheets.total_claims, strict=True
    ):
        assert assets == pytest.approx(claims, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_is_a_document_of_plain_json(name: str) -> None:
    told = document_of(followed(name))
    del told["inputs"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["perShare"]["accretion"][0] == told["accretion"]


def test_the_examples_are_what_the_page_says() -> None:
    assert followed("merger_all_cash").new_shares == 0.0
    fixed = followed("merger_fixed_ratio")
    assert fixed.offer.exchange_ratio == pytest.approx(0.58)
    assert fixed.new_debt == 0.0
    floating = followed("merger_floating_ratio").offer
    assert (floating.stock_per_share, floating.cash_per_share) == (25.0, 10.0)
    collar = followed("merger_collar").offer
    assert collar.price == pytest.approx(0.58 * 61.0)  # inside the band the value is fixed
    mixed = followed("merger_mixed")
    assert mixed.offer.earn_out > 0.0
    assert mixed.offer.dilution is not None
    assert [bond.converted for bond in mixed.offer.dilution.convertibles] == [True, False]
    asset = followed("merger_asset_deal")
    assert asset.allocation.deferred_tax == 0.0
    assert min(asset.cash_flow.deferred_tax) > 0.0
    assert followed("merger_stub").stub_share == pytest.approx(139.0 / 365.0)
    assert read(document("merger_stub")).timing.lag == pytest.approx(92.0 / 365.0)

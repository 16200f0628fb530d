"""The demo's room is one in which what it says can be typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.embedded import opened
from api.settings import Settings
from api.terminals.demo import DERIVED, TICKER, _model
from api.terminals.listing import listed
from tests.lbo_documents import bought

BUYOUT = """mutation ($inputs: ModelInputs!) {
  createModel(input: {name: "Older", inputs: $inputs}) { ... on FinancialModel { id } } }"""


@pytest.mark.anyio
async def test_it_leads_to_a_dcf_whatever_other_models_are_older(tmp_path: Path) -> None:
    async with opened(Settings.read({"VALOR_HOME": str(tmp_path)}, dev=True)) as embedded:
        older = (await embedded.data(BUYOUT, {"inputs": {"lbo": bought()}}))["createModel"]["id"]
        company = (await embedded.data(DERIVED, {"ticker": TICKER}))["company"]
        found = await _model(embedded, company)
        lines = [line.split("\t") for line in await listed(embedded)]
    assert [line[:4] for line in lines] == [
        [found, "Apple Inc.", "DCF", "1"],
        [older, "Older", "LBO", "1"],
    ]
    assert lines[0][4].startswith("Worth ")
    assert lines[1][4].startswith("IRR ")

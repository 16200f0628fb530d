"""One name has two spellings, and neither loses anything of the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dcf import dcf_question
from engine.dcf.kernel import DcfOutput
from engine.paths import numbers
from services.dcf import inputs_of
from services.words import camel, for_callers, snake
from tests.dcf_documents import firm

PAIRS = [
    ("revenue", "revenue"),
    ("revenue_growth", "revenueGrowth"),
    ("operations.revenue_growth[3]", "operations.revenueGrowth[3]"),
    ("terminal.exit_multiple.ev_to_ebitda", "terminal.exitMultiple.evToEbitda"),
    ("capital.capm.pre_tax_cost_of_debt", "capital.capm.preTaxCostOfDebt"),
    ("", ""),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_path_has_the_schemas_spelling_outside(ours: str, theirs: str) -> None:
    assert camel(ours) == theirs
    assert snake(theirs) == ours


NAMES = st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=4).map("_".join)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)


@given(PATHS)
def test_a_path_that_goes_out_comes_back_as_it_was(path: str) -> None:
    assert snake(camel(path)) == path


def test_every_path_of_an_analysis_survives_the_way_out_and_back() -> None:
    question = dcf_question(inputs_of(firm(marketPrice=12.0)), DcfOutput.VALUE_PER_SHARE)
    paths = list(numbers(question.inputs))
    assert len(paths) > 10
    assert [snake(camel(path)) for path in paths] == paths
    assert not any("_" in camel(path) for path in paths)


def test_a_sentence_of_the_engine_names_inputs_as_the_caller_does() -> None:
    sentence = "Give operations.ebit_margin, or operations.ebitda_margin."
    assert for_callers(sentence) == "Give operations.ebitMargin, or operations.ebitdaMargin."


@pytest.mark.parametrize("sentence", ["No name is in here.", "WACC = 8 %, ISO_4217, A_B.", ""])
def test_other_words_of_a_sentence_stay_as_they_are(sentence: str) -> None:
    assert for_callers(sentence) == sentence

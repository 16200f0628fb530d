"""What a kind can be asked for, and what its documents become."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from engine.errors import Infeasible, InvalidInput
from services.compute import ON_LOOP_MS
from services.kinds import CREDIT, DCF, KINDS, Output
from tests.dcf_documents import firm
from tests.pages import EXAMPLES


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_where_no_number_is_named_the_first_is_meant(kind: Any) -> None:
    assert kind.asked(None) is kind.outputs[0]
    assert [kind.asked(output) for output in kind.outputs] == list(kind.outputs)


def test_a_dcf_is_asked_for_the_value_of_a_share_first() -> None:
    assert DCF.asked(None) is Output.VALUE_PER_SHARE


def test_a_number_that_the_kind_does_not_have_is_refused_with_those_that_it_has() -> None:
    narrow = replace(DCF, outputs=(Output.ENTERPRISE_VALUE,))
    with pytest.raises(InvalidInput) as no:
        narrow.asked(Output.VALUE_PER_SHARE)
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("of", "UNKNOWN")
    assert "ENTERPRISE_VALUE" in problem.suggestion


def test_every_number_of_a_document_is_found_without_the_way_to_it() -> None:
    # 150 for ever at 10 %, less 400 of net debt, over 100 shares.
    found = DCF.outputs_of(firm())
    assert set(found) == set(DCF.outputs)
    assert found[Output.ENTERPRISE_VALUE] == pytest.approx(1_500.0)
    assert found[Output.EQUITY_VALUE] == pytest.approx(1_100.0)
    assert found[Output.VALUE_PER_SHARE] == pytest.approx(11.0)


def test_a_number_beyond_the_range_of_a_double_is_refused() -> None:
    question: Any = lambda *_: _Beyond()  # noqa: E731 - any kind's
    huge = replace(DCF, question=question)
    with pytest.raises(Infeasible):
        huge.outputs_of(firm())


class _Beyond:
    inputs = None

    @staticmethod
    def values(_inputs: object) -> dict[str, float]:
        return {Output.VALUE_PER_SHARE: float("inf")}


def test_what_the_market_says_is_found_where_the_inputs_say_it() -> None:
    priced = firm(marketPrice=12.5)
    assert DCF.observed_in(priced, Output.VALUE_PER_SHARE) == 12.5
    assert DCF.observed_in(priced, Output.ENTERPRISE_VALUE) is None
    assert DCF.observed_in(firm(), Output.VALUE_PER_SHARE) is None


def test_a_kind_says_what_its_next_use_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "scipy.special", raising=False)
    assert CREDIT.importing_ms() > ON_LOOP_MS
    monkeypatch.setitem(sys.modules, "scipy.special", ModuleType("scipy.special"))
    assert CREDIT.importing_ms() == 0.0
    assert DCF.importing_ms() == 0.0


@pytest.mark.parametrize(
    ("name", "group", "path", "deep"),
    [
        ("lbo_opening_interest", "tranches[1].timesEbitda", "tranches", 12.0),
        ("merger_mixed", "offer.price", "allocation", 0.5),
    ],
)
def test_a_model_may_be_on_its_way_to_a_deal_that_can_be(
    name: str, group: str, path: str, deep: float
) -> None:
    """More debt than uses, or net assets above the price: sound numbers, whose value says no."""
    document = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    *steps, last = group.replace("[", ".").replace("]", "").split(".")
    inner: Any = document
    for step in steps:
        inner = inner[int(step) if step.isdigit() else step]
    assert last in inner
    inner[last] = deep
    kind = KINDS[name.split("_", maxsplit=1)[0].upper()]
    kind.door(document)
    with pytest.raises(Infeasible) as no:
        kind.value(kind.inputs_of(document))
    assert path in [problem.path for problem in no.value.problems]


def test_an_old_document_goes_through_every_version_in_between() -> None:
    steps = {version: lambda document, v=version: {**document, f"v{v}": v} for version in (1, 2, 3)}
    kind = replace(DCF, upgrades=steps)
    assert kind.upgraded({}, 1, 3) == {"v1": 1, "v2": 2}
    assert kind.upgraded({"a": 1}, 3, 3) == {"a": 1}

"""One axis, the way back, scenarios, and why two kept valuations differ."""

from __future__ import annotations

import dataclasses
import math
import threading
from typing import Any

import numpy as np
import pytest

from engine.attribution import Method
from engine.comparison import Case, Change
from engine.scenarios import Axis
from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services import analyses as module
from services import valuations as keeping
from services.analyses import AnalysisService, Attributed
from services.compute import Compute
from services.errors import Forbidden, Infeasible, InvalidInput, NotFound
from services.kinds import DCF, KINDS, Kind, Output
from services.principal import ALLOWED, Role
from services.tenants import TenantService
from services.valuations import Recorded, ValuationService
from store.database import Database
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.comparables_documents import compared
from tests.credit_documents import indebted
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.lbo_documents import bought
from tests.merger_documents import merged
from tests.mirror.services.conftest import principal
from tests.mirror.store.world import THEIRS

pytestmark = pytest.mark.anyio

SHARE = Output.VALUE_PER_SHARE


@pytest.fixture
def valuations(database: Database, tenants: TenantService, compute: Compute) -> ValuationService:
    meter = Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))
    return ValuationService(Valuations(database), tenants, compute, meter, Unseen())


@pytest.fixture
def analyses(compute: Compute, valuations: ValuationService) -> AnalysisService:
    return AnalysisService(compute, valuations, None, deadline_s=30.0)  # type: ignore[arg-type] # nothing here is simulated


async def keep(valuations: ValuationService, **changes: Any) -> Recorded:
    return await valuations.value(principal(), DCF, firm(**changes))


async def test_one_axis_holds_the_firms_own_value_in_every_output(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    of = await keep(valuations)
    axis = Axis("capital.wacc", np.array([0.05, 0.10]))
    lines = await analyses.one_way(principal(), of, axis)
    assert {name: line.tolist() for name, line in lines.items()} == {
        "VALUE_PER_SHARE": [pytest.approx(26.0), WORTH_A_SHARE],
        "EQUITY_VALUE": [pytest.approx(2_600.0), pytest.approx(1_100.0)],
        "ENTERPRISE_VALUE": [pytest.approx(3_000.0), pytest.approx(1_500.0)],
    }


async def test_the_way_back_begins_at_the_market_price(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    of = await keep(valuations, marketPrice=26.0)
    found = await analyses.reverse(principal(), of, None, "capital.wacc", None, None, None)
    assert found.target == 26.0
    assert [root.input for root in found.roots] == [pytest.approx(0.05, rel=1e-14)]
    then = await keep(valuations, **{"capital.wacc": found.roots[0].input})
    assert then.result["valuePerShare"] == found.roots[0].value == pytest.approx(26.0, rel=1e-14)


@pytest.mark.parametrize(
    ("output", "price"), [(SHARE, {}), (Output.EQUITY_VALUE, {"marketPrice": 26.0})]
)
async def test_where_the_market_says_nothing_a_target_has_to_be_given(
    analyses: AnalysisService, valuations: ValuationService, output: Output, price: Any
) -> None:
    of = await keep(valuations, **price)
    with pytest.raises(InvalidInput) as no:
        await analyses.reverse(principal(), of, output, "capital.wacc", None, None, None)
    assert [(each.path, each.code) for each in no.value.problems] == [("target", "MISSING")]
    found = await analyses.reverse(principal(), of, output, "bridge.debt", 0.0, None, None)
    assert [root.input for root in found.roots] == [pytest.approx(1_600.0)]


async def test_a_price_that_cannot_be_is_infeasible_within_the_given_range(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    of = await keep(valuations)
    with pytest.raises(Infeasible, match=r"goes from 11 \(at 0\.1\) to 26 \(at 0\.05\)"):
        await analyses.reverse(principal(), of, SHARE, "capital.wacc", 50.0, 0.05, 0.1)


async def test_scenarios_stand_beside_the_base_with_their_mean(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    cases = [
        Case(name="Dear", changes=(Change("capital.wacc", 0.15),), probability=0.25),
        Case(name="Cheap", changes=(Change("capital.wacc", 0.05),), probability=0.75),
    ]
    found = await analyses.scenarios(principal(), await keep(valuations), cases)
    assert found.base["EQUITY_VALUE"] == pytest.approx(1_100.0)
    assert [case["EQUITY_VALUE"] for case in found.cases] == pytest.approx([600.0, 2_600.0])
    assert found.expected is not None
    assert found.expected["VALUE_PER_SHARE"] == pytest.approx(21.0)


# Why two differ


async def why(
    analyses: AnalysisService, old: Recorded, new: Recorded, output: Output | None = None
) -> Attributed:
    return await analyses.attribution(principal(), new, output, old.id)


async def test_two_kept_valuations_are_told_apart_by_their_inputs(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    old = await keep(valuations)
    new = await keep(valuations, **{"bridge.debt": 300.0, "shares.diluted": 130.0})
    found = await why(analyses, old, new)
    assert (found.before, found.after) == (WORTH_A_SHARE, pytest.approx(10.0))
    # Of 200 less debt the mean of 200/100 and 200/130; the shares take the rest of 1 away.
    parts = {each.paths: each.amount for each in found.by_inputs.contributions}
    less_debt = (2.0 + 200.0 / 130.0) / 2.0
    assert parts == {
        ("bridge.debt",): pytest.approx(less_debt),
        ("shares.diluted",): pytest.approx(-1.0 - less_debt),
    }
    assert (found.by_inputs.method, found.engine) == (Method.SHAPLEY, None)
    in_all = await why(analyses, old, new, Output.EQUITY_VALUE)
    assert in_all.after - in_all.before == pytest.approx(200.0)


async def test_what_another_engine_made_of_it_is_a_line_of_its_own(
    analyses: AnalysisService, valuations: ValuationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "ENGINE_VERSION", "0.9.0")
    old = await keep(valuations)
    monkeypatch.undo()
    same = await keep(valuations)
    assert old.id != same.id
    agreed = await why(analyses, old, same)
    assert (agreed.by_inputs.contributions, agreed.engine) == ((), 0.0)
    # As if the other engine had been half a dollar off.
    other = dataclasses.replace(
        await keep(valuations, **{"bridge.debt": 400.0}),
        result=same.result | {"valuePerShare": 12.5},
        engine_version="1.1.0",
    )
    found = await why(analyses, same, other)
    assert found.engine == pytest.approx(0.5)
    amounts = [each.amount for each in found.by_inputs.contributions]
    assert found.before + math.fsum(amounts) + found.engine == pytest.approx(found.after)
    # And as if the earlier one had been a quarter off as well, so that a quarter is left.
    off = dataclasses.replace(same, result=same.result | {"valuePerShare": 11.25})

    async def find(*_: Any) -> Recorded:
        return off

    monkeypatch.setattr(valuations, "find", find)
    both = await why(analyses, same, other)
    assert (both.before, both.engine) == (11.25, pytest.approx(0.25))


async def test_only_what_can_be_compared_is(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    of, euros = await keep(valuations), await keep(valuations, currency="EUR")
    with pytest.raises(InvalidInput) as no:
        await why(analyses, euros, of)
    assert [(each.path, each.code) for each in no.value.problems] == [("from", "CONTRADICTION")]
    theirs = await valuations.value(principal(tenant_id=THEIRS), DCF, firm(currency="GBP"))
    for unknown in (theirs.id, "0" * 64, "x"):
        with pytest.raises(NotFound):
            await analyses.attribution(principal(), of, None, unknown)


# For every kind


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
async def test_the_outputs_of_a_kind_are_those_of_its_kernel_and_of_its_results(
    kind: Kind[Any, Any],
) -> None:
    documents = {
        "DCF": firm(marketPrice=12.0),
        "LBO": bought(),
        "MERGER": merged(),
        "COMPARABLES": compared(marketPrice=12.0),
        "CREDIT": indebted(),
    }
    document = documents[kind.name]
    result = kind.result_document(kind.value(kind.inputs_of(document)))
    values = kind.outputs_of(document)
    assert list(values) == [output.value for output in kind.outputs]
    assert values == {output.value: kind.kept(output, result) for output in kind.outputs}
    seen = {output: kind.observed_in(document, output) for output in kind.observed}
    assert seen == ({SHARE: 12.0} if SHARE in kind.outputs else {})


async def test_a_kind_is_asked_for_its_first_output_and_for_none_of_anothers(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    without = dataclasses.replace(DCF, outputs=(Output.ENTERPRISE_VALUE,), observed={})
    of = dataclasses.replace(await keep(valuations, marketPrice=1.0), kind=without)
    slopes = await analyses.gradient(principal(), of, None, ["bridge.debt"])
    assert slopes == {"bridge.debt": 0.0}  # no part of the enterprise value
    with pytest.raises(InvalidInput) as no:
        await analyses.gradient(principal(), of, SHARE, None)
    (problem,) = no.value.problems
    assert (problem.path, problem.code) == ("of", "UNKNOWN")
    assert problem.suggestion == "Ask for one of: ENTERPRISE_VALUE."


async def test_what_takes_milliseconds_leaves_the_event_loop(
    analyses: AnalysisService, valuations: ValuationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    for name in ("reverse", "attribution"):
        plain = getattr(module, name)

        def seen(*given: Any, plain: Any = plain) -> Any:
            threads.append(threading.get_ident())
            return plain(*given)

        monkeypatch.setattr(module, name, seen)
    of = await keep(valuations)
    await analyses.reverse(principal(), of, SHARE, "bridge.debt", 11.5, None, None)
    await why(analyses, of, of)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_a_first_use_that_imports_something_heavy_leaves_the_event_loop(
    analyses: AnalysisService, valuations: ValuationService
) -> None:
    threads: list[int] = []

    def value(inputs: Any) -> Any:
        threads.append(threading.get_ident())
        return DCF.value(inputs)

    def question(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return DCF.question(*given)

    for importing_ms in (float, lambda: 50.0):
        kind = dataclasses.replace(DCF, value=value, question=question, importing_ms=importing_ms)
        of = dataclasses.replace(await valuations.value(principal(), kind, firm()), duration_ms=0.0)
        await analyses.gradient(principal(), of, None, ["bridge.debt"])
    light, heavy = threads[:2], threads[2:]
    assert set(light) == {threading.get_ident()}
    assert len(heavy) == 2
    assert threading.get_ident() not in heavy


async def test_who_may_read_valuations_may_compare_them_and_nobody_else(
    analyses: AnalysisService, valuations: ValuationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, viewer = await keep(valuations), principal(Role.VIEWER)
    axis, case = Axis("capital.wacc", np.array([0.1])), Case(name="a", changes=())

    def asking() -> list[Any]:
        return [
            analyses.one_way(viewer, of, axis),
            analyses.reverse(viewer, of, SHARE, "bridge.debt", 11.5, None, None),
            analyses.scenarios(viewer, of, [case]),
            analyses.attribution(viewer, of, SHARE, of.id),
        ]

    for work in asking():
        await work
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    for work in asking():
        with pytest.raises(Forbidden):
            await work

"""An analysis is the same valuation over other inputs, for whoever may read the valuation."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from engine.dcf import DcfOutput
from engine.scenarios import Axis, Swing
from engine.simulation import Normal, Shock, SimulationSpec
from services import analyses as module
from services.analyses import TRIALS_MAX, AnalysisService
from services.compute import Compute
from services.dcf import inputs_of, result_document
from services.errors import Forbidden, InvalidInput
from services.kinds import DCF
from services.principal import ALLOWED, Role
from services.valuations import Recorded
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.mirror.services.conftest import principal

pytestmark = pytest.mark.anyio

SHARE = DcfOutput.VALUE_PER_SHARE


def recorded(**changes: Any) -> Recorded:
    """A valuation that was kept."""
    inputs = firm(**changes)
    return Recorded(
        id="0" * 64,
        kind=DCF,
        inputs=inputs,
        result=result_document(DCF.value(inputs_of(inputs))),
        result_hash="0" * 64,
        engine_version="1",
        computed_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_ms=0.1,
    )


def axis(path: str, *values: float) -> Axis:
    return Axis(path, np.array(values))


def spec(trials: int = 200, **changes: Any) -> SimulationSpec:
    plain: dict[str, Any] = {"seed": 1, "shocks": (Shock("capital.wacc", Normal(0.005)),)}
    return SimulationSpec(trials=trials, **(plain | changes))


@pytest.fixture
def analyses(compute: Compute) -> AnalysisService:
    return AnalysisService(compute)


async def test_a_grid_holds_the_firms_own_value_and_a_full_valuation_in_every_cell(
    analyses: AnalysisService,
) -> None:
    waccs, growths = (0.08, 0.10, 0.15), (0.0, 0.02)
    grid = await analyses.sensitivity(
        principal(),
        recorded(),
        SHARE,
        axis("capital.wacc", *waccs),
        axis("terminal.gordon.growth", *growths),
    )
    assert grid.shape == (3, 2)
    assert grid[1, 0] == WORTH_A_SHARE
    for row, wacc in enumerate(waccs):
        for column, growth in enumerate(growths):
            alone = recorded(**{"capital.wacc": wacc, "terminal.gordon.growth": growth})
            assert grid[row, column] == pytest.approx(alone.result["valuePerShare"], rel=1e-14)


@pytest.mark.parametrize(
    ("output", "value"),
    [(SHARE, 11.0), (DcfOutput.EQUITY_VALUE, 1_100.0), (DcfOutput.ENTERPRISE_VALUE, 1_500.0)],
)
async def test_each_output_may_be_asked_for(
    analyses: AnalysisService, output: DcfOutput, value: float
) -> None:
    rows, columns = axis("capital.wacc", 0.1), axis("bridge.debt", 500.0)
    grid = await analyses.sensitivity(principal(), recorded(), output, rows, columns)
    assert grid.tolist() == [[pytest.approx(value)]]


async def test_a_grid_over_inputs_past_the_door_is_refused_with_every_problem(
    analyses: AnalysisService,
) -> None:
    rows, columns = axis("capital.wacc", 0.1, 5.0), axis("terminal.gordon.growth", 0.9)
    with pytest.raises(InvalidInput) as no:
        await analyses.sensitivity(principal(), recorded(), SHARE, rows, columns)
    assert {problem.path for problem in no.value.problems} == {
        "capital.wacc",
        "terminal.gordon.growth",
    }


async def test_a_tornado_without_swings_moves_every_number_by_its_share(
    analyses: AnalysisService,
) -> None:
    bars = await analyses.tornado(principal(), recorded(), SHARE, None, 0.1)
    widths = [bar.width for bar in bars]
    assert widths == sorted(widths, reverse=True)
    by_path = {bar.swing.path: bar for bar in bars}
    debt = by_path["bridge.debt"]
    assert (debt.swing.low, debt.swing.high) == (450.0, 550.0)
    assert (debt.at_low, debt.at_high) == pytest.approx((11.5, 10.5))
    assert "bridge.leases" not in by_path  # a tenth of nothing is nothing


async def test_a_tornado_takes_the_swings_that_are_given(analyses: AnalysisService) -> None:
    swings = [Swing("bridge.cash", 0.0, 200.0)]
    (bar,) = await analyses.tornado(principal(), recorded(), SHARE, swings, 0.1)
    assert (bar.at_low, bar.at_high) == pytest.approx((10.0, 12.0))


@pytest.mark.parametrize("share", [0.0, -0.1, 0.91, 1e300])
async def test_a_share_that_moves_nothing_or_too_much_is_refused(
    analyses: AnalysisService, share: float
) -> None:
    with pytest.raises(InvalidInput) as no:
        await analyses.tornado(principal(), recorded(), SHARE, None, share)
    assert [problem.path for problem in no.value.problems] == ["share"]


async def test_no_swings_is_not_the_same_as_an_empty_list(analyses: AnalysisService) -> None:
    with pytest.raises(InvalidInput):
        await analyses.tornado(principal(), recorded(), SHARE, [], 0.1)


async def test_a_gradient_is_of_every_number_or_of_the_named(analyses: AnalysisService) -> None:
    everything = await analyses.gradient(principal(), recorded(), SHARE, None)
    assert everything["bridge.debt"] == pytest.approx(-0.01)
    assert everything["operations.revenue"] == pytest.approx(0.015)
    named = await analyses.gradient(principal(), recorded(), SHARE, ["bridge.debt"])
    assert named == {"bridge.debt": everything["bridge.debt"]}
    assert await analyses.gradient(principal(), recorded(), SHARE, []) == {}


async def test_a_simulation_without_doubt_is_the_value_itself(analyses: AnalysisService) -> None:
    certain = spec(shocks=(Shock("capital.wacc", Normal(0.0)),))
    found = await analyses.simulation(principal(), recorded(), SHARE, certain, 10.0)
    assert found.minimum == found.maximum == WORTH_A_SHARE
    assert found.mean == WORTH_A_SHARE
    assert found.probability_above == 1.0


async def test_the_same_seed_gives_the_same_trials(analyses: AnalysisService) -> None:
    async def run(seed: int) -> tuple[float, float]:
        found = await analyses.simulation(
            principal(), recorded(), SHARE, spec(1_000, seed=seed), None
        )
        return found.mean, found.maximum

    assert await run(7) == await run(7)
    assert await run(7) != await run(8)


@pytest.mark.parametrize("trials", [-1, 0, 99, TRIALS_MAX + 1, 2**31 - 1])
async def test_too_few_trials_and_more_than_fit_a_request_are_refused(
    analyses: AnalysisService, trials: int
) -> None:
    with pytest.raises(InvalidInput) as no:
        await analyses.simulation(principal(), recorded(), SHARE, spec(trials), None)
    assert [(problem.path, problem.suggestion) for problem in no.value.problems] == [
        ("spec.trials", "Give a number from 100 to 100,000.")
    ]


async def test_all_that_is_wrong_with_a_simulation_is_said_at_once(
    analyses: AnalysisService,
) -> None:
    wrong = spec(TRIALS_MAX + 1, seed=-1, shocks=(Shock("nowhere", Normal(0.1)),))
    with pytest.raises(InvalidInput) as no:
        await analyses.simulation(principal(), recorded(), SHARE, wrong, None)
    paths = [problem.path for problem in no.value.problems]
    assert paths == ["spec.trials", "spec.seed", "spec.shocks[0].path"]


async def test_a_long_simulation_leaves_the_event_loop_and_a_short_one_does_not(
    analyses: AnalysisService, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    simulate = module.simulate

    def seen(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return simulate(*given)

    monkeypatch.setattr(module, "simulate", seen)
    await analyses.simulation(principal(), recorded(), SHARE, spec(100), None)
    every_year = spec(
        TRIALS_MAX, shocks=(Shock("operations.tax_rate", Normal(0.01), every_year=True),)
    )
    await analyses.simulation(principal(), recorded(), SHARE, every_year, None)
    assert threads[0] == threading.get_ident()
    assert threads[1] != threading.get_ident()


async def test_who_may_read_valuations_may_analyse_them_and_nobody_else(
    analyses: AnalysisService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask_everything() -> None:
        viewer, of = principal(Role.VIEWER), recorded()
        rows, columns = axis("capital.wacc", 0.1), axis("bridge.debt", 500.0)
        await analyses.sensitivity(viewer, of, SHARE, rows, columns)
        await analyses.tornado(viewer, of, SHARE, None, 0.1)
        await analyses.gradient(viewer, of, SHARE, None)
        await analyses.simulation(viewer, of, SHARE, spec(), None)

    await ask_everything()
    monkeypatch.setitem(ALLOWED, Role.VIEWER, frozenset())
    viewer, of = principal(Role.VIEWER), recorded()
    rows, columns = axis("capital.wacc", 0.1), axis("bridge.debt", 500.0)
    for asking in (
        analyses.sensitivity(viewer, of, SHARE, rows, columns),
        analyses.tornado(viewer, of, SHARE, None, 0.1),
        analyses.gradient(viewer, of, SHARE, None),
        analyses.simulation(viewer, of, SHARE, spec(), None),
    ):
        with pytest.raises(Forbidden):
            await asking

"""An analysis is the same valuation over other inputs, for whoever may read the valuation."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.comparison import Case, Change
from engine.scenarios import Axis, Swing
from engine.simulation import Normal, Sampling, Shock, SimulationSpec
from observability.metrics import Meter
from observability.objectives import edges_ns, load
from services import workers
from services.analyses import TRIALS_MAX, AnalysisService
from services.compute import ON_LOOP_MS, Compute, R
from services.dcf import inputs_of, result_document
from services.errors import Forbidden, InvalidInput, Overloaded
from services.kinds import DCF, KINDS, Output
from services.principal import ALLOWED, Role
from services.refusals import DeadlineMissed
from services.tenants import TenantService
from services.valuations import Recorded, ValuationService
from store.database import Database
from store.valuations import Valuations
from tests.admitted import Unseen
from tests.dcf_documents import WORTH_A_SHARE, firm
from tests.mirror.services.computing import expected, job, pool_of
from tests.mirror.services.conftest import principal
from tests.pages import EXAMPLES, ROOT

pytestmark = pytest.mark.anyio

SHARE = Output.VALUE_PER_SHARE


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
async def analyses(
    compute: Compute, database: Database, tenants: TenantService
) -> AsyncIterator[AnalysisService]:
    meter = Meter(edges_ns=edges_ns(load()), build={}, kinds=tuple(KINDS))
    valuations = ValuationService(Valuations(database), tenants, compute, meter, Unseen())
    async with pool_of() as pool:  # nothing is begun before a simulation
        yield AnalysisService(compute, valuations, pool, deadline_s=30.0)


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
    [(SHARE, 11.0), (Output.EQUITY_VALUE, 1_100.0), (Output.ENTERPRISE_VALUE, 1_500.0)],
)
async def test_each_output_may_be_asked_for(
    analyses: AnalysisService, output: Output, value: float
) -> None:
    rows, columns = axis("capital.wacc", 0.1), axis("bridge.debt", 500.0)
    grid = await analyses.sensitivity(principal(), recorded(), output, rows, columns)
    assert grid.tolist() == [[pytest.approx(value)]]


async def test_a_grid_over_inputs_past_the_door_is_refused_with_every_problem(
    analyses: AnalysisService,
) -> None:
    rows, columns = axis("capital.wacc", 5.0, 0.1), axis("terminal.gordon.growth", 0.9)
    with pytest.raises(InvalidInput) as no:
        await analyses.sensitivity(principal(), recorded(), SHARE, rows, columns)
    assert {problem.path for problem in no.value.problems} == {
        "rows.values[0]",
        "columns.values[0]",
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


class Listening(Compute):
    """Hears how long each piece of work is expected to take."""

    def __init__(self) -> None:
        super().__init__()
        self.heard_ms: list[float] = []

    async def run(self, expected_ms: float, work: Callable[[], R]) -> R:
        self.heard_ms.append(expected_ms)
        return await super().run(expected_ms, work)


@pytest.mark.parametrize(("took_ms", "beside"), [(0.1, False), (15.0, True)])
async def test_a_firm_that_takes_long_is_analysed_beside_the_loop_and_nobody_waits(
    analyses: AnalysisService, took_ms: float, beside: bool
) -> None:
    compute = Listening()
    analyses._compute = compute
    firm, who = dataclasses.replace(recorded(), duration_ms=took_ms), principal()
    wacc, growth = axis("capital.wacc", 0.1, 0.2), axis("terminal.gordon.growth", 0.0)
    case = Case(name="Once more", changes=(Change("bridge.debt", 1.0),))
    try:
        await analyses.sensitivity(who, firm, SHARE, wacc, growth)
        await analyses.one_way(who, firm, wacc)
        await analyses.gradient(who, firm, SHARE, None)
        await analyses.tornado(who, firm, SHARE, None, 0.1)
        await analyses.tornado(who, firm, SHARE, [Swing("bridge.cash", 0.0, 200.0)], 0.1)
        await analyses.scenarios(who, firm, [case])
    finally:
        compute.close()
    assert [heard > ON_LOOP_MS for heard in compute.heard_ms] == [beside] * 6


async def test_a_simulation_without_doubt_is_the_value_itself(analyses: AnalysisService) -> None:
    certain = spec(shocks=(Shock("capital.wacc", Normal(0.0)),))
    found = await analyses.simulation(principal(), recorded(), SHARE, certain, 10.0)
    assert found["minimum"] == found["maximum"] == WORTH_A_SHARE
    assert found["mean"] == WORTH_A_SHARE
    assert found["probabilityAbove"] == 1.0
    assert found["drivers"] == []


@pytest.mark.parametrize("sampling", Sampling)
async def test_the_same_seed_gives_the_same_trials(
    analyses: AnalysisService, sampling: Sampling
) -> None:
    async def run(seed: int) -> tuple[float, float]:
        asked = spec(1_000, seed=seed, sampling=sampling)
        found = await analyses.simulation(principal(), recorded(), SHARE, asked, None)
        return found["mean"], found["maximum"]

    assert await run(7) == await run(7)
    assert await run(7) != await run(8)


async def test_a_market_price_is_asked_about_only_where_it_is_one_of_the_output(
    analyses: AnalysisService,
) -> None:
    of = recorded(marketPrice=10.0)

    async def above(output: Output, price: float | None = None) -> object:
        found = await analyses.simulation(principal(), of, output, spec(), price)
        return found["probabilityAbove"]

    assert await above(Output.VALUE_PER_SHARE) == await above(Output.VALUE_PER_SHARE, 10.0)
    assert await above(Output.EQUITY_VALUE) is None  # 10 is no price of the whole firm
    assert await above(Output.EQUITY_VALUE, 10.0) == 1.0


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
        await analyses.simulation(principal(), recorded(), SHARE, wrong, float("nan"))
    paths = [problem.path for problem in no.value.problems]
    assert paths == ["spec.trials", "spec.seed", "spec.price", "spec.shocks[0].path"]


async def test_a_simulation_that_takes_longer_than_it_may_is_refused(
    analyses: AnalysisService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "_deadline_s", 1e-3)
    with pytest.raises(DeadlineMissed, match="Ask for fewer trials"):
        await analyses.simulation(principal(), recorded(), SHARE, spec(TRIALS_MAX), None)


async def test_a_worker_that_dies_under_a_simulation_is_replaced_and_nobody_notices(
    compute: Compute, database: Database, tenants: TenantService
) -> None:
    async with pool_of() as pool:
        async with pool.lent() as worker:
            worker._process.kill()
        done = await pool.done("SIMULATION", job(10_000), 30.0)
    assert done == expected(10_000)


async def test_a_simulation_while_too_many_wait_is_told_to_come_back_soon(
    analyses: AnalysisService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "QUEUE", 0)
    with pytest.raises(Overloaded) as no:
        await analyses.simulation(principal(), recorded(), SHARE, spec(), None)
    assert no.value.retry_after_s == 1.0


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


SERVER = """
import asyncio, json, sys
from pathlib import Path
from api.embedded import opened
from api.settings import Settings

async def main():
    home = {"VALOR_HOME": sys.argv[1]}
    query, variables = (Path(file).read_text() for file in sys.argv[2:])
    async with opened(Settings.read(home, dev=True)) as embedded:
        answer = await embedded.data(query, json.loads(variables))
    assert answer["valueDcf"]["simulation"]["sampling"] == "SOBOL"
    print([name for name in sys.modules if name.partition(".")[0] == "scipy"])

asyncio.run(main())
"""


def test_a_server_that_simulates_never_imports_scipy(tmp_path: Path) -> None:
    files = [str(EXAMPLES / f"simulation.{ending}") for ending in ("graphql", "json")]
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr

"""Monte Carlo: known means, honest counts, the same numbers always."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dcf import Capm, DcfInputs, DcfOutput, Gordon, dcf_question
from engine.errors import Infeasible
from engine.paths import replaced
from engine.questions import Question
from engine.sampling import CHUNK, SEED_MAX, generator
from engine.scenarios import gradient
from engine.schedules import Schedule
from engine.simulation import (
    BINS,
    PERCENTILES,
    Discrete,
    Distribution,
    Normal,
    Outcome,
    RelativeTo,
    Sampling,
    Shock,
    SimulationSpec,
    Uniform,
    draw_values,
    simulate,
)
from tests.mirror.engine.firms import firm

WACC, GROWTH = "capital.wacc", "terminal.gordon.growth"
SALES, MARGIN, CAPEX = (
    "operations.revenue_growth",
    "operations.ebit_margin",
    "operations.capital_expenditure",
)
EVERY_YEAR = (
    Shock(SALES, Normal(0.03), every_year=True),
    Shock(MARGIN, Normal(0.02), every_year=True),
    Shock(CAPEX, Uniform(-0.02, 0.02), every_year=True),
)
BUILT = Capm(
    risk_free_rate=0.04,
    equity_risk_premium=0.05,
    beta=1.0,
    pre_tax_cost_of_debt=0.06,
    debt_weight=0.2,
    tax_rate=0.25,
)


def asked(inputs: DcfInputs | None = None) -> Question[DcfInputs]:
    return dcf_question(inputs or firm(years=5, wacc=0.10), DcfOutput.VALUE_PER_SHARE)


def spec(*shocks: Shock, trials: int = 20_000, seed: int = 7) -> SimulationSpec:
    return SimulationSpec(trials=trials, seed=seed, shocks=shocks)


def base_value(question: Question[DcfInputs]) -> float:
    return float(question.worth(question.inputs))


# Known means


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_mean_is_the_base_where_the_value_is_linear_in_each_independent_shock(
    seed: int,
) -> None:
    # Growth enters as a product of independent factors, margins and capex as terms of it.
    question = asked()
    result = simulate(question, spec(*EVERY_YEAR, trials=40_000, seed=seed))
    assert result.infeasible == 0
    assert abs(result.mean - base_value(question)) < 4.0 * result.standard_error


def test_the_spread_is_what_the_gradient_says_where_the_value_is_linear() -> None:
    question = asked()
    years = [f"{CAPEX}[{year}]" for year in range(5)]
    slopes = gradient(question, years)
    expected = 0.02 * math.sqrt(math.fsum(slopes[year] ** 2 for year in years))
    trials = 40_000
    result = simulate(question, spec(Shock(CAPEX, Normal(0.02), every_year=True), trials=trials))
    # The standard error of a normal sample's deviation is s / sqrt(2 n).
    assert abs(result.standard_deviation - expected) < 4.0 * expected / math.sqrt(2.0 * trials)
    assert result.standard_error == pytest.approx(result.standard_deviation / math.sqrt(trials))


def test_a_shock_that_is_drawn_once_moves_every_year_together() -> None:
    question = asked()
    together = abs(gradient(question, [CAPEX])[CAPEX]) * 0.02
    result = simulate(question, spec(Shock(CAPEX, Normal(0.02)), trials=40_000))
    assert result.standard_deviation == pytest.approx(together, rel=0.02)


def test_a_random_wacc_has_the_mean_that_quadrature_finds() -> None:
    question = asked()
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    deviation = 0.005
    values = [float(question.worth(replaced(question.inputs, {WACC: 0.10 + deviation * float(z)})))
              for z in nodes]  # fmt: skip
    expected = float(np.dot(weights, values) / weights.sum())
    result = simulate(question, spec(Shock(WACC, Normal(deviation)), trials=100_000))
    assert abs(result.mean - expected) < 4.0 * result.standard_error
    assert result.mean - base_value(question) > 4.0 * result.standard_error  # it is convex


def test_a_uniform_shock_stays_between_its_ends_and_has_their_mean() -> None:
    question = asked()
    result = simulate(question, spec(Shock("bridge.cash", Uniform(100.0, 300.0)), trials=40_000))
    base = base_value(question)  # 50 shares: 2 to 6 a share
    assert base + 2.0 <= result.minimum < base + 2.01
    assert base + 5.99 < result.maximum <= base + 6.0
    assert abs(result.mean - (base + 4.0)) < 4.0 * result.standard_error
    assert result.standard_deviation == pytest.approx(4.0 / math.sqrt(12.0), rel=0.02)


# The same numbers, always


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first = draw_values(asked(), spec(*EVERY_YEAR)).tobytes()
    assert draw_values(asked(), spec(*EVERY_YEAR)).tobytes() == first
    assert draw_values(asked(), spec(*EVERY_YEAR, seed=8)).tobytes() != first


@pytest.mark.parametrize("trials", [100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_longer_simulation_begins_with_the_shorter_one(trials: int) -> None:
    longer = draw_values(asked(), spec(*EVERY_YEAR, trials=3 * CHUNK))
    shorter = draw_values(asked(), spec(*EVERY_YEAR, trials=trials))
    assert shorter.tobytes() == longer[:trials].tobytes()


def test_simulations_that_run_side_by_side_do_not_disturb_each_other() -> None:
    question = asked()
    alone = [draw_values(question, spec(*EVERY_YEAR, seed=seed)).tobytes() for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        together = pool.map(
            lambda seed: draw_values(question, spec(*EVERY_YEAR, seed=seed)).tobytes(), range(6)
        )
        assert list(together) == alone


def test_each_chunk_is_drawn_by_its_own_generator_shock_by_shock_and_year_by_year() -> None:
    question = asked()
    values = draw_values(question, spec(*EVERY_YEAR, Shock(WACC, Normal(0.005))))
    for chunk in (0, 2):
        source = generator(7, chunk)
        draws: dict[str, float] = {}
        sales = source.standard_normal((5, CHUNK)) * 0.03 + 0.10
        margin = source.standard_normal((5, CHUNK)) * 0.02 + 0.20
        capex = source.random((5, CHUNK)) * 0.04 + (0.08 - 0.02)
        wacc = source.standard_normal(CHUNK) * 0.005 + 0.10
        for trial in (0, 1, 2_345):
            for year in range(5):
                draws[f"{SALES}[{year}]"] = float(sales[year, trial])
                draws[f"{MARGIN}[{year}]"] = float(margin[year, trial])
                draws[f"{CAPEX}[{year}]"] = float(capex[year, trial])
            draws[WACC] = float(wacc[trial])
            alone = question.worth(replaced(question.inputs, draws))
            assert values[chunk * CHUNK + trial] == alone


@pytest.mark.parametrize("distribution", [Normal(0.0), Uniform(0.0, 0.0)])
def test_shocks_without_spread_give_the_base_in_every_trial(distribution: Distribution) -> None:
    question = asked()
    shocks = [Shock(shock.path, distribution, shock.every_year) for shock in EVERY_YEAR]
    shocks.append(Shock("operations.tax_rate", distribution))
    result = simulate(question, spec(*shocks), price=base_value(question))
    base = base_value(question)
    assert set(draw_values(question, spec(*shocks)).tolist()) == {base}
    assert result.minimum == result.maximum == base
    assert set(result.percentiles.tolist()) == {base}
    assert result.mean == pytest.approx(base, rel=1e-14)
    assert result.standard_deviation == pytest.approx(0.0, abs=1e-12)
    assert result.bin_counts.tolist() == [20_000.0]
    assert result.bin_edges[0] <= base < result.bin_edges[1]
    assert result.probability_above == 0.0


# Counts


@pytest.mark.parametrize("every_year", [False, True])
def test_trials_without_a_value_are_counted_and_stand_in_no_statistic(every_year: bool) -> None:
    # Growth from 3 % to 9 % against a WACC of 8 %: what is above 7.9 % has no value.
    question = asked(firm(years=5, wacc=0.08, terminal=Gordon(growth=0.03)))
    shocks = [Shock(GROWTH, Uniform(0.0, 0.06))]
    if every_year:
        shocks.append(Shock(CAPEX, Normal(0.01), every_year=True))
    asked_for = spec(*shocks, trials=CHUNK)
    growth = generator(7, 0).random(CHUNK) * 0.06 + 0.03
    without = int(np.count_nonzero(0.08 - growth < 0.001 - 1e-12))
    assert 1_000 < without < 2_000
    result, values = simulate(question, asked_for), draw_values(question, asked_for)
    kept = values[~np.isnan(values)]
    assert np.array_equal(np.isnan(values), 0.08 - growth < 0.001 - 1e-12)
    assert (result.trials, result.infeasible) == (CHUNK, without)
    assert result.mean == pytest.approx(kept.mean())
    assert result.standard_error == pytest.approx(kept.std(ddof=1) / math.sqrt(kept.size))
    assert result.mean_ends.high - result.mean == pytest.approx(1.96 * result.standard_error, 1e-3)
    assert result.bin_counts.sum() == kept.size
    assert (result.minimum, result.maximum) == (kept.min(), kept.max())


def test_a_simulation_that_loses_more_than_half_of_its_trials_is_infeasible() -> None:
    question = asked(firm(years=5, wacc=0.08, terminal=Gordon(growth=0.03)))
    # From 3 % on, 4.9 points are feasible: 51 % of 9.6 points, 49 % of 10.
    simulate(question, spec(Shock(GROWTH, Uniform(0.0, 0.096))))
    with pytest.raises(Infeasible, match="of 20,000 trials have no finite value") as no:
        simulate(question, spec(Shock(GROWTH, Uniform(0.0, 0.1))))
    assert no.value.code == "INFEASIBLE"


def test_values_too_far_apart_to_have_a_deviation_are_infeasible() -> None:
    # Ten years of growth around 1e18 are 1e180, whose square no double holds.
    with pytest.raises(Infeasible, match="wider than the model can bear"):
        simulate(
            asked(firm(years=10, wacc=0.10)), spec(Shock(SALES, Normal(1e18), every_year=True))
        )


# The shape


@settings(deadline=None, max_examples=40)
@given(st.integers(0, SEED_MAX), st.integers(100, 5_000), st.floats(-20.0, 60.0))
def test_the_summary_is_numpys_summary_of_the_same_values(
    seed: int, trials: int, price: float
) -> None:
    question, asked_for = asked(), spec(*EVERY_YEAR, trials=trials, seed=seed)
    values = draw_values(question, asked_for)
    result = simulate(question, asked_for, price)
    assert result.percentile_levels == PERCENTILES
    assert result.percentiles == pytest.approx(np.quantile(values, PERCENTILES), rel=1e-12)
    assert result.mean == pytest.approx(values.mean(), rel=1e-12)
    assert result.standard_deviation == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert (result.minimum, result.maximum) == (values.min(), values.max())
    assert result.probability_above == pytest.approx(np.mean(values > price), abs=1e-12)
    assert result.bin_edges.size == BINS + 1
    assert result.bin_edges[[0, -1]] == pytest.approx(np.quantile(values, [0.005, 0.995]))
    assert result.bin_edges == pytest.approx(
        np.linspace(result.bin_edges[0], result.bin_edges[-1], BINS + 1)
    )
    # Trials beyond the edges are in the outer bins, and none is lost.
    clipped = np.clip(values, result.bin_edges[0], result.bin_edges[-1])
    assert result.bin_counts.tolist() == np.histogram(clipped, result.bin_edges)[0].tolist()
    assert result.bin_counts.sum() == trials


def test_the_chance_to_be_above_a_price_is_strict_and_asked_for() -> None:
    question = asked()
    asked_for = spec(Shock("bridge.cash", Uniform(100.0, 300.0)), trials=10_000)
    values = np.sort(draw_values(question, asked_for))

    def above(price: float | None) -> float | None:
        return simulate(question, asked_for, price).probability_above

    assert above(None) is None
    assert above(float(values[0]) - 1.0) == 1.0
    assert above(float(values[-1])) == 0.0
    assert above(float(values[7_499])) == pytest.approx(0.25)


@pytest.mark.parametrize("sampling", Sampling)
def test_a_value_at_the_price_is_neither_above_it_nor_short_of_it(sampling: Sampling) -> None:
    odds = tuple(map(Outcome, (100.0, 200.0, 400.0), (0.25, 0.25, 0.5)))
    cash = Shock("bridge.cash", Discrete(odds, RelativeTo.ABSOLUTE))
    question = dcf_question(firm(), DcfOutput.EQUITY_VALUE)
    price = float(question.worth(question.inputs)) + 200.0
    found = simulate(question, replace(spec(cash, trials=4_096), sampling=sampling), price)
    assert found.probability_above == pytest.approx(0.5, abs=0.03)
    assert found.mean_shortfall == pytest.approx(100.0, rel=1e-12)


def test_a_shock_on_a_schedule_and_on_one_of_its_years_add_up() -> None:
    question = asked(firm(years=2, revenue_growth=Schedule.explicit([0.1, 0.1])))
    both = spec(
        Shock("operations.tax_rate", Uniform(0.05, 0.05)),
        Shock("operations.tax_rate[1]", Uniform(0.10, 0.10)),
    )
    expected = asked(firm(years=2, tax_rate=Schedule.explicit([0.30, 0.40])))
    assert draw_values(question, both)[0] == pytest.approx(base_value(expected))

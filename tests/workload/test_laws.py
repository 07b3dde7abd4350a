"""Durations as laws: what is written is what is drawn, and what an observer finds under way."""

from __future__ import annotations

import numpy as np
import pytest

from ecssim.workload.distributions import Law, constant, lognormal, residual, uniform

N = 20_000
LAWS = [
    pytest.param(constant(12.0), id="a constant"),
    pytest.param(lognormal(60.0, 162.0), id="a lognormal"),
    pytest.param(Law("exponential", 40.0), id="an exponential"),
    pytest.param(Law("normal", 30.0, 5.0), id="a normal"),
    pytest.param(uniform(5.0, 15.0), id="a uniform"),
    pytest.param(Law("empirical", values=(3.0, 1.0, 2.0, 10.0)), id="an empirical"),
]


def draws(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(N), rng.random(N), rng.random(N)


@pytest.mark.parametrize("law", LAWS)
def test_median_and_mean_are_those_of_the_values(law: Law) -> None:
    z, u, _ = draws()
    values = law.values_of(z, u)
    assert values.shape == (N,)
    assert values.min() >= 0.0
    assert values.mean() == pytest.approx(law.mean, rel=0.03)
    if law.kind != "empirical":
        assert float(np.median(values)) == pytest.approx(law.median, rel=0.03)


def test_a_lognormal_law_with_a_least_value_keeps_its_percentiles_and_has_nothing_below() -> None:
    z, u = np.random.default_rng(3).normal(size=20_000), np.zeros(20_000)
    law = lognormal(45.0, 90.0, least=22.6)
    values = law.values_of(z, u)
    assert values.min() == 22.6
    free = lognormal(45.0, 90.0).values_of(z, u)
    assert (values == np.maximum(free, 22.6)).all()
    assert law.scaled(2.0).values_of(z, u).min() == 45.2
    assert law.fixed().values_of(z, u).max() == 45.0


def test_a_lognormal_has_the_percentile_that_was_written() -> None:
    z, u, _ = draws()
    values = lognormal(60.0, 162.0).values_of(z, u)
    assert float(np.quantile(values, 0.95)) == pytest.approx(162.0, rel=0.03)
    # The day's law: median 60 and p95 162 minutes have a mean of about 72.
    assert lognormal(60.0, 162.0).mean == pytest.approx(72.0, rel=0.01)


def test_a_normal_is_cut_at_zero() -> None:
    z, u, _ = draws()
    values = Law("normal", 1.0, 5.0).values_of(z, u)
    assert values.min() == 0.0


@pytest.mark.parametrize("law", LAWS)
def test_fixed_always_gives_the_median(law: Law) -> None:
    z, u, _ = draws()
    assert set(law.fixed().values_of(z[:50], u[:50]).tolist()) == {law.median}


@pytest.mark.parametrize("law", LAWS)
def test_a_scaled_law_gives_scaled_values_from_the_same_draws(law: Law) -> None:
    z, u, _ = draws()
    assert np.allclose(law.scaled(3.0).values_of(z, u), 3.0 * law.values_of(z, u))


@pytest.mark.parametrize("law", LAWS)
def test_one_value_alone_has_the_bits_of_the_same_value_in_a_column(law: Law) -> None:
    z, u, _ = draws()
    column = law.values_of(z[:64], u[:64])
    for i in range(64):
        assert float(law.values_of(z[i : i + 1], u[i : i + 1])[0]) == float(column[i])


@pytest.mark.parametrize("law", LAWS)
def test_what_is_found_under_way_follows_from_renewal_theory(law: Law) -> None:
    """Age and rest have the same mean, E[X^2] / (2 E[X]); their sum is the length-biased law."""
    z, u, v = draws(2)
    values = law.values_of(z, u)
    expected = float((values**2).mean() / (2 * values.mean()))
    pairs = np.array([residual(law, a, b, c) for a, b, c in zip(z, u, v, strict=True)])
    assert pairs.min() >= 0.0
    assert pairs[:, 0].mean() == pytest.approx(expected, rel=0.06)
    assert pairs[:, 1].mean() == pytest.approx(expected, rel=0.06)


def test_an_exponential_is_memoryless() -> None:
    z, u, v = draws(3)
    pairs = np.array([residual(Law("exponential", 40.0), a, b, c) for a, b, c in zip(z, u, v, strict=True)])
    assert float(np.median(pairs[:, 1])) == pytest.approx(40.0 * np.log(2), rel=0.05)
    assert abs(float(np.corrcoef(pairs[:, 0], pairs[:, 1])[0, 1])) < 0.03

import numpy as np
import pytest

from skyreels_a2.bench.statistics import compare_paired, estimate, spearman


def test_the_interval_holds_the_true_mean_about_95_times_of_100():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        found = estimate(list(rng.normal(0.5, 0.1, 50)))
        hits += found.low <= 0.5 <= found.high
    assert 270 <= hits <= 297


def test_an_estimate_of_one_value_is_that_value_without_an_interval_and_of_none_is_none():
    found = estimate([0.4])
    assert (found.mean, found.low, found.high, found.count) == (0.4, 0.4, 0.4, 1)
    assert found.interval() == "one case"
    assert estimate([0.4, 0.4]).interval(".2f") == "0.40 to 0.40"
    assert estimate([]) is None


def test_a_small_but_steady_gain_is_seen_only_when_paired():
    rng = np.random.default_rng(5)
    first = rng.uniform(0.2, 0.8, 50)
    second = first - rng.normal(0.02, 0.01, 50)
    one, other = estimate(list(first)), estimate(list(second))
    assert one.low < other.high  # apart, they overlap
    found = compare_paired(list(first), list(second))
    assert found.difference.low > 0
    assert found.probability > 0.99


def test_equal_systems_are_not_told_apart():
    assert compare_paired([0.5, 0.2], [0.5, 0.2]).probability == pytest.approx(0.5)


def test_spearman_is_that_of_scipy():
    scipy_stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = rng.integers(0, 4, 8), rng.integers(0, 4, 8)
        expected = scipy_stats.spearmanr(a, b).statistic
        assert spearman(a, b) == pytest.approx(0.0 if np.isnan(expected) else expected)

"""Every published row comes out of its formula."""

import pytest

from skyreels_a2.bench.formulas import (
    A2_METRICS,
    a2_comprehensive,
    home_total,
    intelligentvbench_row,
    intelligentvbench_total,
    magref_total,
    opens2v_metric,
    opens2v_normalised,
    opens2v_total,
)
from skyreels_a2.bench.published import A2_BENCH, A2_TOTALS


@pytest.mark.parametrize("system", A2_BENCH)
def test_the_comprehensive_score_is_the_printed_one(system):
    assert round(a2_comprehensive(A2_BENCH[system]), 3) == A2_TOTALS[system]
    assert set(A2_BENCH[system]) == set(A2_METRICS)


def test_the_home_total_uses_what_is_known_by_the_published_weights():
    values = {"character-lite": 0.6, "sharpness": 0.3, "flow-dynamics": None}
    assert home_total(values) == pytest.approx((1.5 * 0.6 + 0.3) / 2.5)
    assert home_total({}) is None


MISPRINTED = {("1.0", "human", 54.52): 54.43}
"""EchoVideo's total in v1.0 Human is not what its own row gives."""
# The rows of OpenS2V-Eval's leaderboards, per metric in percent, and the printed total last.
OPENS2V = {
    ("1.0", "human"): (
        ("aesthetics", "motion", "facesim", "gmescore", "naturalscore"),
        """
        47.33 14.80 38.50 70.42 71.99 51.11
        52.39 28.94 29.41 75.03 72.53 52.56
        50.94 50.55 41.02 67.79 78.28 59.13
        51.45 8.78 19.98 73.27 70.89 46.28
        53.18 16.87 22.29 73.61 73.00 49.02
        52.78 11.76 64.65 69.53 74.33 58.57
        50.80 14.14 46.30 72.17 71.67 53.64
        39.88 31.98 55.02 63.63 67.33 54.27
        49.67 15.13 62.25 69.78 67.00 55.85
        52.75 31.83 57.79 71.42 74.52 60.20
        41.76 38.12 43.14 72.03 64.67 52.97
        44.13 31.76 43.83 73.67 66.44 53.32
        45.60 23.48 32.42 72.68 68.11 49.80
        39.93 35.16 48.57 68.40 69.22 54.52
        31.76 50.09 76.45 45.28 47.08 52.31
        42.03 33.54 31.56 52.91 54.03 43.37
        49.14 41.24 55.02 72.55 68.33 58.69
        43.13 17.19 50.05 71.90 69.44 53.18
        51.20 14.76 32.87 70.88 72.22 50.41
        """,
    ),
    ("1.0", "open"): (
        ("aesthetics", "motion", "facesim", "gmescore", "nexusscore", "naturalscore"),
        """
        41.47 13.52 35.11 67.57 43.55 71.44 47.59
        46.87 24.70 30.80 69.21 45.41 69.79 48.88
        44.60 41.60 40.10 66.20 45.92 79.06 54.46
        47.27 12.03 16.58 71.38 40.04 70.56 43.95
        48.24 18.83 20.58 71.26 37.95 71.78 45.53
        47.21 15.02 55.09 67.27 44.20 72.78 52.87
        46.67 14.29 48.55 69.43 42.44 70.26 50.71
        39.40 25.60 45.95 64.54 43.77 67.22 49.61
        46.39 33.42 51.48 70.65 37.43 68.66 52.32
        45.02 21.81 30.83 70.47 43.04 69.49 47.93
        """,
    ),
    ("1.0", "single"): (
        ("aesthetics", "motion", "facesim", "gmescore", "nexusscore", "naturalscore"),
        """
        34.78 24.40 36.20 65.56 45.20 72.60 48.67
        38.64 31.90 32.94 62.19 47.34 70.60 48.93
        35.63 36.40 39.26 61.99 48.24 81.40 53.12
        42.58 18.00 18.02 65.93 36.26 76.00 44.28
        41.81 33.78 22.38 65.35 38.52 76.00 47.33
        41.30 35.54 64.65 58.55 51.33 77.33 58.00
        42.98 19.30 44.03 65.61 37.78 76.00 49.95
        33.83 21.60 54.42 61.93 48.63 70.60 51.64
        34.08 26.83 55.93 54.31 50.75 68.66 51.64
        47.46 41.55 51.82 70.07 35.35 69.35 53.17
        46.31 27.43 33.77 69.02 42.45 69.81 49.13
        """,
    ),
    ("1.1", "human"): (
        (
            *("aesthetics", "motionsmoothness", "motionamplitude"),
            *("facesim", "gmescore", "naturalscore"),
        ),
        """
        39.89 80.19 31.49 55.01 63.63 59.31 56.43
        47.33 91.31 14.54 38.5 70.43 67.78 57.7
        39.93 77.96 35.58 48.65 68.4 62.22 56.36
        52.75 99.1 31.8 57.69 71.42 69.2 65.26
        51.2 90.26 14.76 32.87 70.88 70.28 57.72
        44.13 81.9 31.07 43.87 73.67 58.75 55.89
        49.67 84.73 15.13 62.25 69.78 60.56 61.22
        43.13 85.86 17.19 50.05 71.9 68.47 59.85
        45.6 85.44 23.41 32.48 72.68 62.36 54.33
        41.77 79.83 37.99 43.19 72.03 55.83 54.19
        50.94 84.75 50.02 41.02 67.79 71.55 60.19
        31.76 77.5 50.09 76.45 45.28 47.08 54.23
        51.91 95.8 8.78 19.98 73.27 65.83 53.97
        53.18 95.84 16.87 22.29 73.61 65.28 54.9
        52.39 85.29 28.77 29.42 75.03 67.53 56.84
        42.03 94.69 33.54 31.56 52.91 56.11 49.75
        50.8 92.02 14.09 46.29 72.17 65.83 60.0
        52.78 94.96 11.76 64.65 69.53 69.31 65.78
        49.14 94.81 41.24 55.04 72.55 69.86 64.22
        51.25 97.90 5.03 47.99 69.91 71.39 62.08
        """,
    ),
    ("1.1", "open"): (
        (
            *("aesthetics", "motionsmoothness", "motionamplitude", "facesim"),
            *("gmescore", "nexusscore", "naturalscore"),
        ),
        """
        45.02 93.17 21.81 30.83 70.47 43.04 66.9 52.51
        47.34 96.8 12.03 16.59 71.38 40.19 64.31 48.98
        46.39 96.31 33.42 51.46 70.65 37.43 69.35 56.77
        39.41 87.93 25.6 45.95 64.54 43.75 60.32 52.25
        46.88 87.06 24.71 30.38 69.19 45.4 63.32 51.88
        44.59 86.93 41.6 40.1 66.2 45.89 74.59 56.23
        41.48 90.45 13.52 35.11 67.57 43.37 65.88 51.95
        46.67 93.3 14.29 48.56 69.43 42.48 62.5 54.89
        48.24 97.2 18.83 20.57 71.26 37.91 65.46 49.89
        47.21 94.97 15.02 55.09 67.27 44.08 67.04 57.55
        45.55 95.90 13.91 53.71 67.79 46.84 66.85 57.61
        """,
    ),
    ("1.1", "single"): (
        (
            *("aesthetics", "motionsmoothness", "motionamplitude", "facesim"),
            *("gmescore", "nexusscore", "naturalscore"),
        ),
        """
        48.93 95.68 11.91 18.04 70.78 36.24 66.85 49.2
        49.41 95.42 22.51 22.37 70.87 38.34 68.33 51.13
        45.97 85.76 47.17 39.27 65.36 49.3 73.63 56.67
        47.43 86.07 26.32 32.33 69.84 47.35 64.68 53.12
        40.85 85.54 26.41 54.42 61.81 48.6 61.85 55.06
        46.31 92.63 27.43 33.77 69.02 42.45 68.33 53.44
        47.46 94.86 41.55 51.82 70.07 35.3 71.11 57.02
        49.0 93.7 16.38 44.03 69.54 37.72 66.76 54.5
        48.94 93.16 19.69 64.65 65.86 50.82 70.56 61.75
        43.32 91.88 17.52 36.19 66.96 44.84 66.11 52.9
        44.84 86.49 17.94 55.93 62.71 56.49 58.98 56.89
        """,
    ),
}


def opens2v_rows():
    for (version, domain), (metrics, text) in OPENS2V.items():
        for line in text.split("\n"):
            if numbers := [float(word) for word in line.split()]:
                yield version, domain, dict(zip(metrics, numbers, strict=False)), numbers[-1]


@pytest.mark.parametrize(("version", "domain", "values", "total"), list(opens2v_rows()))
def test_opens2v_totals_are_the_printed_ones(version, domain, values, total):
    expected = MISPRINTED.get((version, domain, total), total)
    assert opens2v_total(version, domain, values) == pytest.approx(expected, abs=0.035)


def test_all_82_rows_of_opens2v_are_there():
    assert len(list(opens2v_rows())) == 19 + 10 + 11 + 20 + 11 + 11


def test_opens2v_brings_raw_figures_to_one_scale():
    assert opens2v_normalised("aesthetics", 5.5) == pytest.approx(0.5)
    assert opens2v_normalised("naturalscore", 3.0) == pytest.approx(0.5)
    assert opens2v_normalised("nexusscore", 0.2) == 1.0
    assert opens2v_metric("nexusscore", [0.0, 0.025, None]) == pytest.approx(0.5)
    assert opens2v_metric("facesim", [0.0, 0.5]) == pytest.approx(0.25)
    assert opens2v_metric("facesim", [None]) is None


@pytest.mark.parametrize(
    ("row", "total"),
    [
        ((0.511, 0.443, 0.842, 0.618), 0.604),
        ((0.492, 0.504, 0.952, 0.722), 0.668),
        ((0.577, 0.524, 0.949, 0.696), 0.687),
        ((0.595, 0.516, 0.956, 0.710), 0.694),
    ],
)
def test_magref_is_the_plain_mean(row, total):
    assert magref_total(row) == pytest.approx(total, abs=6e-4)


def test_intelligentvbench_counts_a_missing_score_as_one():
    assert intelligentvbench_row([5, 4, None]) == (pytest.approx(10 / 3), 1.0)
    assert intelligentvbench_total([[5, 5, 5], [3, 2, 4]]) == (4.0, 3.5)

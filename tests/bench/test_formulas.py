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

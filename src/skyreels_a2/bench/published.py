"""Published rows of A2-Bench (SkyReels-A2, table 1), to stand beside one's own."""

from __future__ import annotations

from collections.abc import Mapping

from skyreels_a2.bench.formulas import A2_METRICS

_TABLE = {
    "Pika 2.1": (0.388, 0.788, 0.733, 0.548, 0.628, 0.917, 0.918, 29.128),
    "Vidu 2.1": (0.455, 0.796, 0.727, 0.565, 0.616, 0.960, 0.878, 28.926),
    "Kling 1.6": (0.497, 0.790, 0.700, 0.587, 0.609, 0.879, 1.000, 27.504),
    "SkyReels-A2": (0.398, 0.809, 0.677, 0.683, 0.579, 0.891, 1.000, 28.188),
}
A2_BENCH: Mapping[str, Mapping[str, float]] = {
    system: dict(zip(A2_METRICS, row, strict=True)) for system, row in _TABLE.items()
}
"""System to its value by metric."""
A2_TOTALS = {"Pika 2.1": 0.807, "Vidu 2.1": 0.821, "Kling 1.6": 0.826, "SkyReels-A2": 0.818}
"""System to the total that the paper prints."""

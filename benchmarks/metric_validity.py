"""Measure how well every metric ranks rendered scenes of known truth, and write it down.

    python benchmarks/metric_validity.py --source all --assets FOLDER --count 24

Writes `src/skyreels_a2/bench/measured_validity.json`, which reports and documentation read; with
`--metric`, only those figures of it, if it is of the same scenes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.validity import measure_validity
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.scenes.sources import open_source

OUT = Path(__file__).parents[1] / "src/skyreels_a2/bench/measured_validity.json"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="builtin")
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--metric", action="append")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    weights = Weights(model_folder=model_folder("a2-tiny"))
    found = measure_validity(
        open_source(given.source, cache=given.assets),
        open_metrics(given.metric, weights),
        count=given.count,
        on_scene=lambda done, total: print(f"{done}/{total}", end="\r", flush=True),
    )
    for name, validity in found.items():
        steps = " > ".join(f"{version} {mean:.3f}" for version, mean in validity.means.items())
        rho = validity.rho
        print(f"{name:18} rho {rho.mean:.2f} [{rho.low:.2f}, {rho.high:.2f}]  {steps}")
    scenes = {"source": given.source, "scenes": given.count}
    figures = {
        name: {**asdict(v.rho), "rho": round(v.rho.mean, 3), "means": dict(v.means)}
        for name, v in found.items()
    }
    if given.metric:
        before = json.loads(given.out.read_text())
        if any(before[key] != value for key, value in scenes.items()):
            print("not written: the other figures are of other scenes")
            return
        figures = {**before["metrics"], **figures}
    given.out.write_text(json.dumps({**scenes, "metrics": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What the home total of scenes-50 is for the rendered truth, and for what is plainly bad.

python benchmarks/home_total_scale.py --assets FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from skyreels_a2.bench import worsening
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.formulas import HOME_WEIGHTS, home_total
from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.bench.statistics import estimate
from skyreels_a2.bench.suites.scenes_50 import origins, read_scenes_50
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.scenes.splits import Split


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--limit", type=int, default=None)
    given = parser.parse_args()
    source = open_source("all", cache=given.assets)
    metrics = open_metrics(list(HOME_WEIGHTS), Weights())
    spec = SceneSpec(characters=(1, 1), objects=(1, 1))
    cases = read_scenes_50().first(given.limit).cases
    found: dict[str, list[float]] = {}
    previous = None
    for case in cases:
        seed = origins()[case.id].seed
        scene = sample_scene(source, seed, split=Split.HELD_OUT, spec=spec)
        frames = render(scene, source).frames
        versions = {
            "rendered truth": frames,
            "truth, blurred": worsening.blurred(frames, 1.5),
            "truth, frozen": worsening.frozen(frames),
            "truth of another case": frames if previous is None else previous,
            "noise": worsening.noisy(np.full_like(frames, 128), 60),
        }
        previous = frames
        for name, version in versions.items():
            scores = measure_all(case, Footage(version, 10.0), metrics)
            total = home_total({n: score.value for n, score in scores.items()})
            if total is not None and not (name.endswith("case") and version is frames):
                found.setdefault(name, []).append(total)
    for name, totals in found.items():
        if mean := estimate(totals):
            print(f"{name:24} {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]")


if __name__ == "__main__":
    main()

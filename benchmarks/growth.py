"""How time and memory grow with frames, size and references: measured, fitted, plotted.

    python benchmarks/growth.py [--model mid|a2-tiny] [--out docs/images/growth.png] [--json FILE]

From one request (`BASE`) each of the three is varied alone. Time is the least of some runs of the
real modules, memory the most that torch's allocator had out at once beside the weights. Passes are
fitted by a·n + b·n² over their video tokens n (+ c), the VAE by a line over its pixels (+ c).
Nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import mid_model
import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from skyreels_a2 import VideoSpec
from skyreels_a2.pipeline import needs
from skyreels_a2.pipeline.configs import build_models, configs_of
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.runtime.convolutions import channels_last

MIB = 2**20
PHASES = ("sample", "encode", "decode")
LABELS = {"sample": "one pass", "encode": "VAE encode", "decode": "VAE decode"}


@dataclass(frozen=True, slots=True)
class Point:
    """One request: what is sampled, and with how many pictures."""

    spec: VideoSpec
    references: int = 3

    @property
    def tokens(self) -> int:
        """Video tokens of a pass."""
        return self.spec.num_latent_frames * (self.spec.height // 16) * (self.spec.width // 16)

    @property
    def pixels(self) -> int:
        """Pixels of the VAE's video."""
        return self.spec.num_frames * self.spec.height * self.spec.width


BASE = Point(VideoSpec(160, 96, 33, 8))
LINES = {
    "frames": [Point(replace(BASE.spec, num_frames=n)) for n in (17, 33, 49, 65, 81)],
    "size": [Point(replace(BASE.spec, width=5 * n, height=3 * n)) for n in (16, 32, 48, 64, 80)],
    "references": [Point(BASE.spec, n) for n in (1, 2, 3, 4, 6)],
}
TICKS: dict[str, Callable[[Point], str]] = {
    "frames": lambda point: str(point.spec.num_frames),
    "size": lambda point: f"{point.spec.width}x{point.spec.height}",
    "references": lambda point: str(point.references),
}


def works(models: dict[str, Any], point: Point) -> dict[str, Callable[[], Any]]:
    """What each phase runs; the decoder a video's every frame."""
    vae, spec = models["vae"], point.spec
    # Parts of what is counted, a part at a time.
    return {
        "sample": partial(needs._pass, models, spec, point.references, 1),  # noqa: SLF001
        "encode": partial(needs._encode, vae, spec),  # noqa: SLF001
        "decode": partial(needs._decode, vae, spec, spec.num_latent_frames),  # noqa: SLF001
    }


def measure(work: Callable[[], Any], *, runs: int) -> dict[str, float]:
    """Least seconds and greatest MiB."""
    with torch.no_grad():
        work()
        seconds = []
        for _ in range(runs):
            begin = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begin)
    return {"seconds": min(seconds), "mib": peak(work) / MIB}


def peak(work: Callable[[], Any]) -> int:
    """Most bytes that torch's allocator had out at once."""
    gc.collect()
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    now = most = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    # What is there at the end took the place of what was there before, and was freed unseen.
    return most - max(0, now)


def fit(points: list[Point], rows: list[dict[str, float]], phase: str) -> tuple[list[float], float]:
    """Coefficients of n² (passes only), n and 1 for seconds, and R²; n in thousands."""
    unit = 1e3 if phase == "sample" else 1e6
    n = np.array([(p.tokens if phase == "sample" else p.pixels) / unit for p in points])
    told = np.array([row["seconds"] for row in rows])
    columns = [n, np.ones_like(n)] if phase != "sample" else [n * n, n, np.ones_like(n)]
    found, *_ = np.linalg.lstsq(np.stack(columns, 1), told, rcond=None)
    left = told - np.stack(columns, 1) @ found
    return [float(v) for v in found], float(1 - left.var() / told.var())


def run(models: dict[str, Any], runs: int) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Figures by line and phase."""
    told: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name, points in LINES.items():
        told[name] = {phase: [] for phase in PHASES}
        for point in points:
            for phase, work in works(models, point).items():
                told[name][phase].append(measure(work, runs=runs))
            print(
                f"{name} {TICKS[name](point)}: " + "  ".join(_cell(told[name], p) for p in PHASES)
            )
    return told


def _cell(told: dict[str, list[dict[str, float]]], phase: str) -> str:
    last = told[phase][-1]
    return f"{LABELS[phase]} {last['seconds']:.3f} s, {last['mib']:.0f} MiB"


def fits(
    told: dict[str, dict[str, list[dict[str, float]]]],
) -> dict[str, tuple[list[float], float]]:
    """By phase, over frames and sizes together: both only change how much there is."""
    points = LINES["frames"] + LINES["size"]
    return {
        phase: fit(points, told["frames"][phase] + told["size"][phase], phase) for phase in PHASES
    }


def plot(told: dict[str, dict[str, list[dict[str, float]]]], path: Path, title: str) -> None:
    """Time above, memory below; a column for each of the three."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(11, 6), sharey="row", layout="constrained")
    for column, (name, points) in enumerate(LINES.items()):
        ticks = [TICKS[name](point) for point in points]
        for row, key in enumerate(("seconds", "mib")):
            axis = axes[row][column]
            for phase, marker in zip(PHASES, "o^s", strict=True):
                axis.plot(
                    ticks, [r[key] for r in told[name][phase]], marker, ls="-", label=LABELS[phase]
                )
            axis.set_yscale("log")
            axis.grid(alpha=0.3)
            if row:
                axis.set_xlabel(name)
    axes[0][0].set_ylabel("seconds")
    axes[1][0].set_ylabel("MiB beside the weights")
    axes[0][0].legend(frameon=False)
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def open_models(name: str) -> dict[str, Any]:
    """The mid model, or one from a folder, with random weights: their values cost no time."""
    if name == "mid":
        return mid_model.build()
    configs = configs_of(model_folder(name))
    models = build_models(configs, dict.fromkeys(configs, torch.float32))
    channels_last(models["vae"])  # as the pipeline has it on a CPU
    return models


def main() -> None:
    """Measure, fit, print and plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="mid")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/images/growth.png"))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    told = run(open_models(arguments.model), arguments.runs)
    for phase, (coefficients, fitted) in fits(told).items():
        shown = " ".join(f"{value:+.4g}" for value in coefficients)
        print(f"{LABELS[phase]}: {shown}, R2 {fitted:.4f}")
    threads = torch.get_num_threads()
    title = f"{arguments.model}: from 160x96, 33 frames, 3 references; {threads} threads"
    plot(told, arguments.out, title)
    if arguments.json:
        arguments.json.write_text(json.dumps({"told": told, "fits": fits(told)}), encoding="utf-8")


if __name__ == "__main__":
    main()

"""How fast raw videos become a data set: against real time, by stage, and as the set grows.

    python benchmarks/data_speed.py --out /tmp/speed [--count 8] [--set elements.embedder=lite]
    python benchmarks/data_speed.py --out /tmp/growth --grow 10 30 100 300 1000 --plot growth.png

The first renders raw videos of `SPEED` (832x480, 24 fps), builds them with one worker a core and
prints seconds of video per second of the clock, and per second of a processor by stage. The second
builds sets of so many shots (192x112), each in a folder of its own, and prints what the sources and
what the set as a whole (duplicates, matching, split, tables, report) took. Nothing that is learned
is asked unless --set says so; nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from skyreels_a2.data.build import Plan, build
from skyreels_a2.data.gathering import Gathered
from skyreels_a2.data.settings import Settings
from skyreels_a2.scenes.dataset import render_dataset
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.scene import FOOTAGE, SceneSpec
from skyreels_a2.video import VideoSpec

SPEED = replace(FOOTAGE, video=VideoSpec(832, 480, 721, 24), shots=(6, 6))
SMALL = replace(FOOTAGE, video=VideoSpec(192, 112, 121, 12), shots=(4, 4), objects=(0, 1))
SHOTS_A_VIDEO = 4


def raw(folder: Path, count: int, spec: SceneSpec) -> Path:
    """Raw videos, rendered once."""
    render_dataset(BuiltinSource(), folder, count=count, seed=11, spec=spec)
    return folder / "videos"


def timed_build(videos: Path, dataset: Path, plan: Plan) -> tuple[Gathered, float]:
    """The set and the seconds of the clock."""
    begin = time.perf_counter()
    gathered = build(videos, dataset, plan)
    return gathered, time.perf_counter() - begin


def speed(out: Path, count: int, plan: Plan) -> None:
    """Against real time, and by stage."""
    gathered, clock = timed_build(raw(out / "raw", count, SPEED), out / "dataset", plan)
    total = sum(row.seconds for row in gathered.funnel)
    print(
        f"{gathered.seconds:.0f} s of video in {clock:.0f} s with {plan.workers} workers: ", end=""
    )
    print(f"{gathered.seconds / clock:.1f}x real time (start of the workers included)\n")
    print("| stage | s of video per CPU second | share |\n|---|---|---|")
    for row in gathered.funnel:
        if row.seconds:
            share = row.seconds / total
            print(f"| {row.stage} | {gathered.seconds / row.seconds:.1f} | {share:.0%} |")
    print(f"| all | {gathered.seconds / total:.1f} | 100% |")


def grow(out: Path, counts: Sequence[int], plan: Plan, plot: Path | None) -> None:
    """What sources and set take as there are more of them."""
    rows = []
    print("| shots in | shots kept | sources, CPU s | the set, s | the set, ms a shot |")
    print("|---|---|---|---|---|")
    for count in counts:
        folder = out / str(count)
        videos = raw(folder / "raw", -(-count // SHOTS_A_VIDEO), SMALL)
        gathered, _ = timed_build(videos, folder / "dataset", plan)
        _, whole = timed_build(videos, folder / "dataset", plan)  # nothing is left but the set
        sources = sum(row.seconds for row in gathered.funnel)
        kept = len(gathered.shots)
        rows.append((count, kept, sources, whole))
        print(
            f"| {count} | {kept} | {sources:.1f} | {whole:.2f} | {1e3 * whole / kept:.1f} |",
            flush=True,
        )
    slopes = [slope([row[0] for row in rows], [row[i] for row in rows]) for i in (2, 3)]
    print(f"\nexponent of growth: sources {slopes[0]:.2f}, the set {slopes[1]:.2f} (1 is linear)")
    if plot is not None:
        draw(rows, plot)


def slope(counts: Sequence[int], seconds: Sequence[float]) -> float:
    """Of a line through logarithms: the power of the count by which it grows."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def draw(rows: Sequence[tuple[int, int, float, float]], path: Path) -> None:
    """Both over the number of shots, on logarithmic axes, with a linear line to compare."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    counts = [row[0] for row in rows]
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    axis.loglog(counts, [row[2] for row in rows], "o-", label="sources, CPU seconds")
    axis.loglog(counts, [row[3] for row in rows], "s-", label="the set as a whole, seconds")
    ideal = [rows[0][2] * count / counts[0] for count in counts]
    axis.loglog(counts, ideal, "--", color="grey", label="linear")
    axis.set_xlabel("shots")
    axis.grid(alpha=0.3, which="both")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8, help="Raw videos of 30 s.")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--grow", type=int, nargs="*", default=[])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    given = parser.parse_args()
    small = ["probe.min_short_side=96"] if given.grow else []
    settings = Settings().with_settings(["elements.embedder=colour", *small, *given.settings])
    plan = Plan(settings, given.workers)
    if given.grow:
        grow(given.out, given.grow, plan, given.plot)
    else:
        speed(given.out, given.count, plan)


if __name__ == "__main__":
    main()

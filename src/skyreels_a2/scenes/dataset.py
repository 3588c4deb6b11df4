"""A folder of rendered videos and, apart from them, the truth about them.

    out/videos/000001.mp4                what a pipeline may see
    out/truth/000001.json                what it is measured against
    out/references/000001-0.png …        one for each element, in the order of the truth's elements

Whoever reads `truth/000001.json` may rely on the other two: it is written last, aside and
renamed. So a video with its truth is complete and is skipped when the work is taken up again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import output_errors, write_aside
from skyreels_a2.media.videos import save_video
from skyreels_a2.scenes.assets import AssetSource, assets_in
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE, SceneSpec
from skyreels_a2.scenes.splits import Split
from skyreels_a2.scenes.truth import truth_of

SETTINGS = "settings.json"


def render_dataset(
    source: AssetSource,
    out: Path,
    *,
    count: int,
    seed: int,
    spec: SceneSpec = FOOTAGE,
    split: Split | None = Split.TRAIN,
    on_video: Callable[[int, int], None] | None = None,
) -> int:
    """Render videos 1 to `count`; what is complete from an earlier run is skipped.

    The n-th video depends on the source, the seed, the split, the spec and n alone.

    Args:
        source: Where the assets come from.
        out: Folder to write to.
        count: Videos there shall be in the end.
        seed: Seed of the whole set.
        spec: What kind of scenes.
        split: The side of the split that all assets are taken from; None takes from both.
        on_video: Told how many of how many videos are complete, after each.

    Returns:
        Number of videos rendered now.

    Raises:
        InputError: The folder has videos of another source, seed, split or spec.
        OutputError: Something cannot be written, a full disk included.
    """
    settings = {"source": _fingerprint(source), "seed": seed, "split": split, "spec": asdict(spec)}
    _claim(out, settings)
    rendered = 0
    for number in range(1, count + 1):
        if not (out / "truth" / f"{number:06d}.json").exists():
            scene = sample_scene(source, scene_seed(seed, number), split=split, spec=spec)
            _write(render(scene, source), out, f"{number:06d}")
            rendered += 1
        if on_video:
            on_video(number, count)
    return rendered


def scene_seed(seed: int, number: int) -> int:
    """Seed of the n-th scene of a set: unlike all others, in any order."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])


def _fingerprint(source: AssetSource) -> str:
    """Tells sources of other assets apart; a pack has that of what was packed."""
    ids = "\n".join(asset.id for asset in assets_in(source))
    return hashlib.sha256(ids.encode()).hexdigest()[:16]


def _claim(out: Path, settings: dict[str, object]) -> None:
    """Make the folders, and refuse one that belongs to other settings."""
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    with output_errors(out):
        for name in ("videos", "truth", "references"):
            (out / name).mkdir(parents=True, exist_ok=True)
    path = out / SETTINGS
    if not path.exists():
        _write_text(path, text)
    elif path.read_text("utf-8") != text:
        raise InputError(
            f"{out} has videos of other settings (see {SETTINGS} there): choose another folder"
        )


def _write(rendered: RenderedScene, out: Path, name: str) -> None:
    save_video(rendered.video, out / "videos" / f"{name}.mp4", overwrite=True)
    files = []
    for number, picture in enumerate(rendered.references):
        files.append(f"references/{name}-{number}.png")
        with write_aside(out / files[-1], overwrite=True) as part:
            picture.save(part, "PNG")
    truth = truth_of(rendered, video=f"videos/{name}.mp4", references=files)
    _write_text(out / "truth" / f"{name}.json", truth.to_json())


def _write_text(path: Path, text: str) -> None:
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(text, "utf-8")

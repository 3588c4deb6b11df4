"""Build the suite `scenes-50`: 50 cases from 150 pictures of held-out scenes.

    python tools/build_scenes_50.py --assets FOLDER_OF_FETCHED_ASSETS

Characters and objects are held-out fluent emoji while there are unused ones, then drawn ones;
places are held-out panoramas and drawn places, each case with a view of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from skyreels_a2.bench.suites.scenes_50 import FOLDER
from skyreels_a2.elements import Role
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.references import compose, reference_of
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import Scene, SceneSpec
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.scenes.splits import Split

logger = logging.getLogger(__name__)
COUNT = 50
SPEC = SceneSpec(characters=(1, 1), objects=(1, 1))
PLACE_SIZE = (320, 192)
SEEDS = 60_000
LICENCES = """\
Licences of the pictures in this folder
=======================================

Characters and objects: Fluent Emoji, (c) Microsoft Corporation, MIT licence; packaged by LobeHub
(@lobehub/fluent-emoji-anim-1 ... -4 1.0.0, @lobehub/fluent-emoji-3d 1.1.0); names from
unicode-emoji-json 0.9.0 and emojilib 4.0.3, both (c) Mu-An Chiou, MIT licence.
Panoramas: Poly Haven, CC0 1.0; packaged in @pmndrs/assets 1.7.0.
Drawn characters, objects and places: this package, Apache-2.0.
`cases.json` names the asset of every picture.

The MIT licence of Fluent Emoji
-------------------------------

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


@dataclass
class _Taken:
    """What earlier cases show: every case has a character and an object of its own."""

    ids: set[str] = field(default_factory=set)
    places: dict[str, int] = field(default_factory=dict)

    def admits(self, scene: Scene, *, only_fluent: bool, most_views: int) -> bool:
        subjects = [m.id for m in scene.cast if m.asset.role is not Role.BACKGROUND]
        place = scene.cast[-1].id
        fluent = all(name.startswith("fluent") for name in subjects)
        if self.ids & set(subjects) or (only_fluent and not fluent):
            return False
        return self.places.get(place, 0) < most_views

    def add(self, scene: Scene) -> None:
        self.ids |= {m.id for m in scene.cast}
        place = scene.cast[-1].id
        self.places[place] = self.places.get(place, 0) + 1


def choose_scenes(source: AssetSource) -> list[Scene]:
    """Scenes of distinct subjects, places shared out evenly."""
    taken, chosen = _Taken(), []
    for seed in range(SEEDS):
        scene = sample_scene(source, seed, split=Split.HELD_OUT, spec=SPEC)
        if taken.admits(scene, only_fluent=seed < SEEDS // 2, most_views=3 if seed < 20000 else 5):
            taken.add(scene)
            chosen.append(scene)
            if len(chosen) == COUNT:
                return chosen
    raise SystemExit(f"only {len(chosen)} of {COUNT} scenes were found: the source has too few")


def write_case(scene: Scene, source: AssetSource, number: int, folder: Path) -> dict[str, object]:
    """Write a case's pictures and give its row."""
    pictures = [reference_of(m, source, size=PLACE_SIZE) for m in scene.cast]
    composition = compose(scene, pictures, scene.caption)
    rows = []
    for member, made in zip(scene.cast, composition.elements, strict=True):
        name = f"{number:02d}-{made.role.value}.webp"
        picture = made.pictures[0]
        assert isinstance(picture, Image.Image)
        picture.save(folder / name, quality=92, method=6)
        rows.append(
            {
                "role": made.role.value,
                "picture": name,
                "name": made.name,
                "description": made.description,
                "asset": member.id,
            }
        )
    return {
        "id": f"scene-{number:02d}",
        "prompt": composition.prompt,
        "elements": rows,
        "source": "all",
        "seed": scene.seed,
    }


def main() -> None:
    """Build it anew."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=FOLDER)
    given = parser.parse_args()
    source = open_source("all", cache=given.assets)
    scenes = choose_scenes(source)
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    rows = [write_case(s, source, n, given.out) for n, s in enumerate(scenes, start=1)]
    (given.out / "cases.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    (given.out / "LICENSES.txt").write_text(LICENCES)
    size = sum(p.stat().st_size for p in given.out.iterdir())
    logger.info("%d cases, %.2f MB in %s", len(rows), size / 1e6, given.out)


if __name__ == "__main__":
    main()

"""Training the dual encoder: pictures of elements, their names, and the captions of scenes.

What belongs together: a picture of an element and its name, two pictures of one element, and the
first and last frame of a rendered video and its caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional

from skyreels_a2.conditioning.dual_encoder import DualEncoder
from skyreels_a2.scenes.assets import Asset, AssetSource, Background, Subject
from skyreels_a2.scenes.references import SIDE, pose_on_white, reference_of
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import Member, ReferencePose, SceneSpec, View
from skyreels_a2.scenes.splits import Split, assets_of
from skyreels_a2.scenes.words import with_article
from skyreels_a2.training.vae import HELD_OUT
from skyreels_a2.video import VideoSpec

PHRASES = ("{name}", "{a_name}", "the {name}", "a picture of {a_name}", "this is {a_name}")
CANDIDATES = 20
"""Retrieval picks one of so many."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Two pictures of an element and a name; a video's first and last frame and its caption.

    Attributes:
        asset: The element.
        name: Its name or one of its aliases.
        phrase: That name in some wording.
        pictures: Two pictures of the element, then the two frames.
        caption: What the video shows.
        moves: Whether someone goes somewhere, so that the reversed video breaks the caption.
    """

    asset: Asset
    name: str
    phrase: str
    pictures: tuple[Image.Image, ...]
    caption: str
    moves: bool


class DualEncoderTask:
    """Contrast of pictures, names, and captions.

    A sample's loss is over its micro-batch: the other samples that are computed with it are its
    negatives. So, other than with the other tasks, the result depends on `micro_batch`: let it
    be large and equal to the process's share of the batch. One sample alone teaches nothing, so
    the task cannot be trained sharded.

    Args:
        model: The encoder; dropout is switched off, for it is not random by sample.
        source: Where elements and scenes come from.
        spec: Size of the scenes' frames and of pictures of places.
        scene_weight: Weight of videos and captions beside elements and names.
    """

    def __init__(
        self,
        model: DualEncoder,
        source: AssetSource,
        spec: VideoSpec,
        *,
        scene_weight: float = 0.5,
    ) -> None:
        self.model = model.eval()
        self.source, self.scene_weight = source, scene_weight
        # Courses are fractions of the video: five frames have the first and last of any length.
        video = VideoSpec(spec.width, spec.height, 5, spec.fps)
        self.scenes = SceneSpec(video=video, shot_frames=1)
        self._train = assets_in_split(source, Split.TRAIN)

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample among its micro-batch; see `Task`."""
        del progress
        samples = [self.sample(i, g) for i, g in zip(indices, generators, strict=True)]
        return self.contrast(samples)

    def contrast(self, samples: Sequence[Sample]) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample with the others as negatives, and the mean of each of its terms."""
        model = self.model
        pictures = [s.pictures[place] for place in range(4) for s in samples]
        looks = model.features(model.pixels(pictures)).chunk(4)
        one, other = (model.project_picture(look) for look in looks[:2])
        names = model.embed_texts([s.phrase for s in samples])
        captions = model.embed_texts([s.caption for s in samples])
        kin, alike = (m.to(model.device) for m in (same_kin(samples), same_name(samples)))
        ahead, back = model.project_ends(looks[2], looks[3]), model.project_ends(looks[3], looks[2])
        told = same_caption(samples).to(model.device)
        still = torch.diag(torch.tensor([not s.moves for s in samples])).to(model.device)
        scale = model.scale
        named = _both(one, names, scale, alike)
        views = _both(one, other, scale, kin)
        scenes = info_nce(
            captions, torch.cat([ahead, back]), scale, torch.cat([told, told | still], 1)
        )
        scenes = (scenes + info_nce(ahead, captions, scale, told.T)) / 2
        losses = named + views + self.scene_weight * scenes
        figures = {"named": named, "views": views, "scenes": scenes}
        return losses, {k: float(v.detach().mean()) for k, v in figures.items()}

    def sample(self, index: int, generator: Generator, split: Split = Split.TRAIN) -> Sample:
        """The sample of a number; its element, pictures and words are drawn by the generator."""
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        assets = self._train if split is Split.TRAIN else assets_in_split(self.source, split)
        asset = assets[int(rng.integers(len(assets)))]
        scene = sample_scene(self.source, index, split=split, spec=self.scenes)
        frames = render(scene, self.source).frames
        name = str(rng.choice((asset.name, *getattr(asset, "aliases", ()))))
        phrase = str(rng.choice(PHRASES)).format(name=name, a_name=with_article(name))
        pictures = (self.picture(asset, rng), self.picture(asset, rng))
        ends = (Image.fromarray(frames[0]), Image.fromarray(frames[-1]))
        moves = any(actor.direction for shot in scene.shots for actor in shot.actors)
        return Sample(asset, name, phrase, pictures + ends, scene.caption.text, moves)

    def picture(
        self, asset: Asset, rng: np.random.Generator, *, plain: bool = False
    ) -> Image.Image:
        """A picture of an element: any pose, side, tilt, size, sharpness and backdrop.

        Args:
            asset: Subject or background.
            rng: Draws all of these.
            plain: As a reference is: a subject on white and sharp.
        """
        if isinstance(asset, Background):
            return self._view(asset, rng, mirrored=not plain and rng.uniform() < 0.5)
        tilt = float(rng.uniform(-14, 14))
        fill = float(rng.uniform(0.7, 0.92) if plain else rng.uniform(0.5, 1.0))
        pose = int(rng.integers(asset.num_poses))
        look = ReferencePose(pose, bool(rng.integers(2)), tilt, fill)
        sprite = self.source.sprite(asset.id)
        if plain:
            return pose_on_white(sprite, look)
        side = int(rng.integers(SIDE // 4, SIDE + 1))
        shown = pose_on_white(sprite, look, side=side)
        kind = rng.uniform()
        if kind < 0.4:
            return shown
        return before(shown, sprite, look, self._backdrop(rng, side, plain=kind < 0.65))

    def _backdrop(self, rng: np.random.Generator, side: int, *, plain: bool) -> Image.Image:
        """A square of one colour, or of a place that may be trained on."""
        if plain:
            colour = tuple(int(value) for value in rng.integers(0, 256, 3))
            return Image.new("RGB", (side, side), colour)
        places = assets_of(self.source.backgrounds, Split.TRAIN)
        return self._view(places[int(rng.integers(len(places)))], rng, size=(side, side))

    def _view(
        self,
        place: Background,
        rng: np.random.Generator,
        *,
        size: tuple[int, int] | None = None,
        mirrored: bool = False,
    ) -> Image.Image:
        height = float(rng.uniform(0.6, 0.95))
        view = View(float(rng.uniform(0.32, 0.68)), float(rng.uniform(0.3, 0.7)), height)
        video = self.scenes.video
        size = size or (video.width, video.height)
        picture = reference_of(Member(place, view), self.source, size=size)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Zero-shot retrieval among 20, or all there are, of identities never trained on.

        Returns:
            `name_retrieval` and `view_retrieval` (picture to name, picture to reference) of
            subjects, `place_name_retrieval` and `place_view_retrieval` of backgrounds,
            `caption_retrieval` (video to caption) and `direction` (a caption prefers its video
            to the reversed one; chance 50 %).
        """
        del folder, step
        subjects = self._retrieval(assets_of(self.source.subjects, Split.HELD_OUT))
        places = self._retrieval(assets_of(self.source.backgrounds, Split.HELD_OUT))
        figures = {"name_retrieval": subjects[0], "view_retrieval": subjects[1]}
        figures |= {"place_name_retrieval": places[0], "place_view_retrieval": places[1]}
        return figures | self._scene_figures()

    def _retrieval(self, assets: Sequence[Asset]) -> tuple[float, float]:
        """Rates of pictures that find their name, and of those that find their reference."""
        rng = np.random.default_rng(HELD_OUT)
        seen = [Sample(a, a.name, a.name, (self.picture(a, rng),), "", moves=False) for a in assets]
        plain = [self.picture(asset, rng, plain=True) for asset in assets]
        model = self.model
        queries = model.embed_pictures(model.pixels([s.pictures[0] for s in seen]))
        names = model.embed_texts([with_article(asset.name) for asset in assets])
        views = model.embed_pictures(model.pixels(plain))
        return (
            retrieval(queries @ names.T, same_name(seen)),
            retrieval(queries @ views.T, same_kin(seen)),
        )

    def _scene_figures(self, count: int = 60) -> dict[str, float]:
        numbers = range(HELD_OUT, HELD_OUT + count)
        samples = [self.sample(n, Generator().manual_seed(n), Split.HELD_OUT) for n in numbers]
        model = self.model
        first, last = (
            model.features(model.pixels([s.pictures[place] for s in samples])) for place in (2, 3)
        )
        captions = model.embed_texts([s.caption for s in samples])
        ahead, back = model.project_ends(first, last), model.project_ends(last, first)
        moves = torch.tensor([s.moves for s in samples])
        better = ((ahead - back) * captions).sum(1).cpu()[moves] > 0
        found = retrieval(ahead @ captions.T, same_caption(samples))
        return {"caption_retrieval": found, "direction": float(better.float().mean())}

    def export(self, folder: Path) -> None:
        """Write `image_encoder/`, `text_encoder/` and `dual_encoder/` into a model folder."""
        self.model.save(folder)


def info_nce(queries: Tensor, keys: Tensor, scale: Tensor, excluded: Tensor) -> Tensor:
    """Cross entropy of picking key i for query i (van den Oord et al., arXiv 1807.03748).

    Args:
        queries: Unit vectors (n, d).
        keys: Unit vectors (m, d), m ≥ n.
        scale: One over the temperature.
        excluded: bool (n, m): keys that are as right as the own one, or cannot be told from it.

    Returns:
        Shape (n,).
    """
    with torch.autocast(queries.device.type, enabled=False):
        logits = (scale * queries @ keys.T).masked_fill(excluded, -torch.inf)
    return functional.cross_entropy(
        logits, torch.arange(len(queries), device=logits.device), reduction="none"
    )


def same_kin(samples: Sequence[Sample]) -> Tensor:
    """Which others show the same identity, or one that looks nearly alike: bool (n, n)."""
    return _pairs([[a.asset.kin == b.asset.kin for b in samples] for a in samples])


def same_name(samples: Sequence[Sample]) -> Tensor:
    """Which others' names are as true of a picture as its own: bool (n, n)."""
    told = [{s.asset.name, *getattr(s.asset, "aliases", ())} for s in samples]
    rows = [[b.name in told[i] for b in samples] for i in range(len(samples))]
    return _pairs(rows) | same_kin(samples)


def same_caption(samples: Sequence[Sample]) -> Tensor:
    """Which others have the same caption: bool (n, n)."""
    return _pairs([[a.caption == b.caption for b in samples] for a in samples])


def retrieval(similarity: Tensor, excluded: Tensor, *, draws: int = 8) -> float:
    """Rate of queries whose own key beats 19 others that are drawn from those not excluded."""
    rng = np.random.default_rng(0)
    table: NDArray[np.float32] = similarity.float().cpu().numpy()
    hits = []
    for number, row in enumerate(table):
        others = np.flatnonzero(~excluded[number].numpy() & (np.arange(len(row)) != number))
        for _ in range(draws):
            drawn = rng.choice(others, min(CANDIDATES - 1, len(others)), replace=False)
            hits.append(bool((row[drawn] < row[number]).all()))
    return float(np.mean(hits))


def before(
    shown: Image.Image, sprite: NDArray[np.uint8], look: ReferencePose, backdrop: Image.Image
) -> Image.Image:
    """A subject that is shown on white, before another backdrop of the same size.

    Painted black, it leaves on white just the share of the backdrop that is seen.
    """
    black = sprite[look.pose : look.pose + 1].copy()
    black[..., :3] = 0
    pose = ReferencePose(0, look.mirrored, look.angle, look.fill)
    veil = np.asarray(pose_on_white(black, pose, side=shown.width), dtype=np.float32)
    pixels = np.asarray(shown, dtype=np.float32) - veil * (1 - np.asarray(backdrop) / 255)
    return Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def assets_in_split(source: AssetSource, split: Split) -> tuple[Subject | Background, ...]:
    """All of one side of the split."""
    return (*assets_of(source.subjects, split), *assets_of(source.backgrounds, split))


def _both(one: Tensor, other: Tensor, scale: Tensor, excluded: Tensor) -> Tensor:
    there, back = info_nce(one, other, scale, excluded), info_nce(other, one, scale, excluded.T)
    return (there + back) / 2


def _pairs(rows: list[list[bool]]) -> Tensor:
    """A table of pairs in which nothing excludes itself."""
    return torch.tensor(rows) & ~torch.eye(len(rows), dtype=torch.bool)

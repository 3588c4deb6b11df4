"""Training the data pipeline's segmenter of drawn footage, on frames of rendered scenes.

Which pixel is a character, which an object and which neither is known to the renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot

from skyreels_a2.data.backends.drawn import CLASSES, WEIGHTS, DrawnNetwork
from skyreels_a2.elements import Role
from skyreels_a2.runtime.lite import as_pixels
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE
from skyreels_a2.scenes.splits import Split
from skyreels_a2.training.vae import APART, HELD_OUT, scene_number
from skyreels_a2.video import VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

Classes: TypeAlias = NDArray[np.int64]
"""A class number for every pixel: (height, width)."""

LOOKS = 3
"""Samples of each scene, which costs more to render than the head to learn from one."""
FRAMES = 5
"""Frames of a scene, of which one is looked at; courses are fractions of any length."""
SCENES = replace(
    FOOTAGE,
    video=VideoSpec(FOOTAGE.video.width, FOOTAGE.video.height, FRAMES, FOOTAGE.video.fps),
    shots=(1, 1),
    shot_frames=1,
)
"""Raw video's scenes, a moment of each."""
_LEVELS = {Role.CHARACTER: 1, Role.OBJECT: 2}
_SHADES = np.array([[40, 40, 40], [230, 120, 60], [70, 150, 230]], np.uint8)


def holds_segmenter(folder: Path) -> bool:
    """Whether a run can go on from a folder."""
    return (folder / WEIGHTS).is_file()


def untrained() -> DrawnNetwork:
    """A network whose encoder knows photographs and whose head knows nothing."""
    torch.manual_seed(0)
    return DrawnNetwork()


class SegmenterTask:
    """Cross-entropy of every pixel's class, and of the overlap of each (Dice).

    Args:
        model: The network; dropout and running means are switched off, so that a sample's loss
            does not depend on what it is computed with.
        sources: Where scenes come from, in turns.
        head_alone: Share of the run in which the head learns to read the encoder, before that
            learns with it.
    """

    def __init__(
        self, model: DrawnNetwork, sources: Sequence[AssetSource], *, head_alone: float = 0.0
    ) -> None:
        self.model = model.eval()
        self._sources, self._head_alone = sources, head_alone

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample; see `Task`."""
        samples = [self.sample(i, g) for i, g in zip(indices, generators, strict=True)]
        pixels = as_pixels(np.stack([frame for frame, _ in samples])).to(self._device)
        logits = self.model(pixels, encoder_learns=progress >= self._head_alone)
        truth = torch.from_numpy(np.stack([classes for _, classes in samples])).to(logits.device)
        surprise = cross_entropy(logits, truth, reduction="none").mean((1, 2))
        overlap = _dice(logits.softmax(1), truth)
        return surprise + 0.5 * (1 - overlap), {"overlap": float(overlap.detach().mean())}

    def sample(
        self, index: int, generator: Generator, split: Split = Split.TRAIN
    ) -> tuple[Frame, Classes]:
        """A frame, mirrored, darkened and grained at random, and the class of every pixel."""
        number = scene_number(index, LOOKS)
        scene = _scene(self._sources[number % len(self._sources)], number, split)
        draws = torch.rand(4, generator=generator).tolist()
        place = int(draws[0] * FRAMES)
        frame, classes = scene.frames[place].astype(np.float32), classes_of(scene, place)
        if draws[1] < 0.5:
            frame, classes = frame[:, ::-1], classes[:, ::-1]
        noise = torch.randn(frame.shape, generator=generator).numpy()
        frame = frame * (0.85 + 0.3 * draws[2]) + 6 * draws[3] * noise
        return frame.clip(0, 255).astype(np.uint8), np.ascontiguousarray(classes)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @torch.no_grad()
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Overlap (IoU) of characters and objects in held-out scenes, and a picture of some."""
        shared, joined = np.zeros(len(CLASSES)), np.zeros(len(CLASSES))
        rows: list[Frame] = []
        for number in range(HELD_OUT, HELD_OUT + 64):
            truth = self.sample(number, Generator().manual_seed(number), Split.HELD_OUT)
            pixels = as_pixels(truth[0][None]).to(self._device)
            found = self.model(pixels)[0].argmax(0).cpu().numpy()
            for level in range(len(CLASSES)):
                one, other = found == level, truth[1] == level
                shared[level] += (one & other).sum()
                joined[level] += (one | other).sum()
            if len(rows) < 8:
                rows.append(np.concatenate([truth[0], _SHADES[truth[1]], _SHADES[found]], axis=1))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows)).save(folder / f"segmenter-{step:08d}.png")
        overlap = shared / joined.clip(1)
        return {name: float(overlap[level]) for level, name in enumerate(CLASSES)}

    def export(self, folder: Path) -> None:
        """Write the network in half precision as a folder for `elements.drawn_model`."""
        self.model.save(folder)


@lru_cache(maxsize=APART + 8)
def _scene(source: AssetSource, seed: int, split: Split) -> RenderedScene:
    return render(sample_scene(source, seed, split=split, spec=SCENES), source)


def classes_of(scene: RenderedScene, frame: int) -> Classes:
    """The class of every pixel of a frame; the nearer hides the farther."""
    roles = {member.id: member.asset.role for member in scene.scene.cast}
    classes = np.zeros(scene.frames.shape[1:3], np.int64)
    for layer in scene.layers[frame]:
        classes[layer.part][layer.solid] = _LEVELS[roles[layer.element]]
    return classes


def _dice(shares: Tensor, truth: Tensor) -> Tensor:
    """Overlap of the classes that a sample has, a mean over them: (batch,)."""
    wanted = one_hot(truth, shares.shape[1]).permute(0, 3, 1, 2).float()
    shared, total = (shares * wanted).sum((2, 3)), (shares + wanted).sum((2, 3))
    there = wanted.amax((2, 3))
    mean: Tensor = ((2 * shared / (total + 1)) * there).sum(1) / there.sum(1)
    return mean

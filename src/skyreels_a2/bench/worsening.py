"""Ways to worsen a video on purpose, each in one dimension: what a metric must notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from skyreels_a2.bench.metrics.matching import cut_out

if TYPE_CHECKING:
    from skyreels_a2.video import Frames

_SEED = 11


def blurred(frames: Frames, radius: float) -> Frames:
    """Every frame blurred, the radius in pixels of a frame 96 high."""
    scale = frames.shape[1] / 96
    blur = ImageFilter.GaussianBlur(radius * scale)
    return np.stack([np.asarray(Image.fromarray(frame).filter(blur)) for frame in frames])


def noisy(frames: Frames, level: float) -> Frames:
    """White noise of a standard deviation in levels of 255."""
    rng = np.random.default_rng(_SEED)
    noise = rng.normal(0, level, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def frozen(frames: Frames) -> Frames:
    """The middle frame throughout."""
    return np.repeat(frames[len(frames) // 2][None], len(frames), axis=0)


def jittered(frames: Frames, reach: int) -> Frames:
    """Every frame shifted at random by up to so many pixels."""
    rng = np.random.default_rng(_SEED)
    shifts = rng.integers(-reach, reach + 1, (len(frames), 2))
    moved = [
        np.roll(frame, tuple(shift), (0, 1)) for frame, shift in zip(frames, shifts, strict=True)
    ]
    return np.stack(moved)


def pasted(frames: Frames, reference: Image.Image, *, height: float = 0.5) -> Frames:
    """The reference's cut-out laid over every frame, gliding to the right, its pose unchanged."""
    cut, seen = cut_out(reference.convert("RGB"))
    scale = height * frames.shape[1] / max(cut.size)
    size = max(1, round(cut.width * scale)), max(1, round(cut.height * scale))
    picture, mask = cut.resize(size), Image.fromarray(seen).resize(size)
    out = []
    for number, frame in enumerate(frames):
        image = Image.fromarray(frame)
        room = image.width - size[0]
        left = round(room * (0.2 + 0.6 * number / max(1, len(frames) - 1)))
        image.paste(picture, (left, image.height - size[1] - 2), mask)
        out.append(np.asarray(image))
    return np.stack(out)


def flashed(frames: Frames, references: Sequence[Image.Image]) -> Frames:
    """References in the place of the first frames, one each, already fitted to the frame."""
    shown = [np.asarray(reference.convert("RGB")) for reference in references]
    return np.concatenate([np.stack(shown), frames[len(shown) :]])


def faded(frames: Frames, into: Frames, share: float) -> Frames:
    """Frames that fade into others until the last shows so much of them."""
    weights = np.linspace(0, share, len(frames))[:, None, None, None]
    return np.clip((1 - weights) * frames + weights * into, 0, 255).astype(np.uint8)


def spliced(frames: Frames, others: Frames) -> Frames:
    """The first half of one video and the second half of another."""
    half = len(frames) // 2
    return np.concatenate([frames[:half], others[half:]])

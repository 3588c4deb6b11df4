"""Training the video VAE on rendered scenes: pictures first, then longer and longer videos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional
from torch.nn.functional import avg_pool3d

from skyreels_a2.conditioning.spatial import picture_tensor, reference_video
from skyreels_a2.media.fit import fit
from skyreels_a2.runtime.convolutions import channels_last, onednn_convolutions
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.dyes import dyed_in_turn
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.splits import Split
from skyreels_a2.training.equivariance import Window, distance
from skyreels_a2.training.inflation import single_pictures
from skyreels_a2.training.objective import weighted_mse
from skyreels_a2.training.triplets import SCENES
from skyreels_a2.video import VideoSpec

HELD_OUT = 10_000_000
"""Seeds of scenes from here on are for validation; training counts up from 0."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the VAE sees in one part of the run.

    Attributes:
        until: Fraction of the run at which it ends.
        frames: 4k+1 frames.
        side: Pixels of a square crop; 0 is the whole frame.
    """

    until: float
    frames: int
    side: int


CROPS = 4
"""Samples cut from each scene: rendering one costs as much as learning from one."""
APART = 64
"""Samples between two of one scene, so that those of a batch are of different ones."""


def scene_number(index: int, samples: int) -> int:
    """Which scene a sample is of, where each scene gives so many, `APART` from one another."""
    return index // (APART * samples) * APART + index % APART


def stages(pictures: float, side: int = 64) -> tuple[Stage, ...]:
    """Single pictures for a share of the run, then 5 frames, and 9 in its last part."""
    return (
        Stage(pictures, 1, side),
        Stage(pictures + 0.3 * (1 - pictures), 5, side),
        Stage(1.0, 9, side),
    )


class VaeTask:
    """Reconstruction: squared error, and a light pull on the posterior.

    Squared, since it is what PSNR counts and, tried side by side from nothing, was 1.3 dB ahead
    of absolute error with that of the edges after 200 steps.

    Args:
        vae: An `AutoencoderKLWan`.
        source: Where scenes come from.
        spec: Size and rate of the scenes.
        stages: Order of lessons.
        kl_weight: Weight of the divergence from the unit normal.
        reference_share: Share of samples that are reference videos as the spatial branch lays
            them: pictures on white, four frames each, then zeros.
        subject_weight: What an error counts where characters and objects are seen, against 1 on
            the background, whose plain parts would else be most of the lesson.
        equivariance: Weight of the lesson that latents shrink as pictures do
            (`training.equivariance`); above 0, windows of half the side are decoded.
    """

    def __init__(
        self,
        vae: Any,
        source: AssetSource,
        spec: VideoSpec,
        *,
        stages: Sequence[Stage],
        kl_weight: float = 1e-6,
        reference_share: float = 0.25,
        subject_weight: float = 1.0,
        equivariance: float = 0.0,
    ) -> None:
        channels_last(vae)
        self.model = vae
        self.source, self.spec, self.stages = source, spec, stages
        self.kl_weight, self.reference_share = kl_weight, reference_share
        self.subject_weight, self.equivariance = subject_weight, equivariance

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample; see `Task`."""
        stage = next(stage for stage in self.stages if progress < stage.until)
        samples = [
            self.sample(index, stage, generator)
            for index, generator in zip(indices, generators, strict=True)
        ]
        drawn = torch.stack(samples).to(self.model.device)
        apart = torch.zeros(len(drawn), device=drawn.device)
        with single_pictures() if stage.frames == 1 else nullcontext():
            posterior = self.model.encode(_video(drawn)).latent_dist
            noise = torch.stack(
                [torch.randn(posterior.mean.shape[1:], generator=g) for g in generators]
            )
            latents = posterior.mean + posterior.std * noise.to(posterior.mean)
            if self.equivariance:
                windows = [Window.draw(generator) for generator in generators]
                drawn = _seen(windows, drawn, drawn.shape[-1] // latents.shape[-1])
                latents = _seen(windows, latents.float())
                apart = self._apart(windows, drawn, posterior.mean.float())
            decoded = self.model.decode(latents).sample
        lost = weighted_mse(decoded, drawn[:, :3], drawn[:, 3:])
        losses = lost + self.kl_weight * _divergence(posterior) + self.equivariance * apart
        psnr = 10 * torch.log10(4 / (decoded.detach() - drawn[:, :3]).square().mean())
        figures = {"psnr": float(psnr), "frames": stage.frames}
        if self.equivariance:
            figures["equivariance"] = float(apart.detach().mean())
        return losses, figures

    def _apart(self, windows: Sequence[Window], seen: Tensor, means: Tensor) -> Tensor:
        """How far latents of what windows show are from what they show of latents, if shrunk."""
        apart = torch.zeros(len(windows), device=seen.device)
        chosen = [place for place, window in enumerate(windows) if window.shrinks]
        if not chosen:
            return apart
        found = self.model.encode(_video(seen[chosen])).latent_dist.mean.float()
        wanted = _seen([windows[place] for place in chosen], means[chosen])
        cell = seen.shape[-1] // wanted.shape[-1]
        weight = avg_pool3d(seen[chosen, 3:, ::4], (1, cell, cell))
        return apart.index_put((torch.tensor(chosen),), distance(found, wanted, weight))

    def sample(self, index: int, stage: Stage, generator: Generator) -> Tensor:
        """One training video and what its pixels count: (3 + 1, frames, side, side)."""
        draw = torch.rand(4, generator=generator).tolist()
        number = scene_number(index, CROPS)
        scene = _scene(self.source, number, stage.frames, self.spec, Split.TRAIN)
        if draw[0] < self.reference_share:
            video = reference_frames(scene, self.spec, stage.frames)
            if stage.frames == 1:
                # Without time there is one reference to look at: not always the first.
                pictures = scene.references
                picture = pictures[int(draw[3] * len(pictures))]
                role = scene.composition.references[int(draw[3] * len(pictures))].role
                fitted = fit(picture, role, self.spec.width, self.spec.height)
                video = picture_tensor(fitted)[:, None]
            weight = torch.ones_like(video[:1])
        else:
            video = as_tensor(scene.frames)
            subjects = torch.from_numpy(scene.subjects()).float()[None]
            weight = 1 + (self.subject_weight - 1) * subjects
        return _crop(torch.cat([video, weight]), stage.side, draw[1], draw[2])

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """PSNR on held-out scenes, and a picture of truth above reconstruction."""
        psnr, rows = held_out_psnr(self.model, self.source, self.spec, count=8)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows)).save(folder / f"vae-{step:08d}.png")
        return {"psnr": psnr}

    def export(self, folder: Path) -> None:
        """Write the VAE with the mean and deviation of its latents on training scenes."""
        mean, std = latent_statistics(self.model, self.source, self.spec)
        self.model.register_to_config(latents_mean=mean, latents_std=std)
        self.model.save_pretrained(folder / "vae")


@torch.no_grad()
def held_out_psnr(
    vae: Any, source: AssetSource, spec: VideoSpec, *, count: int
) -> tuple[float, list[NDArray[np.uint8]]]:
    """Mean PSNR of whole held-out videos through the VAE.

    Returns:
        Decibels, and for some videos a strip of frames: truth above reconstruction.
    """
    figures, rows = [], []
    for number in range(count):
        scene = _scene(source, HELD_OUT + number, spec.num_frames, spec, Split.HELD_OUT)
        video = as_tensor(scene.frames)[None].to(vae.device, vae.dtype)
        with onednn_convolutions():
            decoded = vae.decode(vae.encode(video).latent_dist.mode()).sample
        error = (decoded.float() - video.float()).square().mean()
        figures.append(float(10 * torch.log10(4 / error)))
        if number < 4:
            rows += [_strip(video[0]), _strip(decoded[0])]
    return sum(figures) / len(figures), rows


@torch.no_grad()
def latent_statistics(
    vae: Any, source: AssetSource, spec: VideoSpec, *, count: int = 64
) -> tuple[list[float], list[float]]:
    """Mean and deviation of each latent channel over training scenes."""
    samples = []
    for number in range(count):
        scene = _scene(source, number, spec.num_frames, spec, Split.TRAIN)
        video = as_tensor(scene.frames)[None].to(vae.device, vae.dtype)
        with onednn_convolutions():
            latents = vae.encode(video).latent_dist.mode()
        samples.append(latents.float().transpose(0, 1).flatten(1))
    joined = torch.cat(samples, dim=1)
    return joined.mean(1).tolist(), joined.std(1).tolist()


def reference_frames(scene: RenderedScene, spec: VideoSpec, num_frames: int) -> Tensor:
    """The start of a scene's reference video (3, num_frames, height, width)."""
    composition = scene.composition
    pictures = [
        picture_tensor(fit(picture, reference.role, spec.width, spec.height))
        for picture, reference in zip(scene.references, composition.references, strict=True)
    ]
    long = VideoSpec(spec.width, spec.height, 4 * len(pictures) + 1, spec.fps)
    video = reference_video(pictures, long)[0]
    missing = max(0, num_frames - video.shape[1])
    return functional.pad(video, (0, 0, 0, 0, 0, missing))[:, :num_frames]


def as_tensor(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 frames (f, h, w, 3) as (3, f, h, w) in [-1, 1]."""
    return torch.from_numpy(frames).permute(3, 0, 1, 2).float() / 127.5 - 1


@lru_cache(maxsize=APART + 8)
def _scene(
    source: AssetSource, seed: int, num_frames: int, spec: VideoSpec, split: Split
) -> RenderedScene:
    video = VideoSpec(spec.width, spec.height, num_frames, spec.fps)
    scenes = replace(SCENES, video=video, shot_frames=1)
    scene = sample_scene(source, seed, split=split, spec=scenes)
    return render(scene, dyed_in_turn(source, seed) if split is Split.TRAIN else source)


def _crop(video: Tensor, side: int, across: float, down: float) -> Tensor:
    side = min(side, *video.shape[-2:])
    if not side:
        return video
    left = math.floor(across * (video.shape[-1] - side + 1))
    top = math.floor(down * (video.shape[-2] - side + 1))
    return video[..., top : top + side, left : left + side]


def _video(drawn: Tensor) -> Tensor:
    """Samples without what their pixels count."""
    return drawn[:, :3].contiguous()


def _seen(windows: Sequence[Window], batch: Tensor, cell: int = 1) -> Tensor:
    """What windows show of a batch, each of its own sample."""
    return torch.stack([w.of(each, cell) for w, each in zip(windows, batch, strict=True)])


def _divergence(posterior: Any) -> Tensor:
    """KL from the unit normal, a mean over latents: shape (batch,)."""
    mean, var, logvar = posterior.mean.float(), posterior.var.float(), posterior.logvar.float()
    each = (mean.square() + var - 1 - logvar) / 2
    mean_of_each: Tensor = each.flatten(1).mean(1)
    return mean_of_each


def _strip(video: Tensor) -> NDArray[np.uint8]:
    """Every eighth frame of (3, f, h, w), side by side."""
    frames = ((video[:, ::8].float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    strip: NDArray[np.uint8] = frames.permute(2, 1, 3, 0).flatten(1, 2).cpu().numpy()
    return strip

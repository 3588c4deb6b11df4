"""A decoder that has met what a transformer leaves it.

A VAE's decoder knows the latents of its encoder. Those that a small transformer makes are others:
they do not quite fit together from token to token, and what comes out is a mosaic. So the decoder
is shown them: the noised truth is sampled to its end, by the model's own solver and with the
references of the scene, and what is left must decode to what the truth decoded to before. Half of
the samples stay the truth itself, so that nothing else is lost (compare the noisy latents of
representation autoencoders, arXiv 2510.11690).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.conditioning.spatial import denormalize, reference_mask
from skyreels_a2.pipeline.guidance import Branch, Guidance
from skyreels_a2.pipeline.prediction import OneByOne
from skyreels_a2.pipeline.sampling import denoise
from skyreels_a2.pipeline.schedulers import adds_noise, make_scheduler
from skyreels_a2.request import Sampling
from skyreels_a2.training.examples import Example
from skyreels_a2.training.flow import Examples
from skyreels_a2.training.objective import add_noise, weighted_mse

MADE = 0.5
"""Share of samples that the transformer made."""
NOISIEST = 0.8
"""Noise level from which sampling may begin; from higher ones it makes another video."""
FRAMES = 3
"""Latent frames of the video that are decoded, beside those under references."""
SIDE = 8
"""Latents of the side of the square that is decoded."""


class DecoderTask:
    """The decoder learns to make of a transformer's latents what it made of the true ones.

    Args:
        vae: Of which what requires gradients is trained, the decoder.
        transformer: Makes latents; it stays as it is.
        examples: Encoded videos.
        sampling: How the model samples.
        flow_shift: The shift of its noise levels.
        subject_weight: What an error counts where characters and objects are seen, against 1.
    """

    def __init__(
        self,
        vae: Any,
        transformer: Any,
        examples: Examples,
        sampling: Sampling,
        *,
        flow_shift: float,
        subject_weight: float = 1.0,
    ) -> None:
        self.model, self._transformer = vae, transformer.requires_grad_(requires_grad=False)
        self._before = deepcopy(vae).requires_grad_(requires_grad=False)
        self._examples, self._subject_weight = examples, subject_weight
        self._sampling = replace(sampling, guidance_scale=1.0, image_guidance_scale=1.0)
        self._flow_shift = flow_shift

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample; see `Task`."""
        del progress
        losses = [
            self._loss(self._examples.example(index % len(self._examples)), generator)
            for index, generator in zip(indices, generators, strict=True)
        ]
        return torch.stack(losses), {}

    def _loss(self, example: Example, generator: Generator) -> Tensor:
        chance, *corner = torch.rand(3, generator=generator).tolist()
        draw = torch.randn(example.latent_mean.shape, generator=generator)
        true = (example.latent_mean + example.latent_std * draw)[None].to(self.model.device)
        seen = self.sampled(example, true, generator) if chance < MADE else true
        hidden = int(example.num_references)
        window = _window(true.shape[2:], hidden, corner)
        with torch.no_grad():
            wanted = _decoded(self._before, true[window])
        found = _decoded(self.model, seen[window])
        weight = self._weight(example, window, found)
        first = 4 * hidden
        return weighted_mse(found[:, :, first:], wanted[:, :, first:], weight[:, :, first:])[0]

    def sampled(self, example: Example, true: Tensor, generator: Generator) -> Tensor:
        """What sampling makes of noised true latents, from a step at random on.

        Args:
            example: Whose references and caption the transformer is told.
            true: (1, 16, t, h, w), normalised.
            generator: Source of the noise and of the step.
        """
        scheduler = make_scheduler(self._sampling.scheduler, flow_shift=self._flow_shift)
        scheduler.set_timesteps(self._sampling.num_inference_steps, device=true.device)
        steps = [n for n, sigma in enumerate(scheduler.sigmas[:-1]) if sigma <= NOISIEST]
        steps = steps or [self._sampling.num_inference_steps - 1]  # few steps are all noisy
        chosen, seed = torch.randint(2**62, (2,), generator=generator).tolist()
        start = steps[chosen % len(steps)]
        noise = torch.randn(true.shape, generator=generator).to(true)
        return denoise(
            OneByOne(self._transformer),
            scheduler,
            Guidance(self._sampling),
            [{Branch.FULL: _told(example, true, generator)}],
            add_noise(true, noise, scheduler.sigmas[start : start + 1]),
            lambda _step, _timestep, latents: latents,
            start=start,
            seeds=(seed,) if adds_noise(scheduler) else (),
        )

    def _weight(self, example: Example, window: tuple[slice, ...], decoded: Tensor) -> Tensor:
        subjects = example.subjects[window[2:]][None, None].to(decoded)
        spread = interpolate(subjects, decoded.shape[2:], mode="nearest-exact")
        return 1 + (self._subject_weight - 1) * spread

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Loss on examples from the end of the set, with fixed noise."""
        del folder, step
        indices = range(max(0, len(self._examples) - 16), len(self._examples))
        generators = [Generator().manual_seed(index) for index in indices]
        with torch.no_grad():
            losses, _ = self.losses(indices, generators, 1.0)
        return {"loss": float(losses.mean())}

    def export(self, folder: Path) -> None:
        """Write the VAE; its latents and their statistics are what they were."""
        self.model.save_pretrained(folder / "vae")


def _told(example: Example, true: Tensor, generator: Generator) -> Conditioning:
    draw = torch.randn(example.condition_mean.shape, generator=generator)
    condition = (example.condition_mean + example.condition_std * draw)[None]
    mask = reference_mask(int(example.num_references), condition.shape[2:])
    return Conditioning(
        example.padded_prompt[None].to(true),
        example.image_embeds[None].to(true),
        torch.cat([mask, condition], dim=1).to(true),
    )


def _window(size: Sequence[int], hidden: int, corner: Sequence[float]) -> tuple[slice, ...]:
    """The beginning of a video's latents (1, 16, t, h, w), and a square at random."""
    starts = [
        int(part * (max(0, side - SIDE) + 1)) for part, side in zip(corner, size[1:], strict=True)
    ]
    square = (slice(start, start + SIDE) for start in starts)
    return (slice(None), slice(None), slice(0, hidden + FRAMES), *square)


def _decoded(vae: Any, latents: Tensor) -> Tensor:
    video: Tensor = vae.decode(denormalize(vae, latents)).sample
    return video

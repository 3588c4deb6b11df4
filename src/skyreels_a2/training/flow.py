"""Training the transformer: latent flow matching under the conditioning that sampling uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from skyreels_a2.conditioning.conditioner import Conditioner, Conditioning
from skyreels_a2.conditioning.spatial import reference_mask
from skyreels_a2.runtime.looks import watch
from skyreels_a2.training.config import Flow
from skyreels_a2.training.correspondence import correspondence_loss
from skyreels_a2.training.examples import Example
from skyreels_a2.training.objective import (
    TIMESTEPS,
    add_noise,
    loss_mask,
    sample_sigma,
    velocity,
    weighted_mse,
)
from skyreels_a2.training.order import Order
from skyreels_a2.training.samples import Samples
from skyreels_a2.training.short_prompts import short_prompts
from skyreels_a2.video import VideoSpec


class Examples(Protocol):
    """A numbered set of encoded examples."""

    def __len__(self) -> int: ...

    def example(self, number: int) -> Example:
        """The example of a number from 0."""
        ...

    def shapes(self) -> Sequence[Hashable] | None:
        """What tells apart, by number, those that cannot share a forward pass; None if unknown."""
        ...


class FlowTask:
    """Flow matching on examples.

    Args:
        transformer: A `WanTransformer3DModel`; what of it requires gradients is trained.
        examples: Cached or live.
        conditioner: For the empty caption and the latents of no reference.
        settings: Randomness.
        order: In which order examples come; as they are numbered if None.
        samples: Videos to make at every validation, if any.
    """

    def __init__(
        self,
        transformer: Any,
        examples: Examples,
        conditioner: Conditioner,
        settings: Flow | None = None,
        *,
        order: Order | None = None,
        samples: Samples | None = None,
    ) -> None:
        self.model, self._order, self._samples = transformer, order, samples
        self.examples, self.conditioner = examples, conditioner
        self.settings = settings or Flow()
        self._empty_text = conditioner.text("")[0].cpu()
        self._absent: dict[tuple[int, ...], Tensor] = {}

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample; see `Task`. Samples of one shape share a forward pass."""
        del progress
        numbers = [self._order[index] if self._order else index for index in indices]
        losses, missed = self._losses(numbers, generators, indices)
        if not self.settings.correspondence:
            return losses, {}
        figures = {"correspondence": float(missed.detach().mean())}
        return losses + self.settings.correspondence * missed, figures

    def _losses(
        self, numbers: Sequence[int], generators: list[Generator], indices: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Of each sample the loss of flow matching, and that of looking (0 where not taught)."""
        groups = defaultdict(list)
        for place, number in enumerate(numbers):
            sample = self._sample(number, generators[place], indices[place])
            groups[sample.shape].append((place, sample))
        losses: list[Tensor] = [torch.empty(0)] * len(numbers)
        for group in groups.values():
            found = self._group_losses([sample for _, sample in group])
            for (place, _), both in zip(group, found.unbind(1), strict=True):
                losses[place] = both
        flow, missed = torch.stack(losses, dim=1).unbind(0)
        return flow, missed

    def _group_losses(self, samples: Sequence[_Sample]) -> Tensor:
        """Both losses of samples of one shape: (2, samples)."""
        device = next(self.model.parameters()).device
        latents, noise, prompt, images, condition, sigma, count, subjects, places = (
            torch.stack(tensors).to(device)
            for tensors in zip(*(sample.tensors for sample in samples), strict=True)
        )
        told = Conditioning(prompt, images, condition)
        inputs = told.transformer_inputs(add_noise(latents, noise, sigma), sigma * TIMESTEPS)
        looks = watch(self.model) if self.settings.correspondence else []
        with self._prompts(prompt) as inputs["encoder_hidden_states"]:
            prediction = self.model(**inputs, return_dict=False)[0]
        emphasis = 1 + (self.settings.subject_weight - 1) * subjects
        weight = loss_mask(count, latents.shape[2]) * emphasis[:, None]
        losses = weighted_mse(prediction, velocity(latents, noise), weight)
        missed = torch.zeros_like(losses)
        if looks:
            rotary = self.model.rope(inputs["hidden_states"])
            missed = correspondence_loss(looks, rotary, places, emphasis)
        return torch.stack([losses, missed])

    def _prompts(self, prompt: Tensor) -> AbstractContextManager[Tensor]:
        # Blocks that are computed again for the backward pass would meet other processors there.
        if getattr(self.model, "gradient_checkpointing", False):
            return nullcontext(prompt)
        return short_prompts(self.model, prompt)

    def _sample(self, number: int, generator: Generator, index: int = 0) -> _Sample:
        example = self.examples.example(number % len(self.examples))
        drops = torch.rand(5, generator=generator).tolist()
        drop_caption, drop_references, cut, say_roles, coarse = drops
        if self.settings.alike > 1:
            run = Generator().manual_seed(index // self.settings.alike)
            cut, coarse = torch.rand(2, generator=run).tolist()
        if self.settings.move and float(torch.rand(1, generator=generator)) < self.settings.move:
            example = example.moved(generator)
        if cut < self.settings.cut:
            example = example.beginning(self.settings.cut_frames)
        if coarse < self.settings.coarse:
            example = example.coarse()
        sigma = sample_sigma(self.settings.sigma, [generator], shift=self.settings.shift)[0]
        draws = torch.randn(3, *example.latent_mean.shape, generator=generator)
        latents = example.latent_mean + example.latent_std * draws[0]
        prompt = example.padded_prompt
        if say_roles < self.settings.say_roles and example.padded_roles is not None:
            prompt = example.padded_roles
        if drop_caption < self.settings.drop_caption:
            prompt = self._empty_text
        condition = example.condition_mean + example.condition_std * draws[1]
        count, images = example.num_references, example.image_embeds
        places = example.places
        mask = reference_mask(int(count), latents.shape[1:])[0]
        if drop_references < self.settings.drop_references:
            condition, images = self._absent_like(latents), torch.zeros_like(images)
            mask, count = torch.zeros_like(mask), torch.zeros_like(count)
            places = torch.zeros_like(places)
        if self.settings.hide:
            hidden = latents[:, : int(count)]
            hidden.copy_(torch.randn(hidden.shape, generator=generator))
        condition = torch.cat([mask, condition])
        return _Sample(
            (latents, draws[2], prompt, images, condition, sigma, count, example.subjects, places)
        )

    def _absent_like(self, latents: Tensor) -> Tensor:
        shape = tuple(latents.shape)
        if shape not in self._absent:
            _, frames, height, width = shape
            factor = self.conditioner.vae.config.scale_factor_spatial
            spec = VideoSpec(width * factor, height * factor, 4 * (frames - 1) + 1, 1)
            self._absent[shape] = self.conditioner.absent_latents(spec)[0].cpu().float()
        return self._absent[shape]

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Loss on examples from the end of the set, with fixed noise; and sampled videos."""
        count = min(32, len(self.examples))
        indices = range(len(self.examples) - count, len(self.examples))
        generators = [Generator().manual_seed(index) for index in indices]
        with torch.no_grad():
            losses, _ = self._losses(indices, generators, indices)
        made = self._samples(folder, step) if self._samples else {}
        return {"loss": float(losses.mean()), **made}

    def export(self, folder: Path) -> None:
        """Write the transformer into a model folder's `transformer/`."""
        self.model.save_pretrained(folder / "transformer")


@dataclass(frozen=True, slots=True)
class _Sample:
    """Latents, noise, text, images, condition, noise level, reference count, subjects, places."""

    tensors: tuple[Tensor, ...]

    @property
    def shape(self) -> tuple[tuple[int, ...], ...]:
        """What must agree within a forward pass."""
        return tuple(tuple(tensor.shape) for tensor in self.tensors)

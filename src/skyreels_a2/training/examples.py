"""Triplets as the transformer learns from them: encoded by the sampler's own `Conditioner`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import adaptive_avg_pool3d, avg_pool2d

from skyreels_a2.conditioning.conditioner import Conditioner
from skyreels_a2.conditioning.prompts import TEXT_LENGTH
from skyreels_a2.conditioning.spatial import normalize, picture_tensor
from skyreels_a2.elements import Reference, Role
from skyreels_a2.errors import SpecError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.runtime.convolutions import onednn_convolutions
from skyreels_a2.training.vae import as_tensor
from skyreels_a2.triplet import Triplet
from skyreels_a2.video import VideoSpec

T = TypeVar("T")

NEAR_WHITE = 0.95
"""What all colours of a pixel reach that counts as white, of -1 to 1."""


@dataclass(frozen=True, slots=True)
class Example:
    """One encoded triplet, without a batch dimension.

    Attributes:
        latent_mean, latent_std: The video's posterior, normalised: (16, t, h, w).
        condition_mean, condition_std: The reference video's posterior, likewise.
        image_embeds: (N·tokens, image_dim).
        prompt_embeds: (words, text_dim); the rest of the 512 is zero.
        role_embeds: Likewise of the caption that says roles only; no words where nobody knows.
        num_references: N, int64 scalar.
        subjects: Share of each latent place that characters and objects fill: (t, h, w); zeros
            where nobody knows.
        places: Of each reference, the share of each latent place that it fills, and times that
            the place in the reference, across and down: (N, 3, t, h, w); zeros where nobody knows.
        margins: Latents left and right of each subject that are white in its reference, so far it
            may be moved: (N, 2), int64; zeros for backgrounds, and where nobody knows.
    """

    latent_mean: Tensor
    latent_std: Tensor
    condition_mean: Tensor
    condition_std: Tensor
    image_embeds: Tensor
    prompt_embeds: Tensor
    role_embeds: Tensor
    num_references: Tensor
    subjects: Tensor
    places: Tensor
    margins: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """For a cache; floats in half precision."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v.half() if v.is_floating_point() else v for k, v in named.items()}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Example:
        """From a cache; an older one knows neither subjects, roles, places nor margins."""
        named = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        size, count = named["latent_mean"].shape[1:], int(named["num_references"])
        unknown = {
            "subjects": torch.zeros(size),
            "places": torch.zeros(count, 3, *size),
            "margins": torch.zeros(count, 2, dtype=torch.int64),
            "role_embeds": named["prompt_embeds"][:0],
        }
        return cls(**{**unknown, **named})

    def beginning(self, num_frames: int) -> Example:
        """The first latent frames, beside those under references; the VAE is causal."""
        end = int(self.num_references) + num_frames
        cut = {
            name: getattr(self, name)[:, :end]
            for name in ("latent_mean", "latent_std", "condition_mean", "condition_std")
        }
        return replace(self, **cut, subjects=self.subjects[:end], places=self.places[:, :, :end])

    def coarse(self) -> Example:
        """At half the width and height: means over 2×2 latents.

        Raises:
            SpecError: Half of it has sides that patches of 2×2 do not fill.
        """
        height, width = self.latent_mean.shape[-2:]
        if height % 4 or width % 4:
            raise SpecError(
                f"flow.coarse halves latents of {width}x{height}: sides must be multiples of 4, "
                "in pixels of 32"
            )
        means = {
            name: avg_pool2d(getattr(self, name), 2)
            for name in ("latent_mean", "condition_mean", "subjects")
        }
        # Four independent draws have half the deviation in their mean.
        deviations = {
            name: avg_pool2d(getattr(self, name), 2) / 2 for name in ("latent_std", "condition_std")
        }
        half = (*self.places.shape[:-2], height // 2, width // 2)
        places = avg_pool2d(self.places.flatten(0, 1), 2).reshape(half)
        return replace(self, **means, **deviations, places=places)

    def moved(self, generator: Generator) -> Example:
        """With each subject elsewhere across its reference, and every second one mirrored.

        Where a reference is to be looked at can then not be learned by heart.
        """
        condition = {n: getattr(self, n).clone() for n in ("condition_mean", "condition_std")}
        places, width = self.places.clone(), self.latent_mean.shape[-1]
        for number, margins in enumerate(self.margins.tolist()):
            step, mirrored = _move(margins, generator)
            for latents in condition.values():
                shown = latents[:, number].flip(-1) if mirrored else latents[:, number]
                latents[:, number] = shown.roll(step, -1)
            share, across = self.places[number, :2]
            places[number, 1] = (share - across if mirrored else across) + share * step / width
        return replace(self, **condition, places=places)

    @property
    def padded_prompt(self) -> Tensor:
        """The text embeddings at their full length (512, text_dim)."""
        return _padded(self.prompt_embeds)

    @property
    def padded_roles(self) -> Tensor | None:
        """Those of the caption that says roles only, if it is known."""
        return _padded(self.role_embeds) if len(self.role_embeds) else None


@torch.no_grad()
def encode(conditioner: Conditioner, triplet: Triplet, generator: Generator) -> Example:
    """Encode a triplet.

    Args:
        conditioner: That of the pipeline which will sample.
        triplet: Its references are shuffled and, one time in ten, thinned out: the model must not
            rely on their order or number.
        generator: Source of both.
    """
    all_references = triplet.composition.references
    order = shuffled(range(len(all_references)), generator)
    references = [all_references[number] for number in order]
    spec = triplet.video.spec
    encoded = conditioner.references(references, spec)
    vae = conditioner.vae
    video = as_tensor(triplet.video.frames)[None].to(vae.device, vae.dtype)
    with onednn_convolutions():
        posterior = vae.encode(video).latent_dist
    composition = triplet.composition
    return Example(
        *_moments(vae, posterior),
        *_moments(vae, encoded.posterior),
        encoded.image_embeds[0].cpu(),
        words_of(conditioner, composition.text),
        words_of(conditioner, composition.role_text),
        torch.tensor(len(references)),
        _share_of_subjects(triplet, posterior.mean.shape[2:]),
        _places(triplet, order, posterior.mean.shape[2:]),
        _margins(references, spec, spec.width // posterior.mean.shape[-1]),
    )


def words_of(conditioner: Conditioner, text: str) -> Tensor:
    """Text embeddings without padding: (words, text_dim)."""
    embeds = conditioner.text(text)[0]
    return embeds[: int(embeds.abs().sum(-1).ne(0).sum())].cpu()


def _padded(embeds: Tensor) -> Tensor:
    return torch.nn.functional.pad(embeds, (0, 0, 0, TEXT_LENGTH - embeds.shape[0]))


def shuffled(references: Sequence[T], generator: Generator) -> list[T]:
    """The references in another order; one time in ten a single one of several is left out."""
    order = torch.randperm(len(references), generator=generator).tolist()
    if len(order) > 1 and float(torch.rand(1, generator=generator)) < 0.1:
        order = order[1:]
    return [references[index] for index in order]


def _share_of_subjects(triplet: Triplet, size: Sequence[int]) -> Tensor:
    if triplet.subjects is None:
        return torch.zeros(*size)
    return _on_latents(torch.from_numpy(triplet.subjects).float()[None], size)[0]


def _places(triplet: Triplet, order: Sequence[int], size: Sequence[int]) -> Tensor:
    if triplet.places is None:
        return torch.zeros(len(order), 3, *size)
    known = torch.from_numpy(triplet.places[list(order)])
    return _on_latents(known.flatten(0, 1), size).reshape(len(order), 3, *size)


def _move(margins: Sequence[int], generator: Generator) -> tuple[int, bool]:
    """So many latents to the right, and whether mirrored first."""
    chance, side = torch.rand(2, generator=generator).tolist()
    if not any(margins):
        return 0, False
    mirrored = side < 0.5
    left, right = reversed(margins) if mirrored else margins
    return math.floor(chance * (left + right + 1)) - left, mirrored


def _margins(references: Sequence[Reference], spec: VideoSpec, cell: int) -> Tensor:
    """White left and right of each subject, in whole cells of that many pixels: (N, 2)."""
    return torch.tensor([_white_sides(reference, spec, cell) for reference in references])


def _white_sides(reference: Reference, spec: VideoSpec, cell: int) -> tuple[int, int]:
    if reference.role is Role.BACKGROUND:
        return 0, 0
    picture = open_picture(reference.picture).image
    fitted = picture_tensor(fit(picture, reference.role, spec.width, spec.height))
    drawn = fitted.amin((0, 1)).lt(NEAR_WHITE).nonzero().flatten().tolist()
    if not drawn:
        return 0, 0
    return drawn[0] // cell, (spec.width - 1 - drawn[-1]) // cell


def _on_latents(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Means (n, t, h, w): a latent frame stands for four frames, the first for one."""
    num_frames, height, width = size
    first = adaptive_avg_pool3d(maps[:, :1], (1, height, width))
    rest = adaptive_avg_pool3d(maps[:, 1:], (num_frames - 1, height, width))
    return torch.cat([first, rest], dim=1)


def _moments(vae: object, posterior: object) -> tuple[Tensor, Tensor]:
    mean = posterior.mean  # type: ignore[attr-defined]  # diffusers has no types
    std = posterior.std  # type: ignore[attr-defined]  # likewise
    # Normalisation is affine, so the deviation scales with it and the mean shifts.
    scale = normalize(vae, torch.ones_like(mean)) - normalize(vae, torch.zeros_like(mean))
    return normalize(vae, mean)[0].cpu(), (std * scale)[0].cpu()

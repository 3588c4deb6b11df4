"""`Conditioner`: the one way from a composition to the tensors that the transformer gets.

Sampling and training both call it, so they cannot disagree. It knows the encoders and nothing of
schedulers, guidance or losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL.Image import Image
from torch import Tensor

from skyreels_a2.conditioning.prompts import TEXT_LENGTH
from skyreels_a2.conditioning.semantic import encode_semantic
from skyreels_a2.conditioning.spatial import (
    check_layout,
    held_videos,
    normalize,
    picture_tensor,
    reference_mask,
    reference_video,
)
from skyreels_a2.conditioning.text import encode_text
from skyreels_a2.elements import Reference
from skyreels_a2.errors import CompositionError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.runtime.convolutions import onednn_convolutions
from skyreels_a2.video import VideoSpec


@dataclass(frozen=True, slots=True)
class Conditioning:
    """All that the transformer is told beside the noisy latents and the time.

    Attributes:
        prompt_embeds: (batch, 512, text_dim).
        image_embeds: (batch, N·tokens, image_dim), semantic branch.
        condition: (batch, 4 + 16, t, h, w), spatial branch: mask, then normalised latents.

    Raises:
        CompositionError: Text embeddings of another length than 512.
    """

    prompt_embeds: Tensor
    image_embeds: Tensor
    condition: Tensor

    def __post_init__(self) -> None:
        if (length := self.prompt_embeds.shape[1]) != TEXT_LENGTH:
            raise CompositionError(
                f"text embeddings have {length} tokens: pad or cut them to {TEXT_LENGTH}, by which "
                "the transformer tells text from pictures"
            )

    def with_text(self, prompt_embeds: Tensor) -> Conditioning:
        """The same references with other text, e.g. the negative prompt."""
        return replace(self, prompt_embeds=prompt_embeds)

    def to(self, device: torch.device, dtype: torch.dtype) -> Conditioning:
        """Every tensor on a device and in a type."""
        tensors = (self.prompt_embeds, self.image_embeds, self.condition)
        return Conditioning(*(tensor.to(device, dtype) for tensor in tensors))

    def transformer_inputs(self, latents: Tensor, timestep: Tensor) -> dict[str, Tensor]:
        """Arguments of one forward pass of the transformer.

        Args:
            latents: Noisy latents (batch, 16, t, h, w).
            timestep: (batch,) or a scalar, on the scale of the scheduler (0 to 1000).
        """
        hidden = torch.cat([latents.to(self.condition.dtype), self.condition], dim=1)
        return {
            "hidden_states": hidden,
            "timestep": timestep.expand(latents.shape[0]),
            "encoder_hidden_states": self.prompt_embeds,
            "encoder_hidden_states_image": self.image_embeds,
        }


@dataclass(frozen=True, slots=True)
class EncodedReferences:
    """References after both encoders, before a sample of the VAE's posterior is drawn.

    Attributes:
        image_embeds: (1, N·tokens, image_dim), strengths applied.
        posterior: The VAE's distribution over the latents of the reference video.
        mask: (1, 4, t, h, w), strengths applied.
        absent: (1, 16, t, h, w): normalised latents of no reference; None unless asked for.
        strengths: One weight a reference.
    """

    image_embeds: Tensor
    posterior: Any
    mask: Tensor
    absent: Tensor | None
    strengths: tuple[float, ...]


class Conditioner:
    """Encodes text and references.

    Args:
        vae: An `AutoencoderKLWan`.
        image_encoder: A `CLIPVisionModel`.
        image_processor: Its processor.
        tokenizer: The umT5 tokenizer; may be None where text embeddings are given.
        text_encoder: A `UMT5EncoderModel`; may be None likewise.
        device: Where the encoders run; each its own device by default.
        held_frames: Latent frames through which each reference is held, by itself, before its
            latents are taken. 1 lays all references into one video, as published: there the
            latents of a reference are those after a cut, which in a small VAE differ from what
            the same picture has within a video by a third of their power, so that nothing can
            simply be copied; held for 3 they differ by 3 %.
    """

    def __init__(
        self,
        *,
        vae: Any,
        image_encoder: Any,
        image_processor: Any,
        tokenizer: Any = None,
        text_encoder: Any = None,
        device: torch.device | None = None,
        held_frames: int = 1,
    ) -> None:
        self.held_frames = held_frames
        self.vae = vae
        self.image_encoder = image_encoder
        self.image_processor = image_processor
        self.tokenizer = tokenizer
        self.text_encoder = text_encoder
        self.device = device

    @torch.no_grad()
    def text(self, prompt: str) -> Tensor:
        """Embeddings (1, 512, text_dim) of one prompt."""
        return encode_text(self.tokenizer, self.text_encoder, prompt, device=self.device)

    @torch.no_grad()
    def references(
        self, references: Sequence[Reference], spec: VideoSpec, *, with_absent: bool = False
    ) -> EncodedReferences:
        """Run both branches over the references of a composition.

        Args:
            references: One or more, in order: reference i fills latent frame i.
            spec: The video that is sampled, reference frames included.
            with_absent: Also encode what the transformer is told when there is no reference.

        Raises:
            CompositionError: More references than latent frames.
            PictureError: A picture that cannot be used.
        """
        check_layout(len(references), spec)
        pictures = [open_picture(reference.picture).image for reference in references]
        roles = [reference.role for reference in references]
        fitted = [
            fit(picture, role, spec.width, spec.height)
            for picture, role in zip(pictures, roles, strict=True)
        ]
        strengths = tuple(reference.element.strength for reference in references)
        posterior = self._posterior([picture_tensor(picture) for picture in fitted], spec)
        weakened = any(strength < 1 for strength in strengths)
        latent_shape = posterior.mean.shape[2:]
        return EncodedReferences(
            image_embeds=self._semantic(pictures, strengths),
            posterior=posterior,
            mask=_weighted(reference_mask(len(references), latent_shape), strengths),
            absent=self.absent_latents(spec) if with_absent or weakened else None,
            strengths=strengths,
        )

    @torch.no_grad()
    def condition(
        self, encoded: EncodedReferences, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw the spatial condition (1, 20, t, h, w): a *sample* of the posterior, as published.

        Args:
            encoded: Result of `references`.
            generator: Source of the draw; one call draws once.
        """
        latents = normalize(self.vae, encoded.posterior.sample(generator))
        if encoded.absent is not None:
            for index, strength in enumerate(encoded.strengths):
                if strength < 1:
                    absent = encoded.absent[:, :, index]
                    latents[:, :, index] = absent.lerp(latents[:, :, index], strength)
        return torch.cat([encoded.mask.to(latents), latents], dim=1)

    @torch.no_grad()
    def absent_latents(self, spec: VideoSpec) -> Tensor:
        """Normalised latents (1, 16, t, h, w) of an empty reference video (zeros)."""
        return normalize(self.vae, self._posterior([], spec).mode())

    def without_references(self, conditioning: Conditioning, absent: Tensor) -> Conditioning:
        """The same text with every reference dropped, as in training's reference dropout.

        No tokens' content (zeros), no mask, and the latents of an empty reference video.
        """
        mask = torch.zeros_like(conditioning.condition[:, : -absent.shape[1]])
        latents = absent.to(mask).expand(mask.shape[0], -1, -1, -1, -1)
        return replace(
            conditioning,
            image_embeds=torch.zeros_like(conditioning.image_embeds),
            condition=torch.cat([mask, latents], dim=1),
        )

    def _semantic(self, pictures: Sequence[Image], strengths: Sequence[float]) -> Tensor:
        tokens = encode_semantic(
            self.image_processor, self.image_encoder, pictures, device=self.device
        )
        weights = torch.tensor(strengths).to(tokens)
        # Drawn towards zeros, which is what dropped references are.
        return tokens * weights.repeat_interleave(tokens.shape[1] // len(pictures)).view(1, -1, 1)

    def _posterior(self, pictures: Sequence[Tensor], spec: VideoSpec) -> Any:
        if self.held_frames == 1:
            return self._encode(reference_video(pictures, spec))
        told = self._encode(held_videos(pictures, spec, self.held_frames)).parameters[:, :, -1]
        # One video whose frames are the stills, the blank one repeated.
        rest = told[-1:].expand(spec.num_latent_frames - len(told), -1, -1, -1)
        return DiagonalGaussianDistribution(torch.cat([told, rest]).transpose(0, 1)[None])

    def _encode(self, video: Tensor) -> Any:
        video = video.to(self.device or self.vae.device, self.vae.dtype)
        with onednn_convolutions():
            return self.vae.encode(video).latent_dist


def _weighted(mask: Tensor, strengths: Sequence[float]) -> Tensor:
    for index, strength in enumerate(strengths):
        mask[:, :, index] *= strength
    return mask

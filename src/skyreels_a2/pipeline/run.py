"""One sampling run: its tensors are made, its steps taken, its state kept if asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

from skyreels_a2.conditioning.conditioner import Conditioner, Conditioning, EncodedReferences
from skyreels_a2.elements import Composition, Role
from skyreels_a2.errors import SamplingError
from skyreels_a2.pipeline.appearance import Matching
from skyreels_a2.pipeline.checkpoints import Checkpoint
from skyreels_a2.pipeline.guidance import Branch, Guidance
from skyreels_a2.pipeline.latent_preview import LatentPreview
from skyreels_a2.pipeline.sampling import Branches, denoise
from skyreels_a2.pipeline.schedulers import adds_noise
from skyreels_a2.pipeline.windows import steady_colours, windows_for
from skyreels_a2.request import Sampling
from skyreels_a2.runtime.seeds import drawn_seed
from skyreels_a2.video import VideoSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """Tensors that a caller gave in place of those that would be made."""

    latents: Tensor | None = None
    prompt_embeds: Tensor | None = None
    negative_prompt_embeds: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """All that one sampling run needs to know.

    Attributes:
        composition, spec, sampling: See `GenerationRequest`; the spec is that which is sampled.
        scheduler: A solver of this run's own.
        generators: One a video.
        given: Tensors in place of those that would be made.
        on_step: See `denoise`.
        checkpoint: Where the state is kept, if it is.
        preview: What is told of how the video looks, if anyone wants to see.
        window: Frames above which the video is sampled by windows; None for never.
    """

    composition: Composition
    spec: VideoSpec
    sampling: Sampling
    scheduler: Any
    generators: Sequence[Generator | None]
    given: Given
    on_step: Callable[[int, Tensor, Tensor], Tensor]
    checkpoint: Checkpoint | None = None
    preview: LatentPreview | None = None
    window: int | None = None
    references: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", len(self.composition.references))


@torch.no_grad()
def sample(pipeline: Any, run: Run) -> Tensor:
    """Latents (videos, 16, t, h, w) of all videos of a run.

    Args:
        pipeline: A `SkyReelsA2Pipeline`.
        run: What to sample.
    """
    for remark in run.composition.remarks():
        logger.warning("%s", remark)
    run.sampling.check_for(pipeline.defaults.sampling)
    guidance = Guidance(run.sampling)
    windows = None
    if run.window is not None:
        windows = windows_for(run.spec, run.references, run.window)
    told_spec = run.spec if windows is None else windows.spec(run.spec)
    conditioner = pipeline.conditioner()
    prompt, negative = _texts(pipeline, conditioner, run, needs_negative=guidance.uses_text)
    encoded = conditioner.references(
        run.composition.references, told_spec, with_absent=guidance.uses_images
    )
    noises, branches, seeds = [], [], []
    for index, source in enumerate(run.generators):
        # Noise first, then the posterior's sample: the order in which the released code draws.
        noises.append(_noise(pipeline, run, index, source))
        told = Conditioning(prompt, encoded.image_embeds, conditioner.condition(encoded, source))
        branches.append(_branches(pipeline, conditioner, told, negative, encoded))
        if adds_noise(run.scheduler):
            seeds.append(drawn_seed(source))
    device = pipeline._execution_device  # noqa: SLF001  (diffusers' own name)
    steps = run.sampling.num_inference_steps
    run.scheduler.set_timesteps(steps, device=device)
    start, latents = 0, torch.cat(noises).to(device)
    if run.checkpoint is not None:
        start, latents = run.checkpoint.restore(latents, run.scheduler)
    if run.preview is not None:
        run.preview.learn(run.composition.references, run.spec, branches[0][Branch.FULL], latents)
    matching = Matching(run.sampling.appearance_matching, _drawn(run.composition))
    with pipeline.engine.predictor(pipeline.transformer, windows, steps, matching) as predict:
        latents = denoise(
            predict,
            run.scheduler,
            guidance,
            branches,
            latents,
            _watched(run),
            start=start,
            seeds=seeds,
            on_clean=None if run.preview is None else run.preview.show,
        )
    return latents if windows is None else steady_colours(latents, run.references)


def _drawn(composition: Composition) -> tuple[float, ...]:
    """Of each reference, how far to draw to it; places come out well enough without."""
    elements = [reference.element for reference in composition.references]
    return tuple(0.0 if e.role is Role.BACKGROUND else e.strength for e in elements)


def _watched(run: Run) -> Callable[[int, Tensor, Tensor], Tensor]:
    """What happens after a step: the caller's own, then the state."""

    def on_step(step: int, timestep: Tensor, latents: Tensor) -> Tensor:
        latents = run.on_step(step, timestep, latents)
        if run.checkpoint is not None:
            run.checkpoint.keep(step, latents, run.scheduler)
        return latents

    return on_step


def _texts(
    pipeline: Any, conditioner: Conditioner, run: Run, *, needs_negative: bool
) -> tuple[Tensor, Tensor | None]:
    prompt, negative = run.given.prompt_embeds, run.given.negative_prompt_embeds
    lacks_text = prompt is None or (needs_negative and negative is None)
    if lacks_text and pipeline.text_encoder is None:
        raise SamplingError(
            "this pipeline has no text encoder: give prompt_embeds and negative_prompt_embeds"
        )
    if prompt is None:
        prompt = conditioner.text(run.composition.text)
    if needs_negative and negative is None:
        negative = conditioner.text(run.sampling.negative_prompt)
    return prompt, negative


def _noise(pipeline: Any, run: Run, index: int, source: Generator | None) -> Tensor:
    config = pipeline.vae.config
    shape = (
        1,
        config.z_dim,
        run.spec.num_latent_frames,
        run.spec.height // config.scale_factor_spatial,
        run.spec.width // config.scale_factor_spatial,
    )
    if (given := run.given.latents) is None:
        device = source.device if source is not None else "cpu"
        return torch.randn(shape, generator=source, device=device, dtype=torch.float32)
    expected = (len(run.generators), *shape[1:])
    if tuple(given.shape) != expected:
        raise SamplingError(f"latents have shape {tuple(given.shape)}: give {expected}")
    return given[index : index + 1].float()


def _branches(
    pipeline: Any,
    conditioner: Conditioner,
    told: Conditioning,
    negative: Tensor | None,
    encoded: EncodedReferences,
) -> Branches:
    branches = {Branch.FULL: told}
    if negative is not None:
        no_text = branches[Branch.NO_TEXT] = told.with_text(negative)
        if encoded.absent is not None:
            branches[Branch.NOTHING] = conditioner.without_references(no_text, encoded.absent)
    # diffusers' own name.
    device, dtype = pipeline._execution_device, pipeline.transformer.dtype  # noqa: SLF001
    return {branch: value.to(device, dtype) for branch, value in branches.items()}

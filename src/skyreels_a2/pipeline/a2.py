"""`SkyReelsA2Pipeline`: elements and a prompt in, a video out.

A diffusers pipeline like any other, and a `Composer`. What it does is spelled out elsewhere: the
`Conditioner` makes the tensors, `guidance` and `sampling` solve the flow, `decode` makes frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.loaders import WanLoraLoaderMixin
from diffusers.utils import BaseOutput
from diffusers.video_processor import VideoProcessor
from torch import Generator, Tensor

from skyreels_a2.conditioning.conditioner import Conditioner
from skyreels_a2.elements import Composition
from skyreels_a2.errors import SamplingError
from skyreels_a2.pipeline.checkpoints import Checkpoint
from skyreels_a2.pipeline.decode import as_uint8, stream_decode
from skyreels_a2.pipeline.encodings import RememberingConditioner
from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.pipeline.latent_preview import LatentPreview
from skyreels_a2.pipeline.loading import OnLoad, check_fit, load_components
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.pipeline.run import Given, Run, sample
from skyreels_a2.pipeline.schedulers import flow_shift_of, make_scheduler
from skyreels_a2.request import Generation, GenerationRequest
from skyreels_a2.runtime.memory import explain_out_of_memory
from skyreels_a2.runtime.seeds import generator as seeded
from skyreels_a2.runtime.seeds import one_per_video
from skyreels_a2.video import TIME_STEP, Frames, Video, VideoSpec

Generators: TypeAlias = Generator | Sequence[Generator] | None
OnStepEnd: TypeAlias = Callable[[Any, int, Tensor, dict[str, Tensor]], dict[str, Tensor] | None]
OnProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with a phase ("sample" or "decode"), how much of it is done, and how much there is."""

OUTPUT_TYPES = ("latent", "pt", "np", "pil")


@dataclass
class SkyReelsA2Output(BaseOutput):  # type: ignore[misc]  # diffusers has no types
    """What a call returns.

    Attributes:
        frames: By output type: "np" (videos, frames, height, width, 3) in [0, 1]; "pt" (videos,
            frames, 3, height, width) in [0, 1]; "pil" a list of pictures for each video;
            "latent" (videos, 16, t, h, w), normalised, reference frames included.
    """

    frames: Any


class SkyReelsA2Pipeline(DiffusionPipeline, WanLoraLoaderMixin):  # type: ignore[misc]  # untyped
    """Elements-to-video with SkyReels-A2 (arXiv 2504.02436).

    Args:
        tokenizer, text_encoder: umT5; both may be None where text embeddings are given.
        image_encoder, image_processor: CLIP vision tower and its processor.
        transformer: `WanTransformer3DModel` with 36 input channels.
        vae: `AutoencoderKLWan`.
        scheduler: A flow-matching solver.
        defaults: Size, length and steps the model was made for; see `ModelDefaults`.
    """

    model_cpu_offload_seq = "text_encoder->image_encoder->transformer->vae"
    _callback_tensor_inputs = ("latents",)
    _optional_components = ("tokenizer", "text_encoder")

    def __init__(
        self,
        tokenizer: Any,
        text_encoder: Any,
        image_encoder: Any,
        image_processor: Any,
        transformer: Any,
        vae: Any,
        scheduler: Any,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        components = {
            "tokenizer": tokenizer,
            "text_encoder": text_encoder,
            "image_encoder": image_encoder,
            "image_processor": image_processor,
            "transformer": transformer,
            "vae": vae,
            "scheduler": scheduler,
        }
        check_fit(components)
        self.register_modules(**components)
        self.defaults = ModelDefaults.from_mapping(defaults)
        self.register_to_config(defaults=self.defaults.as_mapping())
        self.engine = Engine()
        self.video_processor = VideoProcessor(vae_scale_factor=vae.config.scale_factor_spatial)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        precision: str = "auto",
        torch_dtype: torch.dtype | None = None,
        variant: str | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        token: str | None = None,
        local_files_only: bool = False,
        on_load: OnLoad = lambda _: None,
        **components: Any,
    ) -> Self:
        """Open a model: an embedded name (`"a2-tiny"`), a folder, or a hub id.

        The published folder, whose index names classes that no library has, opens like any other.

        Args:
            name: Embedded name, path or `owner/name`.
            precision: "auto", "fp32", "bf16" or "published"; see `loading.component_dtypes`.
            torch_dtype: One type for all models instead, as in diffusers.
            variant: Suffix of the weight files, e.g. "fp16".
            revision, cache_dir, token, local_files_only: As in huggingface_hub.
            on_load: Called with the name of each component before it is loaded.
            components: Components to use instead of those in the folder.

        Raises:
            ModelError: No such model, or a component is missing, broken or does not fit.
        """
        folder = model_folder(
            name,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
        )
        loaded = load_components(
            folder,
            precision=precision if torch_dtype is None else torch_dtype,
            variant=variant,
            given=components,
            on_load=on_load,
        )
        return cls(**loaded, defaults=ModelDefaults.of_folder(folder).as_mapping())

    @torch.no_grad()
    def __call__(  # noqa: PLR0913  (the keywords of diffusers' pipelines)
        self,
        composition: Composition,
        *,
        height: int | None = None,
        width: int | None = None,
        num_frames: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        image_guidance_scale: float | None = None,
        guider: str = "cfg",
        guidance_interval: tuple[float, float] | None = None,
        appearance_matching: float | None = None,
        negative_prompt: str | None = None,
        num_videos_per_prompt: int = 1,
        generator: Generators = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        output_type: str = "np",
        trim_references: bool = True,
        return_dict: bool = True,
        callback_on_step_end: OnStepEnd | None = None,
    ) -> SkyReelsA2Output | tuple[Any]:
        """Compose videos.

        Args:
            composition: Prompt and elements.
            height, width: Pixels, multiples of 16; the model's own by default.
            num_frames: 4k+1 frames that are *sampled*; N references take the first 4·N of them.
            num_inference_steps, guidance_scale, image_guidance_scale, guider, guidance_interval,
                appearance_matching, negative_prompt: See `Sampling`; the model's own by default.
            num_videos_per_prompt: Videos to make.
            generator: One for all, or a list with one for each video.
            latents: Noise (videos, 16, t, h, w) instead of a draw.
            prompt_embeds, negative_prompt_embeds: (1, 512, text_dim) instead of texts.
            output_type: "latent", "pt", "np" or "pil"; see `SkyReelsA2Output`.
            trim_references: Cut off the 4·N frames of the references, as published. Latents are
                never cut, since the decoder needs them.
            return_dict: Give a `SkyReelsA2Output`, else a tuple.
            callback_on_step_end: Called as `(pipeline, step, timestep, {"latents": …})`; may
                return replaced latents. What it raises ends the run.

        Raises:
            InputError: Anything above that cannot be; see `skyreels_a2.errors`.
            MemoryLimitError: It does not fit into memory.
        """
        if output_type not in OUTPUT_TYPES:
            raise SamplingError(
                f"output type {output_type!r} is unknown: use {', '.join(OUTPUT_TYPES)}"
            )
        known = self.defaults
        spec = VideoSpec(
            width=known.width if width is None else width,
            height=known.height if height is None else height,
            num_frames=known.num_frames if num_frames is None else num_frames,
            fps=known.fps,
        )
        sampling = known.sampling.updated(
            {
                "num_inference_steps": num_inference_steps,
                "guidance_scale": guidance_scale,
                "image_guidance_scale": image_guidance_scale,
                "guider": guider,
                "guidance_interval": guidance_interval,
                "appearance_matching": appearance_matching,
                "negative_prompt": negative_prompt,
            }
        )
        given = Given(latents, prompt_embeds, negative_prompt_embeds)
        generators = one_per_video(generator, num_videos_per_prompt)
        with (
            explain_out_of_memory(str(spec), self.engine.advice),
            self.progress_bar(total=sampling.num_inference_steps) as bar,
        ):

            def on_step(step: int, timestep: Tensor, latents: Tensor) -> Tensor:
                bar.update()
                if callback_on_step_end is None:
                    return latents
                changed = callback_on_step_end(self, step, timestep, {"latents": latents})
                return (changed or {}).get("latents", latents)

            run = Run(composition, spec, sampling, self.scheduler, generators, given, on_step)
            result = sample(self, run)
            skip = TIME_STEP * len(composition.references) if trim_references else 0
            frames = result if output_type == "latent" else self._frames(result, skip, output_type)
        self.maybe_free_model_hooks()
        return SkyReelsA2Output(frames=frames) if return_dict else (frames,)

    def generate(self, request: GenerationRequest) -> Generation:
        """Make the video that a request describes: this pipeline is a `Composer`."""
        frames = np.concatenate(list(self.stream(request)))
        return Generation(Video(frames, request.delivered_spec), request)

    def stream(
        self,
        request: GenerationRequest,
        *,
        on_progress: OnProgress | None = None,
        checkpoint: Checkpoint | None = None,
        preview: LatentPreview | None = None,
    ) -> Iterator[Frames]:
        """Make a video and hand its frames on as they are decoded, so that memory stays flat.

        One longer than the model's window is sampled by windows that all see the references.

        Args:
            request: What to make.
            on_progress: Told of every step and every group of frames.
            checkpoint: Keeps the state of sampling; a run that was stopped goes on from it.
            preview: Shows the video while it is sampled.

        Yields:
            uint8 RGB frames of shape (n, height, width, 3).
        """
        sampling, spec = request.sampling, request.sampled_spec
        tell = on_progress or (lambda *_: None)

        def on_step(step: int, _: Tensor, latents: Tensor) -> Tensor:
            tell("sample", step + 1, sampling.num_inference_steps)
            return latents

        shift = sampling.flow_shift or flow_shift_of(self.scheduler)
        scheduler = make_scheduler(sampling.scheduler, flow_shift=shift)
        generators = [seeded(request.seed)]
        with explain_out_of_memory(str(spec), self.engine.advice):
            composition = request.composition
            run = Run(composition, spec, sampling, scheduler, generators, Given(), on_step)
            window = self.defaults.num_frames
            run = replace(run, checkpoint=checkpoint, preview=preview, window=window)
            latents = sample(self, run)
            skip = spec.num_frames - request.delivered_spec.num_frames
            decoded = 0
            for pictures in stream_decode(self.vae, latents, self.engine.share):
                kept = pictures[max(0, skip - decoded) :]
                decoded += len(pictures)
                tell("decode", decoded, spec.num_frames)
                if len(kept):
                    yield as_uint8(kept)
        self.maybe_free_model_hooks()

    def conditioner(self) -> Conditioner:
        """The conditioner of this pipeline's components, on the device it runs on."""
        components = {
            "vae": self.vae,
            "image_encoder": self.image_encoder,
            "image_processor": self.image_processor,
            "tokenizer": self.tokenizer,
            "text_encoder": self.text_encoder,
            "device": self._execution_device,
            "held_frames": self.defaults.held_frames,
        }
        if self.engine.encodings is None:
            return Conditioner(**components)
        return RememberingConditioner(self.engine.encodings, **components)

    def _frames(self, latents: Tensor, skip: int, output_type: str) -> Any:
        videos = [
            torch.cat(list(stream_decode(self.vae, latent, self.engine.share)))[skip:]
            for latent in torch.split(latents, 1)
        ]
        batch = torch.stack(videos).transpose(1, 2).float()
        return self.video_processor.postprocess_video(batch, output_type=output_type)

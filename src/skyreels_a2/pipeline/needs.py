"""What a request takes of a model: counted on its configs, without its weights.

Each phase runs its real modules on tensors without content; see `runtime.counting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

from skyreels_a2.conditioning.prompts import TEXT_LENGTH
from skyreels_a2.conditioning.spatial import reference_video
from skyreels_a2.pipeline.configs import build_models, build_transformer
from skyreels_a2.pipeline.decode import stream_decode
from skyreels_a2.pipeline.loading import component_dtypes
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.pipeline.windows import windows_for
from skyreels_a2.runtime.choices import Needs
from skyreels_a2.runtime.convolutions import onednn_convolutions
from skyreels_a2.runtime.counting import Counted, count, weight_bytes, without_memory
from skyreels_a2.runtime.memo import RequestMemo
from skyreels_a2.runtime.stepcache import StepCache
from skyreels_a2.video import TIME_STEP, VideoSpec

Counter: TypeAlias = Callable[[Callable[[], Any]], Counted]
_STEADY = 4
"""Latent frames after which the decoder does the same again for every further one."""
_STEPS = 50
_BLOCKS_FOR_CACHES = 2
_CAST = ("blocks.",)
_KEPT_WHOLE = ("norm", "scale_shift_table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One request as far as its size goes.

    Attributes:
        spec: What is sampled, reference frames included.
        num_references: Pictures.
        num_steps: Solver steps.
        num_passes: Passes of a step: 2 with text guidance.
    """

    spec: VideoSpec
    num_references: int = 3
    num_steps: int = 50
    num_passes: int = 2


def needs_of(
    configs: Mapping[str, Mapping[str, Any]],
    workload: Workload,
    *,
    precision: str | torch.dtype = "bf16",
    window: int | None = None,
) -> Needs:
    """Count a workload.

    Args:
        configs: As `configs_of` or `PUBLISHED`.
        workload: What is asked for.
        precision: See `component_dtypes`.
        window: Frames that the model was made for; longer videos are sampled by windows.
    """
    windows = windows_for(
        workload.spec, workload.num_references, window or workload.spec.num_frames
    )
    shown = workload.spec if windows is None else windows.spec(workload.spec)
    with without_memory():
        models = build_models(configs, component_dtypes(precision))
        phases = _count_phases(models, workload, shown, count)
        transformer = models["transformer"]
        memo = RequestMemo(transformer)
        with memo.told("any"):
            _pass(models, shown, workload.num_references, 1)
        kept = memo.num_bytes * workload.num_passes
        memo.detach()
        few = {**configs["transformer"], "num_layers": _BLOCKS_FOR_CACHES}
        cached = _count_caches(
            {**models, "transformer": build_transformer(few, transformer.dtype)},
            shown,
            workload.num_references,
        )
    num_windows = 1 if windows is None else len(windows.starts)
    flops = {name: counted.flops for name, counted in phases.items()}
    flops["sample"] *= num_windows
    weights = {name: weight_bytes(model) for name, model in models.items()}
    blocks = {
        "transformer": list(transformer.blocks),
        "text_encoder": list(models["text_encoder"].encoder.block),
    }
    sizes = {name: [weight_bytes(block) for block in parts] for name, parts in blocks.items()}
    patch = transformer.config.patch_size
    return Needs(
        weights=weights,
        stored={kind: weight_bytes(transformer, bytes_per_value=_STORED[kind]) for kind in _STORED},
        block={name: max(parts) for name, parts in sizes.items()},
        rest={name: weights[name] - sum(parts) for name, parts in sizes.items()},
        activations={name: counted.peak_bytes for name, counted in phases.items()},
        flops=flops,
        matrix=max(
            weight_bytes(m) for m in transformer.blocks.modules() if isinstance(m, torch.nn.Linear)
        ),
        kept=kept,
        cached={name: size * workload.num_passes * num_windows for name, size in cached.items()},
        num_tokens=_num_tokens(shown, models["vae"].config, patch),
        num_heads=transformer.config.num_attention_heads,
        num_passes=workload.num_passes,
        num_steps=workload.num_steps,
    )


def workload_of(defaults: ModelDefaults, num_references: int = 3) -> Workload:
    """The model's own size, length and steps."""
    return Workload(
        spec=defaults.spec,
        num_references=num_references,
        num_steps=defaults.num_inference_steps,
        num_passes=defaults.sampling.num_passes,
    )


def _count_phases(
    models: Mapping[str, Any], workload: Workload, shown: VideoSpec, counter: Counter
) -> dict[str, Counted]:
    encoder, vae = models["image_encoder"], models["vae"]
    one_pass = partial(_pass, models, shown, workload.num_references)
    counted = {
        "text": counter(partial(_text, models["text_encoder"])),
        "pictures": counter(partial(_pictures, encoder, workload.num_references)),
        "encode": _count_encoding(vae, shown, counter),
        "sample": counter(partial(one_pass, 1)),
        "sample_batch": counter(partial(one_pass, workload.num_passes)),
    }
    return {**counted, **_count_decoding(vae, workload.spec, counter)}


def _count_caches(
    models: Mapping[str, Any], spec: VideoSpec, num_references: int
) -> dict[str, int]:
    """Bytes that each step cache keeps from one step of one pass to the next.

    They keep what goes into and comes out of all blocks together, however many there are.
    """
    transformer = models["transformer"]
    told = {"step_index": 0, "num_inference_steps": _STEPS, "timestep": 500.0, "sigma": 0.5}

    def work() -> Any:
        with transformer.cache_context("counted", **told):
            return _pass(models, spec, num_references, 1)

    without = count(work).kept_bytes
    kept = {}
    for name in ("fbc", "mag", "taylor"):
        cache = StepCache(name=name, ratios=(1.0,) * _STEPS)
        cache.enable(transformer, _STEPS)
        kept[name] = max(0, count(work).kept_bytes - without)
        cache.disable(transformer)
    # "sea" compares contents, of which there are none here, and keeps what "mag" does.
    return {**kept, "sea": kept["mag"]}


def _count_encoding(vae: Any, spec: VideoSpec, counter: Counter) -> Counted:
    """The encoder over a few groups of frames; each further one does the same again."""
    if spec.num_latent_frames <= _STEADY:
        return counter(partial(_encode, vae, spec))
    lengths = [(number - 1) * TIME_STEP + 1 for number in (_STEADY - 1, _STEADY)]
    short, steady = (counter(partial(_encode, vae, replace(spec, num_frames=n))) for n in lengths)
    more = spec.num_latent_frames - _STEADY
    return Counted(
        steady.peak_bytes + more * max(0, steady.peak_bytes - short.peak_bytes),
        steady.kept_bytes,
        steady.flops + more * (steady.flops - short.flops),
    )


def _count_decoding(vae: Any, spec: VideoSpec, counter: Counter) -> dict[str, Counted]:
    """The decoder over whole frames, and in tiles: each keeps its features for the next frame."""
    vae.disable_tiling()
    whole = _count_decoder(vae, spec, counter)
    wide, high = vae.tile_sample_min_width, vae.tile_sample_min_height
    if spec.width <= wide and spec.height <= high:
        return {"decode": whole, "decode_tiled": whole}
    across = _covered(spec.width, wide, vae.tile_sample_stride_width)
    down = _covered(spec.height, high, vae.tile_sample_stride_height)
    tiles = across * down
    size = {"width": min(wide, spec.width), "height": min(high, spec.height)}
    tile = _count_decoder(vae, replace(spec, **size), counter)
    tiled = Counted(
        int(tiles * tile.kept_bytes) + tile.peak_bytes - tile.kept_bytes,
        int(tiles * tile.kept_bytes),
        int(tiles * tile.flops),
    )
    return {"decode": whole, "decode_tiled": tiled}


def _covered(side: int, tile: int, stride: int) -> float:
    """Tiles along a side, the last ones as the parts that they are."""
    return sum(min(tile, side - start) for start in range(0, side, stride)) / min(tile, side)


def _count_decoder(vae: Any, spec: VideoSpec, counter: Counter) -> Counted:
    frames = spec.num_latent_frames
    short = counter(partial(_decode, vae, spec, min(frames, _STEADY - 1)))
    steady = counter(partial(_decode, vae, spec, min(frames, _STEADY)))
    more = max(0, frames - _STEADY) * (steady.flops - short.flops)
    return Counted(steady.peak_bytes, steady.kept_bytes, steady.flops + more)


def _text(encoder: Any) -> Any:
    ids = torch.zeros(1, TEXT_LENGTH, dtype=torch.int64)
    return encoder(ids, torch.ones_like(ids)).last_hidden_state


def _pictures(encoder: Any, number: int) -> Any:
    side = encoder.config.image_size
    pixels = torch.zeros(number, 3, side, side, dtype=encoder.dtype)
    return encoder(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]


def _encode(vae: Any, spec: VideoSpec) -> Any:
    with onednn_convolutions():
        return vae.encode(reference_video([], spec).to(vae.dtype)).latent_dist


def _decode(vae: Any, spec: VideoSpec, frames: int) -> Any:
    """Decode so many latent frames; returns what the decoder keeps for the next."""
    latents = torch.zeros(_latent_shape(vae.config, spec, 1, vae.config.z_dim, frames + 1))
    decoded = stream_decode(vae, latents)
    for _ in range(frames):
        # What `as_uint8` does, short of leaving the device.
        ((next(decoded).float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return decoded


def _pass(models: Mapping[str, Any], spec: VideoSpec, num_references: int, batch: int) -> Tensor:
    """One pass of the transformer with what stands beside it: noise, condition, velocity."""
    transformer, latents = models["transformer"], models["vae"].config
    config, dtype = transformer.config, transformer.dtype
    encoder = models["image_encoder"].config
    tokens = num_references * ((encoder.image_size // encoder.patch_size) ** 2 + 1)
    noisy = torch.zeros(_latent_shape(latents, spec, 1, config.out_channels))
    hidden = torch.zeros(_latent_shape(latents, spec, batch, config.in_channels), dtype=dtype)
    velocity: Tensor = transformer(
        hidden_states=hidden,
        timestep=torch.zeros(batch),
        encoder_hidden_states=torch.zeros(batch, TEXT_LENGTH, config.text_dim, dtype=dtype),
        encoder_hidden_states_image=torch.zeros(batch, tokens, config.image_dim, dtype=dtype),
        return_dict=False,
    )[0]
    return velocity[:1] + noisy


def _latent_shape(
    config: Any, spec: VideoSpec, batch: int, channels: int, frames: int | None = None
) -> tuple[int, ...]:
    stride = config.scale_factor_spatial
    time = spec.num_latent_frames if frames is None else frames
    return (batch, channels, time, spec.height // stride, spec.width // stride)


def _num_tokens(spec: VideoSpec, vae: Any, patch: tuple[int, int, int]) -> int:
    _, _, time, height, width = _latent_shape(vae, spec, 1, 1)
    return (time // patch[0]) * (height // patch[1]) * (width // patch[2])


def _plain(_: str, tensor: Tensor) -> float:
    return tensor.element_size()


def _fp8(name: str, tensor: Tensor) -> float:
    """Diffusers' layerwise casting: matrices of the blocks, and neither norms nor embeddings."""
    cast = name.startswith(_CAST) and not any(part in name for part in _KEPT_WHOLE)
    return 1 if cast else tensor.element_size()


def _int8(name: str, tensor: Tensor) -> float:
    """Torchao's weight-only integers: matrices of the blocks, with a scale for every row."""
    if not name.startswith(_CAST) or tensor.ndim != 2:
        return tensor.element_size()
    return 1 + tensor.element_size() / tensor.shape[1]


def _gguf(name: str, tensor: Tensor) -> float:
    """Q4_0: four bits a value, and a 16-bit scale for every 32 of them."""
    packed = name.startswith(_CAST) and tensor.ndim == 2
    return 0.5 + 2 / 32 if packed else tensor.element_size()


_STORED = {"plain": _plain, "fp8": _fp8, "int8": _int8, "gguf": _gguf}

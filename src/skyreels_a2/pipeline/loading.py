"""Opening a model folder: one code path for the embedded model, fine-tunes and published weights.

Every component is loaded by its sub-folder with the class it really is, never by the class names
in `model_index.json`: the published folder names classes that no library has. What does not fit
is told by component, key and shape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import diffusers
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from safetensors import SafetensorError
from transformers import (
    AutoTokenizer,
    CLIPImageProcessorPil,
    CLIPVisionModel,
    UMT5EncoderModel,
)

from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.pipeline.folders import COMPONENTS, check_folder
from skyreels_a2.pipeline.presets import check_precision, read_model_index
from skyreels_a2.pipeline.schedulers import PUBLISHED_FLOW_SHIFT

PIPELINE_CLASS = "SkyReelsA2Pipeline"
OnLoad: TypeAlias = Callable[[str], None]
_MODELS: Mapping[str, Any] = {
    "text_encoder": UMT5EncoderModel,
    "image_encoder": CLIPVisionModel,
    "transformer": WanTransformer3DModel,
    "vae": AutoencoderKLWan,
}
_FULL_PRECISION = ("image_encoder", "vae")
"""Kept in float32 by `bf16`, as diffusers' own Wan examples do."""


def load_components(
    folder: Path,
    *,
    precision: str | torch.dtype = "auto",
    variant: str | None = None,
    given: Mapping[str, Any] | None = None,
    on_load: OnLoad = lambda _: None,
) -> dict[str, Any]:
    """Load what a pipeline is made of.

    Args:
        folder: A folder in the diffusers layout.
        precision: One of `presets.PRECISIONS`, or a type for all; see `component_dtypes`.
        variant: Suffix of the weight files, e.g. "fp16".
        given: Components that are there already and are not loaded.
        on_load: Called with each component's name before it is loaded.

    Raises:
        ModelError: A component is missing, broken, or does not fit the others.
    """
    index = read_model_index(folder)
    check_folder(folder, given=given or {})
    dtypes = component_dtypes(precision)
    components = dict(given or {})
    if unknown := sorted(set(components) - set(COMPONENTS)):
        raise ModelError(f"{', '.join(unknown)} is no component: give {', '.join(COMPONENTS)}")
    for name in COMPONENTS:
        if name in components:
            continue
        on_load(name)
        components[name] = _load(folder, name, dtypes.get(name), variant, index)
    if precision == "published":
        for name in _MODELS:
            if components[name] is not None:
                # Past diffusers' own way, which keeps norms and time embedding in float32.
                torch.nn.Module.to(components[name], torch.bfloat16)
    check_fit(components)
    return components


def load_image_processor(folder: Path) -> Any:
    """The image processor alone: all that a preview needs of a model.

    Raises:
        ModelError: It is missing or broken.
    """
    return _load(folder, "image_processor", None, None, read_model_index(folder))


def component_dtypes(precision: str | torch.dtype) -> dict[str, torch.dtype]:
    """Types by component.

    `fp32` and `bf16` leave diffusers' float32 modules in float32 and, for `bf16`, the image
    encoder and the VAE too; `published` casts everything to bfloat16 as the released code does;
    `auto` is `bf16` where there is a GPU and `fp32` elsewhere.

    Raises:
        ModelError: An unknown name.
    """
    if isinstance(precision, torch.dtype):
        return dict.fromkeys(_MODELS, precision)
    check_precision(precision)
    if precision == "auto":
        precision = "bf16" if torch.cuda.is_available() else "fp32"
    low = torch.float32 if precision == "fp32" else torch.bfloat16
    full = low if precision == "published" else torch.float32
    return {name: full if name in _FULL_PRECISION else low for name in _MODELS}


def check_fit(components: Mapping[str, Any]) -> None:
    """Make sure that the components belong together.

    Raises:
        ModelError: Naming the two numbers that disagree.
    """
    transformer, vae = components["transformer"].config, components["vae"].config
    channels = 2 * vae.z_dim + 4
    _agree("transformer in_channels", transformer.in_channels, "2·z_dim + 4 of the VAE", channels)
    _agree("transformer out_channels", transformer.out_channels, "z_dim of the VAE", vae.z_dim)
    image_dim = components["image_encoder"].config.hidden_size
    _agree("transformer image_dim", transformer.image_dim, "image encoder hidden_size", image_dim)
    if (text_encoder := components["text_encoder"]) is not None:
        text_dim = text_encoder.config.d_model
        _agree("transformer text_dim", transformer.text_dim, "text encoder d_model", text_dim)
    if transformer.pos_embed_seq_len is not None:
        raise ModelError(
            "transformer has pos_embed_seq_len set, as first-last-frame models do: "
            "an elements-to-video model has none"
        )


def _agree(name: str, value: object, other_name: str, other: object) -> None:
    if value != other:
        raise ModelError(f"{name} is {value}, but {other_name} is {other}: not one model's parts")


def _load(
    folder: Path, name: str, dtype: torch.dtype | None, variant: str | None, index: dict[str, Any]
) -> Any:
    path = folder / name
    if not path.is_dir():
        return None
    try:
        if name in _MODELS:
            return _load_model(_MODELS[name], path, dtype, variant)
        return _load_plain(name, path, index)
    except ModelError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(f"component {path} cannot be loaded: {one_line(error)}") from error


def _load_model(cls: Any, path: Path, dtype: torch.dtype | None, variant: str | None) -> Any:
    word = "torch_dtype" if issubclass(cls, diffusers.ModelMixin) else "dtype"
    model, info = cls.from_pretrained(
        str(path), variant=variant, output_loading_info=True, **{word: dtype}
    )
    if mismatched := list(info["mismatched_keys"]):
        key, stored, wanted = mismatched[0]
        raise ModelError(
            f"{path}: {key} has shape {list(stored)}, but its config asks for {list(wanted)}"
        )
    if missing := sorted(info["missing_keys"]):
        raise ModelError(f"{path}: the weights lack {_some(missing)}")
    if unexpected := sorted(info["unexpected_keys"]):
        raise ModelError(f"{path}: the weights hold {_some(unexpected)}, which its config has not")
    return model.eval().requires_grad_(requires_grad=False)


def _load_plain(name: str, path: Path, index: dict[str, Any]) -> Any:
    if name == "tokenizer":
        return AutoTokenizer.from_pretrained(str(path))
    if name == "image_processor":
        return CLIPImageProcessorPil.from_pretrained(str(path))
    if index.get("_class_name") != PIPELINE_CLASS:
        config = UniPCMultistepScheduler.load_config(str(path))
        return UniPCMultistepScheduler.from_config(
            config,
            prediction_type="flow_prediction",
            use_flow_sigmas=True,
            flow_shift=PUBLISHED_FLOW_SHIFT,
        )
    file = path / "scheduler_config.json"
    class_name = json.loads(file.read_text(encoding="utf-8"))["_class_name"]
    return getattr(diffusers, class_name).from_pretrained(str(path))


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:3])
    return shown if len(keys) <= 3 else f"{shown} and {len(keys) - 3} more"

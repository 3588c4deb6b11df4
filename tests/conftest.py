"""Real components at tiny size, shared by all tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Encodings and counts of the tests lie in a folder of theirs."""
    before = os.environ.get("SKYREELS_A2_CACHE")
    os.environ["SKYREELS_A2_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["SKYREELS_A2_CACHE"]
    else:
        os.environ["SKYREELS_A2_CACHE"] = before


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the released pipeline's outputs on tiny weights."""
    return GOLDEN


@pytest.fixture(scope="session")
def expected() -> dict[str, torch.Tensor]:
    """Tensors of the released pipeline."""
    return load_file(GOLDEN / "expected.safetensors")


@pytest.fixture(scope="session")
def golden_meta() -> dict[str, Any]:
    """Sizes, steps and seeds of the released pipeline's runs."""
    return json.loads((GOLDEN / "meta.json").read_text())


@pytest.fixture(scope="session")
def pipeline() -> Any:
    """All real classes, with the golden weights and a tiny text encoder; do not change it."""
    return build_pipeline()


@pytest.fixture
def own_pipeline() -> Any:
    """The same, for tests that change it."""
    return build_pipeline()


@pytest.fixture(scope="session")
def model_folder(pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline as a model folder; do not change it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five small pictures of different shapes and colours."""
    folder = tmp_path_factory.mktemp("pictures")
    sizes = [(40, 60), (64, 48), (90, 50), (32, 32), (50, 70)]
    colours = ["crimson", "gold", "seagreen", "royalblue", "orchid"]
    paths = []
    for index, (size, colour) in enumerate(zip(sizes, colours, strict=True)):
        picture = Image.new("RGB", size, colour)
        picture.paste("white", (4, 4, 12, 14 + index))
        paths.append(folder / f"picture{index}.png")
        picture.save(paths[-1])
    return paths


@pytest.fixture(scope="session")
def velocity_of() -> Callable[[Any], torch.Tensor]:
    """One pass of a transformer over the same random inputs."""

    def run(transformer: Any) -> torch.Tensor:
        draw = torch.Generator().manual_seed(0)
        config = transformer.config
        with torch.no_grad():
            return transformer(
                hidden_states=torch.randn(1, 36, 3, 4, 4, generator=draw),
                timestep=torch.tensor([500.0]),
                encoder_hidden_states=torch.randn(1, 512, config.text_dim, generator=draw),
                encoder_hidden_states_image=torch.randn(1, 34, config.image_dim, generator=draw),
                return_dict=False,
            )[0]

    return run


def build_pipeline() -> Any:
    """A pipeline of the golden components and a text encoder of the same width."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
    from transformers import (
        AutoTokenizer,
        CLIPImageProcessorPil,
        CLIPVisionModel,
        UMT5Config,
        UMT5EncoderModel,
    )

    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.pipeline.folders import model_folder

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(model_folder("a2-tiny") / "tokenizer")
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4}
    pipe = SkyReelsA2Pipeline(
        tokenizer=tokenizer,
        text_encoder=UMT5EncoderModel(UMT5Config(vocab_size=len(tokenizer), **sizes)).eval(),
        image_encoder=CLIPVisionModel.from_pretrained(GOLDEN / "image_encoder"),
        image_processor=CLIPImageProcessorPil.from_pretrained(GOLDEN / "image_processor"),
        transformer=WanTransformer3DModel.from_pretrained(GOLDEN / "transformer"),
        vae=AutoencoderKLWan.from_pretrained(GOLDEN / "vae"),
        scheduler=UniPCMultistepScheduler.from_pretrained(GOLDEN / "scheduler"),
        defaults={"width": 32, "height": 32, "num_frames": 17, "num_inference_steps": 2},
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe

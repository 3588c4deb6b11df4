"""Build an untrained `a2-tiny`: every class of the real model at a tiny size.

    python tools/build_a2_tiny.py FOLDER [--source all] [--assets CACHE]

The folder is an ordinary model folder, and training starts from it (docs/training.md says how).
The tokenizer learns its pieces from captions of scenes; the weights come from a fixed seed, the
VAE's inflated (see `skyreels_a2.training.inflation`). Two builds on one machine are equal.
"""

from __future__ import annotations

import argparse
import pydoc_data.topics
from collections.abc import Iterator
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.pipeline.schedulers import make_scheduler
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.training.inflation import fix_posterior, inflate
from skyreels_a2.training.triplets import SCENES

DEFAULTS = ModelDefaults(
    width=160,
    height=96,
    num_frames=33,
    fps=10.0,
    num_inference_steps=12,
    guidance_scale=3.0,
    image_guidance_scale=3.0,
    appearance_matching=0.5,
    scheduler="euler-ancestral",
    held_frames=3,
    negative_prompt="",
)
VOCABULARY = 4096
TEXT_DIM = 128
IMAGE_DIM = 128
IMAGE_SIDE = 96
WIDTH = 192
NUM_CAPTIONS = 4000


def texts(source: AssetSource) -> Iterator[str]:
    """What the tokenizer learns its pieces from: captions of training scenes, and plain English."""
    for seed in range(NUM_CAPTIONS):
        yield sample_scene(source, seed, spec=SCENES).caption.text
    yield from pydoc_data.topics.topics.values()


def build_tokenizer(source: AssetSource) -> PreTrainedTokenizerFast:
    """A unigram tokenizer in the manner of umT5, with bytes for what it never saw."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY - 256, special_tokens=special, unk_token="<unk>"
    )
    tokenizer.train_from_iterator(texts(source), trainer)
    pieces = [(piece, score) for piece, score in _pieces(tokenizer)]
    pieces += [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    tokenizer.model = models.Unigram(pieces, unk_id=2, byte_fallback=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )


def _pieces(tokenizer: Tokenizer) -> list[tuple[str, float]]:
    import json

    vocabulary: list[tuple[str, float]] = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in vocabulary]


def build_vae() -> AutoencoderKLWan:
    """In the manner of Wan 2.2's: it sees squares of 2×2 pixels, at a quarter of the cost."""
    vae = AutoencoderKLWan(
        base_dim=24,
        decoder_base_dim=32,
        z_dim=16,
        dim_mult=[1, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=8,
    )
    inflate(vae)
    fix_posterior(vae, std=0.03)
    return vae


def build_pipeline(source: AssetSource, seed: int = 0) -> SkyReelsA2Pipeline:
    """All components at tiny size.

    Args:
        source: Assets whose captions the tokenizer learns from.
        seed: Of the weights.
    """
    torch.manual_seed(seed)
    tokenizer = build_tokenizer(source)
    return SkyReelsA2Pipeline(
        tokenizer=tokenizer,
        text_encoder=UMT5EncoderModel(
            UMT5Config(
                vocab_size=len(tokenizer),
                d_model=TEXT_DIM,
                d_kv=32,
                d_ff=256,
                num_layers=3,
                num_heads=4,
            )
        ),
        image_encoder=CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=IMAGE_DIM,
                intermediate_size=384,
                num_hidden_layers=4,
                num_attention_heads=4,
                image_size=IMAGE_SIDE,
                patch_size=16,
            )
        ),
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": IMAGE_SIDE},
            crop_size={"height": IMAGE_SIDE, "width": IMAGE_SIDE},
        ),
        transformer=WanTransformer3DModel(
            num_attention_heads=WIDTH // 64,
            attention_head_dim=64,
            in_channels=36,
            out_channels=16,
            text_dim=TEXT_DIM,
            freq_dim=128,
            ffn_dim=576,
            num_layers=8,
            image_dim=IMAGE_DIM,
            added_kv_proj_dim=WIDTH,
        ),
        vae=build_vae(),
        scheduler=make_scheduler(DEFAULTS.scheduler, flow_shift=5.0),
        defaults=DEFAULTS.as_mapping(),
    )


def main() -> None:
    """Build, halve and save."""
    parser = argparse.ArgumentParser(description="Build an untrained a2-tiny.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", default="builtin", help="builtin, fluent or all")
    parser.add_argument("--assets", type=Path, help="cache folder of fetched assets")
    given = parser.parse_args()
    pipeline = build_pipeline(open_source(given.source, cache=given.assets))
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(given.folder)


if __name__ == "__main__":
    main()

"""Build `a2-tiny` from nothing: every class of the real model at a tiny size, random weights.

    python tools/build_a2_tiny.py [FOLDER]

The folder is an ordinary model folder. The weights come from a fixed seed, so that two builds on
one machine are equal; training starts from here.
"""

from __future__ import annotations

import pydoc_data.topics
import sys
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

FOLDER = Path(__file__).parents[1] / "src/skyreels_a2/models/a2-tiny"
DEFAULTS = ModelDefaults(
    width=160,
    height=96,
    num_frames=33,
    fps=10.0,
    num_inference_steps=12,
    guidance_scale=3.0,
    negative_prompt="",
)
VOCABULARY = 2048
TEXT_DIM = 64
IMAGE_DIM = 64
IMAGE_SIDE = 96


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A unigram tokenizer in the manner of umT5, with bytes for what it never saw."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY - 256, special_tokens=special, unk_token="<unk>"
    )
    tokenizer.train_from_iterator(pydoc_data.topics.topics.values(), trainer)
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
    import json  # noqa: PLC0415

    vocabulary: list[tuple[str, float]] = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in vocabulary]


def build_pipeline(seed: int = 0) -> SkyReelsA2Pipeline:
    """All components at tiny size."""
    torch.manual_seed(seed)
    return SkyReelsA2Pipeline(
        tokenizer=build_tokenizer(),
        text_encoder=UMT5EncoderModel(
            UMT5Config(
                vocab_size=VOCABULARY,
                d_model=TEXT_DIM,
                d_kv=16,
                d_ff=128,
                num_layers=2,
                num_heads=4,
            )
        ),
        image_encoder=CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=IMAGE_DIM,
                intermediate_size=128,
                num_hidden_layers=3,
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
            num_attention_heads=4,
            attention_head_dim=24,
            in_channels=36,
            out_channels=16,
            text_dim=TEXT_DIM,
            freq_dim=64,
            ffn_dim=192,
            num_layers=3,
            image_dim=IMAGE_DIM,
            added_kv_proj_dim=96,
        ),
        vae=AutoencoderKLWan(base_dim=8, dim_mult=[1, 1, 2, 2], num_res_blocks=1),
        scheduler=make_scheduler("unipc", flow_shift=5.0),
        defaults=DEFAULTS.as_mapping(),
    )


def main() -> None:
    """Build, halve and save."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    pipeline = build_pipeline()
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(folder)


if __name__ == "__main__":
    main()

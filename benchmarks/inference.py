"""Ours against a straightforward diffusers loop that runs as the published pipeline does.

    python benchmarks/inference.py [--model mid|a2-tiny] [--size 160x160] [--frames 17]
        [--references 3] [--steps 8] [--rounds 3] [--step-cache fbc:0.1 ...] [--json FILE]

The loop is `WanTransformer3DModel` called once a pass, negative prompt after prompt, with rotary
embedding in float64 as the released code has it, nothing kept between steps. All ways use the
same weights, noise and conditioning; their steps are interleaved round by round, and each figure
is the median over the rounds. "mid" has 300 million random weights. Nothing else should run
beside it; ratios hold where the machine is shared, seconds do not.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mid_model
import numpy as np
import psutil
import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from PIL import Image
from torch import Tensor

from skyreels_a2 import Composition, Element, GenerationRequest, Sampling, VideoSpec
from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.calibration import measure_ratios, psnr
from skyreels_a2.pipeline.encodings import Encodings
from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.runtime.convolutions import channels_last
from skyreels_a2.runtime.memo import RequestMemo
from skyreels_a2.runtime.stepcache import parse_step_cache

Row = dict[str, Any]


class PublishedAttention(WanAttnProcessor):  # type: ignore[misc]
    """Self-attention with the released code's rotary embedding: complex float64."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: Any = None,
    ) -> Tensor:
        """Attend; cross-attention is diffusers' own."""
        if rotary_emb is None:
            result: Tensor = super().__call__(
                attn, hidden_states, encoder_hidden_states, attention_mask
            )
            return result
        heads = (attn.heads, -1)
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, heads)
        key = attn.norm_k(attn.to_k(hidden_states)).unflatten(2, heads)
        value = attn.to_v(hidden_states).unflatten(2, heads)
        turn = torch.complex(rotary_emb[0][..., 0::2].double(), rotary_emb[1][..., 1::2].double())
        query, key = (_turned(part, turn) for part in (query, key))
        attended = dispatch_attention_fn(query, key, value).flatten(2, 3).type_as(hidden_states)
        output: Tensor = attn.to_out[1](attn.to_out[0](attended))
        return output


def _turned(values: Tensor, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(values.double().reshape(*values.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turn).flatten(3).type_as(values)


def open_pipeline(name: str) -> SkyReelsA2Pipeline:
    """The embedded model, or the mid one beside its tokenizer and scheduler."""
    if name != "mid":
        pipeline = SkyReelsA2Pipeline.from_pretrained(name, precision="fp32")
    else:
        small = SkyReelsA2Pipeline.from_pretrained("a2-tiny", precision="fp32")
        models = mid_model.build()
        parts = {key: small.components[key] for key in ("tokenizer", "scheduler")}
        from transformers import CLIPImageProcessorPil  # noqa: PLC0415

        processor = CLIPImageProcessorPil()
        defaults = {"width": 160, "height": 160, "num_frames": 81, "num_inference_steps": 8}
        pipeline = SkyReelsA2Pipeline(
            **parts, **models, image_processor=processor, defaults=defaults
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def request_for(arguments: argparse.Namespace, folder: Path, *, seed: int = 0) -> GenerationRequest:
    """A request with drawn references."""
    width, height = map(int, arguments.size.split("x"))
    roles = [Element.character, Element.object, Element.background]
    elements = []
    for index in range(arguments.references):
        pixels = np.random.default_rng(index).integers(0, 255, (12, 12, 3), dtype=np.uint8)
        path = folder / f"{index}.png"
        Image.fromarray(pixels).resize((256, 256)).save(path)
        elements.append(roles[index % 3](path))
    spec = VideoSpec(width, height, arguments.frames - 4 * arguments.references, 15)
    sampling = Sampling(num_inference_steps=arguments.steps, negative_prompt="blurred")
    return GenerationRequest(Composition("they dance", tuple(elements)), spec, seed, sampling)


def timed(pipeline: Any, request: GenerationRequest) -> tuple[np.ndarray, dict[str, float]]:
    """Frames, and seconds of each phase."""
    marks: dict[str, list[float]] = {"sample": [], "decode": []}
    begin = time.perf_counter()
    first: list[float] = []
    handle = pipeline.transformer.register_forward_pre_hook(
        lambda *_: None if first else first.append(time.perf_counter())
    )
    frames = np.concatenate(
        list(
            pipeline.stream(
                request, on_progress=lambda phase, *_: marks[phase].append(time.perf_counter())
            )
        )
    )
    handle.remove()
    end = time.perf_counter()
    steps = [first[0], *marks["sample"]]
    return frames, {
        "encode": first[0] - begin,
        "step": statistics.median(b - a for a, b in itertools.pairwise(steps)),
        "sample": steps[-1] - steps[0],
        "decode": end - steps[-1],
        "total": end - begin,
    }


def ways(pipeline: Any, arguments: argparse.Namespace, request: GenerationRequest) -> Any:
    """Name and engine of every way, and what the models wear for it."""
    transformer = pipeline.transformer
    usual = dict(transformer.attn_processors)
    memo = RequestMemo(transformer, merge_padding=True)
    kept = dict(transformer.attn_processors)
    lossless = Engine(memo=memo, batch_guidance=arguments.batch)
    plain_vae, our_vae = pipeline.vae, copy.deepcopy(pipeline.vae)
    channels_last(our_vae)

    def wear(processors: dict[str, Any], vae: Any) -> Callable[[], None]:
        def dress() -> None:
            transformer.set_attn_processor(dict(processors))
            pipeline.vae = vae

        return dress

    published = {name: PublishedAttention() for name in usual}
    plain, ours = wear(usual, plain_vae), wear(kept, our_vae)
    yield "published loop", Engine(), wear(published, plain_vae)
    yield "exact", Engine(), plain
    yield "lossless", lossless, ours
    ratios: tuple[float, ...] = ()
    if any(cache.startswith("mag") for cache in arguments.step_cache):
        plain()
        ratios = measure_ratios(pipeline, request)
    for text in arguments.step_cache:
        cache = parse_step_cache(text, ratios=ratios)
        yield f"lossless + {text}", replace(lossless, step_cache=cache), ours


def measure(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    """One row a way: medians over the rounds, and how near its frames are to exact."""
    pipeline = open_pipeline(arguments.model)
    request = request_for(arguments, folder)
    chosen = list(ways(pipeline, arguments, request))
    times: dict[str, list[dict[str, float]]] = {name: [] for name, *_ in chosen}
    frames: dict[str, np.ndarray] = {}
    for _ in range(arguments.rounds):
        for name, engine, dress in chosen:
            dress()
            pipeline.engine = engine
            frames[name], seconds = timed(pipeline, request)
            times[name].append(seconds)
    rows = []
    for name, every in times.items():
        middle = {key: statistics.median(one[key] for one in every) for key in every[0]}
        rows.append({"way": name, **middle, **_quality(frames["exact"], frames[name])})
    return [*rows, second_request(pipeline, request, chosen[2], folder)]


def second_request(pipeline: Any, request: GenerationRequest, way: Any, folder: Path) -> Row:
    """Another seed of the same elements, with encodings on disk."""
    _, engine, dress = way
    dress()
    pipeline.engine = replace(engine, encodings=Encodings(folder / "kept", "this"))
    timed(pipeline, request)
    _, seconds = timed(pipeline, replace(request, seed=1))
    return {"way": "lossless, second request", **seconds, "psnr": None, "ssim": None}


def _quality(exact: np.ndarray, frames: np.ndarray) -> dict[str, float | None]:
    found = psnr(exact, frames)
    return {"psnr": None if found == float("inf") else found, "ssim": ssim(exact, frames)}


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity of grey frames over windows of 8 by 8 pixels (Wang et al. 2004)."""
    a, b = (torch.from_numpy(v.astype(np.float32)).mean(-1)[:, None] for v in (one, other))
    pool = torch.nn.functional.avg_pool2d
    mean_a, mean_b = pool(a, 8, 4), pool(b, 8, 4)
    var_a, var_b = pool(a * a, 8, 4) - mean_a**2, pool(b * b, 8, 4) - mean_b**2
    both = pool(a * b, 8, 4) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def show(rows: list[Row]) -> None:
    """A Markdown table, as ratios to the published loop."""
    base = rows[0]
    print("| way | step, s | step | all steps | encode, s | decode, s | whole | PSNR, dB | SSIM |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        near = "same" if row["psnr"] is None else f"{row['psnr']:.1f}"
        alike = "" if row["ssim"] is None else f"{row['ssim']:.4f}"
        if row["way"].endswith("request"):
            near = "-"
        print(
            f"| {row['way']} | {row['step']:.3f} | {base['step'] / row['step']:.2f}x | "
            f"{base['sample'] / row['sample']:.2f}x | "
            f"{row['encode']:.2f} | {row['decode']:.2f} | {base['total'] / row['total']:.2f}x | "
            f"{near} | {alike} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="mid")
    parser.add_argument("--size", default="160x160")
    parser.add_argument("--frames", type=int, default=25, help="sampled, references included")
    parser.add_argument("--references", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", action="store_true", help="both passes of guidance in a batch")
    parser.add_argument("--step-cache", nargs="*", default=["fbc:0.08"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments, Path(folder))
    show(rows)
    peak = psutil.Process().memory_info().rss / 2**20
    print(f"\n{arguments.model}, {arguments.size}, {arguments.frames} frames, {peak:.0f} MiB held")
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(arguments), rows], default=str))


if __name__ == "__main__":
    main()

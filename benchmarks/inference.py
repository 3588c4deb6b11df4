"""Ours against a straightforward diffusers loop that runs as the published pipeline does.

    python benchmarks/inference.py [--model mid|a2-tiny] [--size 160x160] [--frames 17]
        [--references 3] [--steps 8] [--rounds 3] [--step-cache fbc:0.1 ...]
        [--lossy fp8 int8 bf16-vae interval] [--precision fp32|published] [--compile]
        [--no-second] [--clock wall|cpu] [--json FILE]

The loop is `WanTransformer3DModel` called once a pass, negative prompt after prompt, with rotary
embedding in float64 as the released code has it, nothing kept between steps. All ways use the
same weights, noise and conditioning; their steps are interleaved round by round, and each figure
is the median over the rounds. "lossless" keeps, fuses and lays out as a plan does on a CPU. With
`--precision published` all ways run in bfloat16, as the released pipeline does. "mid" has 300
million random weights. "load" is the opening of the folder, what a way does to the weights, and
compilation. Second requests are other seeds, as many as rounds, after the rest. Peak memory is
the weights and the most that torch's allocator had out at once beside them, in a run of its own
of two steps. Nothing else should run beside it; where that cannot be, `--clock cpu` with one
thread counts the seconds that the process had a core.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mid_model
import numpy as np
import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from growth import MIB, peak
from PIL import Image
from torch import Tensor

from skyreels_a2 import Composition, Element, GenerationRequest, Sampling, VideoSpec
from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.calibration import measure_ratios, psnr
from skyreels_a2.pipeline.encodings import Encodings
from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.pipeline.presets import PRECISIONS
from skyreels_a2.runtime.convolutions import channels_last
from skyreels_a2.runtime.counting import weight_bytes
from skyreels_a2.runtime.memo import RequestMemo, fuse_self_attention
from skyreels_a2.runtime.quantise import store_in
from skyreels_a2.runtime.stepcache import parse_step_cache

Row = dict[str, Any]
LOSSY = ("fp8", "int8", "bf16-vae", "interval")
"""Beside the step caches: weights in 8 bits, the VAE in bfloat16, guidance in the middle only."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
INTERVAL = (0.1, 0.7)
"""Fractions of the steps between which "interval" guides."""
_STEPS_FOR_PEAK = 2
"""What is kept from step to step is there after two."""
_MODELS = ("text_encoder", "image_encoder", "transformer", "vae")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run.

    Attributes:
        name: For the table.
        engine: How the pipeline runs its models.
        transformer, vae: The models of this way.
        processors: The attention processors that the transformer wears for it.
        interval: Between which fractions of the steps guidance acts.
        load: Seconds of opening the folder and of what the way does to the weights.
    """

    name: str
    engine: Engine
    transformer: Any
    vae: Any
    processors: dict[str, Any]
    interval: tuple[float, float] = (0.0, 1.0)
    load: float = 0.0

    def dress(self, pipeline: Any) -> None:
        """Let a pipeline run this way."""
        self.transformer.set_attn_processor(dict(self.processors))
        pipeline.transformer, pipeline.vae = self.transformer, self.vae
        pipeline.engine = self.engine

    def asks(self, request: GenerationRequest) -> GenerationRequest:
        """The request as this way samples it."""
        return replace(request, sampling=replace(request.sampling, guidance_interval=self.interval))


class PublishedAttention(WanAttnProcessor):  # type: ignore[misc]  # untyped
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


def open_pipeline(
    name: str, folder: Path, precision: str = "fp32"
) -> tuple[SkyReelsA2Pipeline, float]:
    """The embedded model, or the mid one beside its tokenizer and scheduler, and seconds."""
    if name == "mid":
        name = str(folder / "mid")
        _save_mid(Path(name))
    begin = time.perf_counter()
    pipeline = SkyReelsA2Pipeline.from_pretrained(name, precision=precision)
    seconds = time.perf_counter() - begin
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, seconds


def _save_mid(folder: Path) -> None:
    from transformers import CLIPImageProcessorPil

    small = SkyReelsA2Pipeline.from_pretrained("a2-tiny", precision="fp32")
    parts = {key: small.components[key] for key in ("tokenizer", "scheduler")}
    defaults = {"width": 160, "height": 160, "num_frames": 81, "num_inference_steps": 8}
    SkyReelsA2Pipeline(
        **parts, **mid_model.build(), image_processor=CLIPImageProcessorPil(), defaults=defaults
    ).save_pretrained(folder)


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


def timed(
    pipeline: Any, request: GenerationRequest, clock: Callable[[], float]
) -> tuple[np.ndarray, dict[str, float]]:
    """Frames, and seconds of each phase."""
    marks: dict[str, list[float]] = {"sample": [], "decode": []}
    begin = clock()
    first: list[float] = []
    handle = pipeline.transformer.register_forward_pre_hook(
        lambda *_: None if first else first.append(clock())
    )
    frames = np.concatenate(
        list(pipeline.stream(request, on_progress=lambda phase, *_: marks[phase].append(clock())))
    )
    handle.remove()
    end = clock()
    steps = [first[0], *marks["sample"]]
    return frames, {
        "encode": first[0] - begin,
        "step": statistics.median(b - a for a, b in itertools.pairwise(steps)),
        "sample": steps[-1] - steps[0],
        "decode": end - steps[-1],
        "total": end - begin,
    }


def ways(
    pipeline: Any, arguments: argparse.Namespace, request: GenerationRequest, opened: float
) -> Iterator[Way]:
    """Every way that was asked for: the published one, exact, lossless, lossy."""
    transformer, vae = pipeline.transformer, pipeline.vae
    usual = dict(transformer.attn_processors)
    published = {name: PublishedAttention() for name in usual}
    exact = Way(
        name="exact", engine=Engine(), transformer=transformer, vae=vae, processors=usual,
        load=opened,
    )  # fmt: skip
    yield replace(exact, name="published loop", processors=published)
    yield exact
    ratios: tuple[float, ...] = ()
    if any(cache.startswith("mag") for cache in arguments.step_cache):
        ratios = measure_ratios(pipeline, request)
    copies = {
        kind: copy.deepcopy(transformer) for kind in arguments.lossy if kind in {"fp8", "int8"}
    }
    begin = time.perf_counter()
    ours, our_vae = copy.deepcopy(transformer), copy.deepcopy(vae)
    fuse_self_attention(ours)
    channels_last(our_vae)
    twin = copy.deepcopy(ours) if arguments.compile else None
    lossless = replace(exact, name="lossless", transformer=ours, vae=our_vae)
    lossless = _remembering(lossless, arguments, begin)
    yield lossless
    if twin is not None:
        compiled = replace(exact, name="lossless, compiled", transformer=twin, vae=our_vae)
        yield _compiled(pipeline, compiled, arguments, request)
    for text in arguments.step_cache:
        cache = parse_step_cache(text, ratios=ratios)
        engine = replace(lossless.engine, step_cache=cache)
        yield replace(lossless, name=f"lossless + {text}", engine=engine)
    for kind, model in copies.items():
        begin = time.perf_counter()
        store_in(kind, model)
        stored = replace(lossless, name=f"lossless + {kind}", transformer=model, processors=usual)
        yield _remembering(stored, arguments, begin)
    if "bf16-vae" in arguments.lossy:
        half = copy.deepcopy(our_vae).to(torch.bfloat16)
        yield replace(lossless, name="lossless + bf16 VAE", vae=half)
    if "interval" in arguments.lossy:
        name = "lossless + guidance from {:g} to {:g}".format(*INTERVAL)
        yield replace(lossless, name=name, interval=INTERVAL)


def _remembering(way: Way, arguments: argparse.Namespace, begin: float) -> Way:
    """The way with a memo on its transformer; it was begun to be made at a time."""
    way.transformer.set_attn_processor(dict(way.processors))
    memo = RequestMemo(way.transformer, merge_padding=True)
    return replace(
        way,
        engine=Engine(memo=memo, batch_guidance=arguments.batch),
        processors=dict(way.transformer.attn_processors),
        load=way.load + time.perf_counter() - begin,
    )


def _compiled(
    pipeline: Any, way: Way, arguments: argparse.Namespace, request: GenerationRequest
) -> Way:
    """The way with compiled blocks, after the short request that compiles them."""
    begin = time.perf_counter()
    way.transformer.compile_repeated_blocks()
    ready = _remembering(way, arguments, begin)
    ready.dress(pipeline)
    for _ in pipeline.stream(_shortened(request)):
        pass
    return replace(ready, load=way.load + time.perf_counter() - begin)


def measure(arguments: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """One row a way: medians over the rounds, and how near its frames are to exact."""
    pipeline, opened = open_pipeline(arguments.model, folder, arguments.precision)
    request = request_for(arguments, folder)
    chosen = list(ways(pipeline, arguments, request, opened))
    times: dict[str, list[dict[str, float]]] = {way.name: [] for way in chosen}
    frames: dict[str, np.ndarray] = {}
    for _ in range(arguments.rounds):
        for way in chosen:
            way.dress(pipeline)
            frames[way.name], seconds = timed(pipeline, way.asks(request), CLOCKS[arguments.clock])
            times[way.name].append(seconds)
    for way in chosen:
        middle = _medians(times[way.name])
        near = _quality(frames["exact"], frames[way.name])
        mib = peak_mib(pipeline, way, request)
        yield {"way": way.name, "load": way.load, **middle, "mib": mib, **near}
    for way in chosen:
        if arguments.second and way.name in {"lossless", "lossless, compiled"}:
            yield second_requests(pipeline, request, way, folder, arguments)


def peak_mib(pipeline: Any, way: Way, request: GenerationRequest) -> float:
    """MiB of the weights and of all that lives beside them at the worst moment of a short run."""
    way.dress(pipeline)
    short = _shortened(request)
    weights = sum(weight_bytes(getattr(pipeline, name)) for name in _MODELS)

    def run() -> None:
        for _ in pipeline.stream(way.asks(short)):
            pass

    return (weights + peak(run)) / MIB


def _shortened(request: GenerationRequest) -> GenerationRequest:
    steps = min(_STEPS_FOR_PEAK, request.sampling.num_inference_steps)
    return replace(request, sampling=replace(request.sampling, num_inference_steps=steps))


def second_requests(
    pipeline: Any,
    request: GenerationRequest,
    way: Way,
    folder: Path,
    arguments: argparse.Namespace,
) -> Row:
    """Other seeds of the same elements, with encodings on disk."""
    way.dress(pipeline)
    clock = CLOCKS[arguments.clock]
    pipeline.engine = replace(way.engine, encodings=Encodings(folder / way.name, "this"))
    timed(pipeline, _shortened(request), clock)
    seeds = [replace(request, seed=1 + number) for number in range(arguments.rounds)]
    middle = _medians([timed(pipeline, other, clock)[1] for other in seeds])
    told = {"way": f"{way.name}, second request", "load": 0.0, "mib": None}
    return {**told, **middle, "psnr": None, "ssim": None}


def _medians(every: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in every) for key in every[0]}


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
    print(
        "| way | load, s | encode, s | step, s | step | all steps | decode, s | whole | peak MiB "
        "| PSNR, dB | SSIM |"
    )
    print("|" + "---|" * 11)
    for row in rows:
        near = "same" if row["psnr"] is None else f"{row['psnr']:.1f}"
        alike = "" if row["ssim"] is None else f"{row['ssim']:.4f}"
        mib = "" if row["mib"] is None else f"{row['mib']:.0f}"
        if row["way"].endswith("request"):
            near = "-"
        print(
            f"| {row['way']} | {row['load']:.2f} | {row['encode']:.2f} | {row['step']:.3f} | "
            f"{base['step'] / row['step']:.2f}x | {base['sample'] / row['sample']:.2f}x | "
            f"{row['decode']:.2f} | {base['total'] / row['total']:.2f}x | {mib} | {near} | "
            f"{alike} |"
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
    parser.add_argument("--lossy", nargs="*", default=[], choices=LOSSY)
    parser.add_argument("--precision", default="fp32", choices=PRECISIONS)
    parser.add_argument("--compile", action="store_true", help="also lossless, compiled")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--second", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(arguments, Path(folder)))
    show(rows)
    threads = torch.get_num_threads()
    told = f"{arguments.model}, {arguments.size}, {arguments.frames} frames, "
    told += f"{arguments.precision}, {threads} threads"
    print(f"\n{told}, {arguments.rounds} rounds, seconds of {arguments.clock}")
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(arguments), rows], default=str))


if __name__ == "__main__":
    main()

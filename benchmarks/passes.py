"""One pass of a transformer of the published size with random weights, run in every way there is.

    python benchmarks/passes.py --model 14b --device cuda [--json FILE]
    python benchmarks/passes.py --model mid --size 160x160 --frames 25        # rehearsal on a CPU

Prints seconds a pass (the least of the rounds) and a step (two passes, as guidance needs),
utilisation of the device's dense bf16 figure, the distance from the floor (counted operations at
that figure), peak memory, and how far the velocity is from that of the exact way (PSNR over the
velocity's own range). Step caches are told by what a step costs that they compute and one that they
skip. A way that cannot be had here is told with its reason. Weights are made on the device;
nothing else should run beside it. Whole requests under a limit of memory: `limited.py`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mid_model
import torch
from diffusers import WanTransformer3DModel
from torch import Tensor

from skyreels_a2 import VideoSpec
from skyreels_a2.conditioning.prompts import TEXT_LENGTH
from skyreels_a2.errors import SkyReelsA2Error, one_line
from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.pipeline.needs import Workload, needs_of
from skyreels_a2.pipeline.placing import set_attention
from skyreels_a2.runtime.hardware import GIB, detect
from skyreels_a2.runtime.memo import RequestMemo, fuse_self_attention
from skyreels_a2.runtime.quantise import store_in
from skyreels_a2.runtime.stepcache import parse_step_cache

CONFIGS = {"14b": PUBLISHED, "mid": mid_model.CONFIGS}
PICTURE_TOKENS = 257
_STEPS = 50
_WARM = 12
"""Steps after which every cache skips: mag keeps a fifth of the steps, taylor three."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run: what is done to the transformer, in order."""

    name: str
    changes: tuple[Callable[[Any], Any], ...] = ()
    memo: bool = False
    step_cache: str | None = None


def ways(attentions: list[str]) -> Iterator[Way]:
    """Exact first; each further one by itself, the best of them together at the end."""
    yield Way("exact, torch's attention")
    yield Way("keys and values kept, fused", (fuse_self_attention,), memo=True)
    for backend in attentions:
        yield Way(f"attention {backend}", (partial(set_attention, backend=backend),))
    yield Way("compiled blocks", (lambda model: model.compile_repeated_blocks(),))
    yield Way("8-bit floats, cast", (partial(store_in, "fp8"),))
    yield Way("8-bit integers", (partial(store_in, "int8"),))
    best = (fuse_self_attention, lambda model: model.compile_repeated_blocks())
    yield Way("kept, fused, compiled", best, memo=True)
    # A dial so large that every step but the first is skipped.
    for cache in ("fbc:1e9", "mag:1e9", "taylor:1000"):
        yield Way(f"step cache {cache.partition(':')[0]}, a skipped step", step_cache=cache)


def build(config: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """A transformer whose weights are made on the device: 14B take seconds there."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = WanTransformer3DModel.from_config(dict(config))
    finally:
        torch.set_default_dtype(usual)
    model.set_attention_backend("native")  # diffusers keeps the last one for all models
    return model.eval().requires_grad_(requires_grad=False)


def inputs_for(model: Any, spec: VideoSpec, references: int) -> dict[str, Any]:
    """A pass's inputs; the prompt has 40 words, the rest is padding."""
    config, device, dtype = model.config, model.device, model.dtype
    latent = (spec.num_latent_frames, spec.height // 8, spec.width // 8)
    generator = torch.Generator(device).manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device, dtype=dtype)

    text = torch.zeros(1, TEXT_LENGTH, config.text_dim, device=device, dtype=dtype)
    text[:, :40] = normal(1, 40, config.text_dim)
    return {
        "hidden_states": normal(1, config.in_channels, *latent),
        "timestep": torch.full((1,), 500.0, device=device),
        "encoder_hidden_states": text,
        "encoder_hidden_states_image": normal(1, references * PICTURE_TOKENS, config.image_dim),
        "return_dict": False,
    }


@contextmanager
def told(memo: RequestMemo | None) -> Iterator[None]:
    """Let the memo keep what it can."""
    if memo is None:
        yield
        return
    with memo.told("pass"):
        yield


def measure(model: Any, inputs: dict[str, Any], way: Way, rounds: int) -> dict[str, Any]:
    """Seconds, peak bytes and velocity; the first run (compilation, memo) is not timed."""
    for change in way.changes:
        change(model)
    memo = RequestMemo(model) if way.memo else None
    cache = parse_step_cache(way.step_cache, ratios=(1.0,) * _STEPS)
    if cache is not None:
        cache.enable(model, _STEPS)
    on_gpu = model.device.type == "cuda"
    wait: Callable[[], None] = torch.cuda.synchronize if on_gpu else lambda: None
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    with torch.no_grad(), told(memo):
        for step in range(rounds + (1 if cache is None else _WARM)):
            wait()
            begin = time.perf_counter()
            with model.cache_context(
                "pass", step_index=step, num_inference_steps=_STEPS, timestep=500.0, sigma=0.5
            ):
                velocity = model(**inputs)[0]
            wait()
            seconds.append(time.perf_counter() - begin)
    peak = torch.cuda.max_memory_allocated() if on_gpu else 0
    return {"seconds": min(seconds[1:]), "first": seconds[0], "peak": peak, "velocity": velocity}


def psnr(exact: Tensor, other: Tensor) -> float:
    """Over the range of the exact velocity, in dB; infinite where they are equal."""
    exact, other = exact.float(), other.float()
    error = (exact - other).square().mean()
    span = exact.max() - exact.min()
    return math.inf if error == 0 else float(10 * torch.log10(span.square() / error))


def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a way; each gets a fresh transformer of the same weights."""
    device = torch.device(arguments.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    width, height = map(int, arguments.size.split("x"))
    spec = VideoSpec(width, height, arguments.frames, 15)
    configs = CONFIGS[arguments.model]
    workload = Workload(spec=spec, num_references=arguments.references)
    flops = needs_of(configs, workload, precision=dtype).flops["sample"]
    peak_flops = detect(str(device)).flops
    rows: list[dict[str, Any]] = []
    exact: Tensor | None = None
    for way in ways(arguments.attention):
        torch.manual_seed(0)
        model = build(configs["transformer"], device, dtype)
        try:
            found = measure(
                model, inputs_for(model, spec, arguments.references), way, arguments.rounds
            )
        except (SkyReelsA2Error, RuntimeError, ImportError, NotImplementedError) as error:
            rows.append({"way": way.name, "reason": one_line(error, limit=100)})
            continue
        finally:
            del model
            torch.compiler.reset()
        velocity = found.pop("velocity").cpu()
        exact = velocity if exact is None else exact
        used = flops / found["seconds"] / peak_flops
        rows.append({"way": way.name, **found, "used": used, "psnr": psnr(exact, velocity)})
    print(
        f"{flops:.3g} operations a pass, floor {flops / peak_flops:.3f} s at {peak_flops:.3g}/s\n"
    )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """A Markdown table."""
    print("| way | s a pass | s a step | gain | of the floor | first, s | peak GiB | PSNR, dB |")
    print("|---|---|---|---|---|---|---|---|")
    base = next(row["seconds"] for row in rows if "seconds" in row)
    for row in rows:
        if "reason" in row:
            print(f"| {row['way']} | not here: {row['reason']} | | | | | | |")
            continue
        seconds, near = row["seconds"], "same" if math.isinf(row["psnr"]) else f"{row['psnr']:.1f}"
        peak = f"{row['peak'] / GIB:.1f}" if row["peak"] else "-"
        print(
            f"| {row['way']} | {seconds:.3f} | {2 * seconds:.3f} | {base / seconds:.2f}x | "
            f"{row['used']:.0%} | {row['first']:.1f} | {peak} | {near} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", choices=sorted(CONFIGS), default="14b")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81, help="sampled, references included")
    parser.add_argument("--references", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--attention", nargs="*", default=["_native_cudnn", "flash", "_flash_3", "sage"]
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = run(arguments)
    show(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(arguments), rows], default=str))


if __name__ == "__main__":
    main()

"""Peak memory of decoding: streaming against whole, at growing lengths.

    python benchmarks/decode_memory.py [--size 320x192] [--frames 33 81 161] [--json FILE]

Each cell is a process of its own that decodes the same random latents with the embedded model's
VAE and writes an MP4; its peak resident memory is read from the kernel, less what the process
held before it decoded. Nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

MODES = ("streaming", "whole")


def peak_bytes() -> int:
    """Peak resident memory of this process so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure(mode: str, frames: int, size: str) -> int:
    """Decode and write in this process.

    Returns:
        Bytes above what was held before.
    """
    import torch
    from diffusers import AutoencoderKLWan

    from skyreels_a2.conditioning.spatial import denormalize
    from skyreels_a2.media.videos import open_writer
    from skyreels_a2.pipeline.decode import as_uint8, stream_decode
    from skyreels_a2.pipeline.folders import model_folder
    from skyreels_a2.video import VideoSpec

    width, height = map(int, size.split("x"))
    spec = VideoSpec(width, height, frames, 15)
    vae = AutoencoderKLWan.from_pretrained(model_folder("a2-tiny"), subfolder="vae")
    latents = torch.randn(1, 16, spec.num_latent_frames, height // 8, width // 8)
    before: int = psutil.Process().memory_info().rss
    with (
        tempfile.TemporaryDirectory() as folder,
        open_writer(Path(folder) / "out.mp4", spec) as writer,
        torch.no_grad(),
    ):
        if mode == "streaming":
            for pictures in stream_decode(vae, latents):
                writer.write(as_uint8(pictures))
        else:
            video = vae.decode(denormalize(vae, latents)).sample[0].transpose(0, 1)
            writer.write(as_uint8(video))
    return peak_bytes() - before


def main() -> None:
    """Measure every cell in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", default="320x192")
    parser.add_argument("--frames", type=int, nargs="+", default=[33, 81, 161])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cell", choices=MODES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print(measure(options.cell, options.frames[0], options.size))
        return
    rows = []
    for frames in options.frames:
        row: dict[str, float] = {"frames": frames}
        for mode in MODES:
            command = [sys.executable, __file__, "--cell", mode, "--size", options.size]
            output = subprocess.check_output([*command, "--frames", str(frames)], text=True)
            row[mode] = int(output.split()[-1]) / 2**20
        rows.append(row)
        print(f"{frames:5d} frames  streaming {row['streaming']:7.0f} MiB", end="  ")
        print(f"whole {row['whole']:7.0f} MiB  ratio {row['whole'] / row['streaming']:.2f}")
    if options.json:
        options.json.write_text(json.dumps({"size": options.size, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()

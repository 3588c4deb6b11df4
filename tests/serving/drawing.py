"""A composer for crowds of jobs: it draws instead of sampling, and can be told to misbehave.

A prompt may say `slow` (steps take a while), `crash` (the process dies), `crashes once` (only the
first time), `breaks` (an error), `hungry` (memory runs out).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import numpy as np

from skyreels_a2.errors import MemoryLimitError
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.request import Generation, GenerationRequest, Sampling
from skyreels_a2.serving.models import Forecast, OnPreview, OnProgress, ServedModel
from skyreels_a2.serving.worker import ContentError
from skyreels_a2.video import Frames, Video, VideoSpec

NOISE = bool(os.environ.get("DRAWING_NOISE"))
STEP_SECONDS = float(os.environ.get("DRAWING_STEP_SECONDS", "0.02"))


class DrawingComposer:
    """Frames of one colour that the seed names."""

    def generate(self, request: GenerationRequest) -> Generation:
        nothing = lambda *_: None  # noqa: E731
        frames = np.concatenate(list(self.stream(request, on_progress=nothing, on_preview=nothing)))
        return Generation(Video(frames, request.spec), request)

    def stream(
        self, request: GenerationRequest, *, on_progress: OnProgress, on_preview: OnPreview
    ) -> Iterator[Frames]:
        prompt, spec = request.composition.prompt, request.spec
        steps = request.sampling.num_inference_steps
        frames = np.zeros((spec.num_frames, spec.height, spec.width, 3), np.uint8)
        if NOISE:
            frames = np.random.default_rng(0).integers(0, 256, frames.shape, np.uint8)
        else:
            frames[:] = [request.seed % 256, request.seed // 256 % 256, 128]
        for step in range(steps):
            time.sleep(0.2 if "slow" in prompt else STEP_SECONDS)
            on_preview(frames[:1])
            on_progress("sample", step + 1, steps)
            self.misbehave(request)
        on_progress("decode", spec.num_frames, spec.num_frames)
        yield frames

    def misbehave(self, request: GenerationRequest) -> None:
        prompt = request.composition.prompt
        if "crashes once" in prompt:
            mark = request.composition.references[0].picture.parent / "crashed"
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        elif "crash" in prompt:
            os.kill(os.getpid(), signal.SIGKILL)
        if "breaks" in prompt:
            raise ZeroDivisionError("the composer broke")
        if "hungry" in prompt:
            raise MemoryLimitError("out of memory: 3 GiB more were needed")


class NoForbidden:
    """A content hook that refuses a word, and black frames."""

    def check_request(self, request: GenerationRequest) -> None:
        if "forbidden" in request.composition.text:
            raise ContentError("this server makes no such videos")

    def check_frames(self, frames: Frames) -> None:
        if (frames[..., 0] == 13).all():
            raise ContentError("the video shows what may not be shown")


def open_drawing(device: str) -> DrawingComposer:
    return DrawingComposer()


def record(spec: VideoSpec) -> ModelRecord:
    return ModelRecord(name="drawing")


def forecast(device: str, request: GenerationRequest) -> Forecast:
    if request.spec.width > 256:
        return Forecast(trouble="a sheet this wide is not to be had: use a smaller size")
    if request.spec.width == 240:
        os.kill(os.getpid(), signal.SIGKILL)
    if request.spec.width == 224:
        raise ZeroDivisionError("cannot count")
    return Forecast(memory=request.spec.width * 2**20, seconds=7.0)


def drawing_model(name: str = "drawing") -> ServedModel:
    return ServedModel(
        name=name,
        open=open_drawing,
        record=record,
        spec=VideoSpec(32, 32, 17, 10.0),
        sampling=Sampling(
            num_inference_steps=2,
            guidance_scale=3.0,
            guidance_interval=(0.0, 0.6),
            appearance_matching=0.5,
            scheduler="euler",
            negative_prompt="",
        ),
        forecast=forecast,
    )

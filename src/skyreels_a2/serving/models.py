"""What a server serves: models by name, each with a factory that a worker process can call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.request import Composer, GenerationRequest, Sampling
from skyreels_a2.video import Frames, VideoSpec

OnProgress: TypeAlias = Callable[[str, int, int], None]
OnPreview: TypeAlias = Callable[[Frames], None]


@runtime_checkable
class StreamingComposer(Composer, Protocol):
    """A composer that tells how far it is and hands frames on as they come.

    Others serve as well; their jobs then show no steps and cannot be cancelled between them.
    """

    def stream(
        self, request: GenerationRequest, *, on_progress: OnProgress, on_preview: OnPreview
    ) -> Iterator[Frames]:
        """Yield uint8 RGB frames (n, height, width, 3); what `on_progress` raises ends the run."""
        ...


class ContentHook(Protocol):
    """Looks at what is asked and at what came out, in the worker process.

    Raise `ContentError` with a reason to refuse; the job then fails with it.
    """

    def check_request(self, request: GenerationRequest) -> None:
        """Look at prompt and pictures before anything is made."""
        ...

    def check_frames(self, frames: Frames) -> None:
        """Look at uint8 RGB frames (n, height, width, 3) before they are written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the planner says of a request.

    Attributes:
        memory: Bytes on the device at the worst moment; None where nothing is known.
        seconds: Time to make it.
        trouble: Why it will not fit, and what would; empty where it will.
    """

    memory: int | None = None
    seconds: float | None = None
    trouble: str = ""


ForecastOf: TypeAlias = Callable[[str, GenerationRequest], Forecast]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that jobs can name. All of it can be pickled.

    Attributes:
        name: What requests call it.
        open: Makes the composer, in the worker process, for a device.
        record: What the manifest of a video says of the model.
        spec: Size, length (frames sampled, references included) and rate where a request is silent.
        sampling: How it samples where a request is silent.
        forecast: What a request takes on a device, if that can be said; it may take seconds.
    """

    name: str
    open: Callable[[str], Composer]
    record: Callable[[VideoSpec], ModelRecord]
    spec: VideoSpec
    sampling: Sampling
    forecast: ForecastOf | None = None

    def describe(self) -> dict[str, Any]:
        """For the API."""
        return {
            "size": f"{self.spec.width}x{self.spec.height}",
            "num_frames": self.spec.num_frames,
            "fps": self.spec.fps,
            "num_inference_steps": self.sampling.num_inference_steps,
            "guidance_scale": self.sampling.guidance_scale,
            "image_guidance_scale": self.sampling.image_guidance_scale,
            "guidance_interval": self.sampling.guidance_interval,
            "appearance_matching": self.sampling.appearance_matching,
            "scheduler": self.sampling.scheduler,
            "negative_prompt": self.sampling.negative_prompt,
            "fingerprint": self.record(self.spec).fingerprint,
        }


def frames_of(
    composer: Composer,
    request: GenerationRequest,
    on_progress: OnProgress,
    on_preview: OnPreview,
) -> Iterator[Frames]:
    """The frames of a request, streamed where the composer can."""
    if isinstance(composer, StreamingComposer):
        yield from composer.stream(request, on_progress=on_progress, on_preview=on_preview)
        return
    on_progress("sample", 0, 1)
    yield composer.generate(request).video.frames

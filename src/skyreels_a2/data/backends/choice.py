"""From a settings' name to the backend, opened once in a process."""

from __future__ import annotations

from dataclasses import dataclass

from skyreels_a2.data.backends.looks import ColourEmbedder, LiteEmbedder
from skyreels_a2.data.backends.motion import MotionSegmenter
from skyreels_a2.data.backends.protocols import Captioner, Embedder, FaceFinder, Segmenter
from skyreels_a2.data.backends.telling import TrackCaptioner
from skyreels_a2.data.settings import CaptionSettings, ElementSettings, PersonSettings, Settings


@dataclass(frozen=True)
class Backends:
    """What the stages of one worker work with."""

    segmenter: Segmenter
    embedder: Embedder
    faces: FaceFinder | None
    captioner: Captioner


def open_backends(settings: Settings) -> Backends:
    """The backends that the settings name.

    Raises:
        MissingExtraError: One needs a package that is not installed.
        InputError: One needs a model that has not been fetched.
    """
    return Backends(
        _segmenter(settings.elements),
        LiteEmbedder() if settings.elements.embedder == "lite" else ColourEmbedder(),
        _faces(settings.persons),
        _captioner(settings.captions),
    )


def _segmenter(settings: ElementSettings) -> Segmenter:
    if settings.segmenter == "salient":
        from skyreels_a2.data.backends.isnet import IsnetMatting
        from skyreels_a2.data.backends.salient import SalientSegmenter

        return SalientSegmenter(settings, IsnetMatting())
    return MotionSegmenter(settings)


def _faces(settings: PersonSettings) -> FaceFinder | None:
    if settings.faces == "none":
        return None
    from skyreels_a2.data.backends.dlib_faces import DlibFaces

    return DlibFaces()


def _captioner(settings: CaptionSettings) -> Captioner:
    if settings.captioner == "openai":
        from skyreels_a2.data.backends.openai_captions import OpenAICaptioner

        return OpenAICaptioner(settings)
    return TrackCaptioner()

"""From a settings' name to the backend, opened once in a process."""

from __future__ import annotations

from dataclasses import dataclass

from skyreels_a2.data.backends.looks import ColourEmbedder, LiteEmbedder
from skyreels_a2.data.backends.motion import MotionSegmenter
from skyreels_a2.data.backends.protocols import (
    Captioner,
    Embedder,
    FaceFinder,
    GarmentFinder,
    Marker,
    OverlayFinder,
    Segmenter,
)
from skyreels_a2.data.backends.telling import TrackCaptioner
from skyreels_a2.data.settings import (
    CaptionSettings,
    ElementSettings,
    PersonSettings,
    QualitySettings,
    Settings,
)


@dataclass(frozen=True)
class Backends:
    """What the stages of one worker work with.

    `second` looks at shots in which `segmenter` finds no subject.
    """

    segmenter: Segmenter
    embedder: Embedder
    faces: FaceFinder | None
    garments: GarmentFinder | None
    captioner: Captioner
    text: OverlayFinder | None = None
    aesthetic: Marker | None = None
    second: Segmenter | None = None


def open_backends(settings: Settings) -> Backends:
    """The backends that the settings name.

    Raises:
        MissingExtraError: One needs a package that is not installed.
        InputError: One needs a model that has not been fetched.
        ModelError: A learned model cannot be opened.
    """
    return Backends(
        _segmenter(settings.elements),
        _embedder(settings.elements),
        _faces(settings.persons),
        _garments(settings.persons),
        _captioner(settings.captions),
        _text(settings.quality),
        _aesthetic(settings.quality),
        _salient(settings.elements) if settings.elements.second_look else None,
    )


def _text(settings: QualitySettings) -> OverlayFinder | None:
    if settings.text == "none":
        return None
    from skyreels_a2.data.backends.overlay import TextReader

    return TextReader()


def _aesthetic(settings: QualitySettings) -> Marker | None:
    if not settings.aesthetic_head:
        return None
    from skyreels_a2.data.backends.aesthetic import AestheticMark

    return AestheticMark(settings.aesthetic_head, settings.aesthetic_clip, device=settings.device)


def _segmenter(settings: ElementSettings) -> Segmenter:
    if settings.segmenter == "salient":
        return _salient(settings)
    if settings.segmenter == "drawn":
        from skyreels_a2.data.backends.drawn import DrawnSegmenter

        return DrawnSegmenter(settings)
    if settings.segmenter == "grounded":
        from skyreels_a2.data.backends.grounded import GroundedSegmenter
        from skyreels_a2.data.backends.open_vocabulary import OpenVocabularyDetector
        from skyreels_a2.data.backends.sam2 import Sam2Tracker

        return GroundedSegmenter(
            OpenVocabularyDetector(
                settings.detector, threshold=settings.detector_threshold, device=settings.device
            ),
            Sam2Tracker(settings.tracker, device=settings.device),
            words=settings.words,
            sample_fps=settings.sample_fps,
        )
    return MotionSegmenter(settings)


def _salient(settings: ElementSettings) -> Segmenter:
    from skyreels_a2.data.backends.isnet import IsnetMatting
    from skyreels_a2.data.backends.salient import SalientSegmenter

    return SalientSegmenter(settings, IsnetMatting())


def _embedder(settings: ElementSettings) -> Embedder:
    if settings.embedder == "lite":
        return LiteEmbedder()
    if settings.embedder == "features":
        from skyreels_a2.data.backends.features import FeatureEmbedder

        return FeatureEmbedder(settings.embedder_model, device=settings.device)
    return ColourEmbedder()


def _faces(settings: PersonSettings) -> FaceFinder | None:
    if settings.faces == "none":
        return None
    from skyreels_a2.data.backends.dlib_faces import DlibFaces

    return DlibFaces()


def _garments(settings: PersonSettings) -> GarmentFinder | None:
    if settings.clothes == "none":
        return None
    from skyreels_a2.data.backends.human_parser import HumanParser

    return HumanParser(settings.parser, device=settings.device)


def _captioner(settings: CaptionSettings) -> Captioner:
    if settings.captioner == "openai":
        from skyreels_a2.data.backends.openai_captions import OpenAICaptioner

        return OpenAICaptioner(settings)
    if settings.captioner == "transformers":
        from skyreels_a2.data.backends.transformers_captions import TransformersCaptioner

        return TransformersCaptioner(settings)
    return TrackCaptioner()

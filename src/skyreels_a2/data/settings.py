"""Every threshold of the pipeline by name, with its reason; a stage's settings have a fingerprint.

Stages run again only when their own settings, their version or an earlier stage's changed.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field

from skyreels_a2.settings import Section, Sections


class ProbeSettings(Section):
    """Which source videos are taken.

    Attributes:
        min_short_side: Pixels; below it there is nothing to learn from. The paper trains at 480;
            rendered scenes have 192.
        min_fps, max_fps: Slower is a slide show, faster a slow-motion camera.
        min_seconds, max_seconds: Length of a source.
        rate_tolerance: Greatest share of frames that come off the mean rate.
        max_pixels: Pixels of a frame; more is a bomb or no video.
        max_frames: Frames of a source.
        audio: Whether a source without sound is dropped.
        containers, codecs: FFmpeg's names of those that are taken; () takes all.
        labels: Words of which a source needs one: names of its folders, and `source`, `type` and
            `labels` of a JSON file of its name beside it. () asks for none.
        without_labels: Words of which it may have none ("cartoon", "screen recording").
    """

    min_short_side: int = Field(default=160, ge=16)
    min_fps: float = Field(default=8, gt=0)
    max_fps: float = Field(default=121, gt=0)
    min_seconds: float = Field(default=1, gt=0)
    max_seconds: float = Field(default=4 * 3600, gt=0)
    rate_tolerance: float = Field(default=0.05, ge=0, le=1)
    max_pixels: int = Field(default=3840 * 2160 * 2, ge=1)
    max_frames: int = Field(default=2_000_000, ge=1)
    audio: Literal["any", "required"] = "any"
    containers: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    without_labels: tuple[str, ...] = ()


class ShotSettings(Section):
    """Where videos are cut, and which pieces are kept.

    Attributes:
        detector: `adaptive` (PySceneDetect), `transnet` (TransNetV2, learned) or `keyframes` (the
            paper's: at the encoder's key frames).
        adaptive_threshold: How many times its neighbours' change a cut's is.
        min_content: Least change of a cut (0-255): at 15 cuts between alike scenes are missed.
        transnet_threshold: Least probability of a cut.
        min_seconds, max_seconds: Length of a shot before trimming; longer ones are cut up.
        trim_seconds: Left out next to each cut, as dissolves and encoders blur there.
        fade_luma: Mean luma (0-255) below which a shot's first and last frames are fades.
        bar_luma, max_bars: Rows and columns at the edges darker than this all the time are bars; a
            shot with a larger share of them is dropped, otherwise they are cropped.
        max_short_side: Larger frames are reduced to it; the model's videos are 480 high.
        crf: Quality of the shots' H.264.
    """

    detector: Literal["adaptive", "transnet", "keyframes"] = "adaptive"
    adaptive_threshold: float = Field(default=3.0, gt=0)
    min_content: float = Field(default=10.0, ge=0)
    transnet_threshold: float = Field(default=0.4, gt=0, lt=1)
    min_seconds: float = Field(default=2.0, gt=0)
    max_seconds: float = Field(default=10.0, gt=0)
    trim_seconds: float = Field(default=0.25, ge=0)
    fade_luma: float = Field(default=16.0, ge=0)
    bar_luma: float = Field(default=20.0, ge=0)
    max_bars: float = Field(default=0.35, ge=0, lt=1)
    max_short_side: int = Field(default=720, ge=16)
    crf: int = Field(default=18, ge=0, le=51)


class QualitySettings(Section):
    """Which shots are good enough.

    Attributes:
        min_motion, max_motion: Mean optical flow in pixels of a picture 320 wide, between frames
            half a second apart.
        min_subject_area: Least share of the picture that moves otherwise than the camera.
        min_sharpness: Variance of the Laplacian of a picture 320 wide.
        min_luma, max_luma, min_contrast: Mean and deviation of luma (0-255).
        max_hash_distance: Bits of 64 in which near-duplicates differ at most. Of rendered shots
            the planted ones differ in 8 or less, others in 14 or more.
        text: `ocr` looks for text laid over the picture, `none` does not.
        max_text: Greatest share of the picture that text covers.
        aesthetic_head: File of an aesthetic head; "" marks nothing.
        aesthetic_clip: Folder or hub name of its CLIP.
        min_aesthetic: Least mark (0-10).
        looks: Frames of a shot that are read and marked.
        device: Where the aesthetic network runs.
    """

    min_motion: float = Field(default=0.25, ge=0)
    max_motion: float = Field(default=40.0, gt=0)
    min_subject_area: float = Field(default=0.002, ge=0)
    min_sharpness: float = Field(default=12.0, ge=0)
    min_luma: float = Field(default=18.0, ge=0)
    max_luma: float = Field(default=240.0, le=255)
    min_contrast: float = Field(default=8.0, ge=0)
    max_hash_distance: float = Field(default=10.0, ge=0)
    text: Literal["ocr", "none"] = "none"
    max_text: float = Field(default=0.02, ge=0, le=1)
    aesthetic_head: str = ""
    aesthetic_clip: str = "openai/clip-vit-large-patch14"
    min_aesthetic: float = Field(default=4.5, ge=0, le=10)
    looks: int = Field(default=2, ge=1)
    device: str = "cpu"


class ElementSettings(Section):
    """How subjects are found, followed and cut out.

    Attributes:
        segmenter: `motion` needs no model; `drawn` knows characters and objects of drawn footage,
            by a small network that ships; `salient` adds matting by ISNet to motion (`data fetch`);
            `grounded` finds what `words` name and follows it by SAM2.
        drawn_model: Folder of a network for `drawn` that the recipe `segmenter` trained; "" is the
            one that ships.
        second_look: Whether `salient` looks where the segmenter finds no subject: at what lies
            still, or moves as the camera does (needs `data fetch`).
        matted_frames: Frames of a shot that are matted.
        detector, tracker: Folder or hub name of `grounded`'s Grounding DINO or OWLv2, and SAM2.
        detector_threshold: Least confidence; 0.25 suits Grounding DINO, 0.1 to 0.2 OWLv2.
        words: What `grounded` looks for.
        embedder: What tells subjects apart: `colour`, `lite` (EfficientNet-Lite0 and colour), or
            `features` (DINOv2, CLIP or SigLIP).
        embedder_model: Folder or hub name of `features`.
        device: Where the learned ones run.
        sample_fps: Frames a second that are looked at.
        difference: Least colour difference (0-255) from the empty scene.
        min_area, max_area: Share of the frame that a box covers.
        min_side: Pixels of a cut-out's longer side.
        min_fill: Least share of its box that a mask fills.
        min_presence: Least share of the looked-at frames in which a subject is tracked.
        min_rating: Least mark of a subject's best picture (sharp, whole, uncut, trusted).
        max_subjects: The clearest that are kept, as no prompt names them all; a shot with more than
            twice as many is dropped.
        max_borders: Borders of the frame that a cut-out may touch.
        min_background: Least share of the frame of a background's crop.
    """

    segmenter: Literal["motion", "drawn", "salient", "grounded"] = "motion"
    drawn_model: str = ""
    second_look: bool = False
    matted_frames: int = Field(default=4, ge=1)
    detector: str = "IDEA-Research/grounding-dino-tiny"
    detector_threshold: float = Field(default=0.25, ge=0, le=1)
    tracker: str = "facebook/sam2.1-hiera-small"
    words: tuple[str, ...] = Field(
        default=("person", "animal", "vehicle", "toy", "bag", "furniture", "food", "tool"),
        min_length=1,
    )
    embedder: Literal["colour", "lite", "features"] = "lite"
    embedder_model: str = "facebook/dinov2-base"
    device: str = "cpu"
    sample_fps: float = Field(default=6.0, gt=0)
    difference: float = Field(default=26.0, gt=0)
    min_area: float = Field(default=0.008, ge=0)
    max_area: float = Field(default=0.9, le=1)
    min_side: int = Field(default=24, ge=1)
    min_fill: float = Field(default=0.2, ge=0, le=1)
    min_presence: float = Field(default=0.3, ge=0, le=1)
    min_rating: float = Field(default=0.15, ge=0, le=1)
    max_subjects: int = Field(default=4, ge=1)
    max_borders: int = Field(default=1, ge=0, le=4)
    min_background: float = Field(default=0.15, ge=0, le=1)


class PersonSettings(Section):
    """What is taken of persons.

    Attributes:
        faces: `dlib` looks for faces, `none` does not.
        min_face: Pixels of a face's side.
        min_score: The detector's confidence.
        clothes: `parser` cuts out garments by a human parser, `none` does not.
        parser: Its folder or hub name.
        device: Where it runs.
    """

    faces: Literal["dlib", "none"] = "none"
    min_face: int = Field(default=64, ge=8)
    min_score: float = Field(default=0.65)
    clothes: Literal["parser", "none"] = "none"
    parser: str = "mattmdjaga/segformer_b2_clothes"
    device: str = "cpu"


class CaptionSettings(Section):
    """Who writes the captions.

    Attributes:
        captioner: `tracks` tells what the tracker saw; `openai` asks a vision-language model
            behind an endpoint, `transformers` one in the worker itself.
        url: Address of the OpenAI-compatible endpoint, up to `/v1`.
        model: Its name there, or for `transformers` a folder or hub name.
        device: Where that one runs.
        num_frames: Frames that the model is shown.
        retries: How often a wrong answer is asked for again.
        timeout_seconds: Wait for one answer.
    """

    captioner: Literal["tracks", "openai", "transformers"] = "tracks"
    url: str = "http://127.0.0.1:8000/v1"
    model: str = "Qwen/Qwen2.5-VL-7B-Instruct"
    device: str = "cpu"
    num_frames: int = Field(default=8, ge=1)
    retries: int = Field(default=2, ge=0)
    timeout_seconds: float = Field(default=120, gt=0)


BANDS = {"colour": (0.92, 0.995), "lite": (0.92, 0.995), "features": (0.60, 0.95)}
"""Embedder to the similarities between which a cut-out is a reference: above the likeness of
different subjects, below that of copies. Of rendered subjects; those of `features` are others'."""
DRAWN_LEAST = 0.94
"""The least of that for what `drawn` cuts out: its true outlines leave less to tell apart by."""


class MatchSettings(Section):
    """Which references of other shots are taken: alike, and no copies.

    Attributes:
        face_band: Least and greatest similarity of faces, where both subjects have one; as dlib's
            lie (ArcFace: 0.40 to 0.85).
        subject_band: Of cut-outs otherwise; None takes the embedder's own of `BANDS`, from
            `DRAWN_LEAST` on for `drawn`.
        max_background: Greatest similarity of a background's crop to the frames.
        min_hash_distance: Bits of 64 in which a reference differs from the target's own cut-out.
        min_gap_seconds: Between two shots of one source.
        references: References a subject has at most, spread over the band.
        neighbours: Nearest cut-outs that are looked at for each.
        same_shot: Whether a subject without a match keeps its own cut-out, marked as such.
    """

    face_band: tuple[float, float] = (0.92, 0.985)
    subject_band: tuple[float, float] | None = None
    max_background: float = Field(default=0.995, le=1)
    min_hash_distance: float = Field(default=4.0, ge=0)
    min_gap_seconds: float = Field(default=0.0, ge=0)
    references: int = Field(default=1, ge=1)
    neighbours: int = Field(default=16, ge=1)
    same_shot: bool = True


class SplitSettings(Section):
    """Which triplets are held out.

    Attributes:
        test_share: Share of the groups of sources and identities that go to the test side.
        seed: Decides which.
    """

    test_share: float = Field(default=0.1, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)


class LimitSettings(Section):
    """What a source may cost before it is set aside.

    Attributes:
        seconds: Wall time of a source, and `seconds_per_second` more for each of its seconds.
        memory_mb: Address space a worker may add.
        attempts: How often a source that kills its worker is tried.
    """

    seconds: float = Field(default=120, gt=0)
    seconds_per_second: float = Field(default=20, ge=0)
    memory_mb: int = Field(default=6144, ge=256)
    attempts: int = Field(default=2, ge=1)


class Settings(Sections):
    """All of them; `limits` alone changes no result."""

    probe: ProbeSettings = ProbeSettings()
    shots: ShotSettings = ShotSettings()
    quality: QualitySettings = QualitySettings()
    elements: ElementSettings = ElementSettings()
    persons: PersonSettings = PersonSettings()
    captions: CaptionSettings = CaptionSettings()
    match: MatchSettings = MatchSettings()
    split: SplitSettings = SplitSettings()
    limits: LimitSettings = LimitSettings()

    @property
    def matching(self) -> MatchSettings:
        """Those of matching, with the embedder's own band where none is given."""
        least, most = BANDS[self.elements.embedder]
        if self.elements.segmenter == "drawn" and self.elements.embedder != "features":
            least = DRAWN_LEAST
        band = self.match.subject_band or (least, most)
        return self.match.model_copy(update={"subject_band": band})


STAGES = ("probe", "shots", "quality", "elements", "persons", "captions")
"""Stages of a source in their order."""
VERSIONS = {**dict.fromkeys(STAGES, 1), "probe": 2, "quality": 3, "elements": 3, "persons": 2}
"""Raised when a stage's code gives other results."""


def fingerprints(settings: Settings) -> dict[str, str]:
    """A stage's name to what its result depends on: itself and all stages before it."""
    told: dict[str, str] = {}
    digest = hashlib.sha256()
    for stage in STAGES:
        digest.update(f"{stage} {VERSIONS[stage]} ".encode())
        digest.update(getattr(settings, stage).model_dump_json().encode())
        told[stage] = digest.hexdigest()[:16]
    return told

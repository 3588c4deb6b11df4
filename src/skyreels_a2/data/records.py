"""What stages hand on. Each stage's record holds the one before it, so a wrong order has no type.

    Source → Probed → Shot → JudgedShot → DissectedShot → PersonShot → CaptionedShot

Paths are relative to the folder of the source's unit. Boxes are left, top, right, bottom as
fractions of the frame.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the frame."""


class Record(BaseModel):
    """Base of all records: frozen, and JSON without loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dropped(Record):
    """Something a stage did not keep.

    Attributes:
        what: Id of the source, shot or element.
        stage: Name of the stage.
        reason: A few words that are counted.
        detail: The figures behind it.
    """

    what: str
    stage: str
    reason: str
    detail: str = ""


class Source(Record):
    """A raw video.

    Attributes:
        source_id: Decided by its content, so that a moved file is still itself.
        path: Absolute.
        size: Bytes.
    """

    source_id: str
    path: str
    size: int


class Probed(Record):
    """A video that can be decoded, and what it is.

    Attributes:
        width, height: Pixels as shown.
        rotated: Degrees that its frames are turned by.
        hdr: Whether its transfer function is PQ or HLG.
        labels: Words that are told of it; see `labels.labels_of`.
    """

    source: Source
    container: str
    codec: str
    width: int
    height: int
    fps: float
    seconds: float
    num_frames: int
    has_audio: bool
    rotated: int = 0
    hdr: bool = False
    labels: tuple[str, ...] = ()


class Shot(Record):
    """A piece without a cut, written as a file.

    Attributes:
        shot_id: Unique over all sources.
        start, stop: Seconds in the source, after trimming.
        content: Box of the source's frame that is inside its bars.
        path: Its MP4.
    """

    shot_id: str
    source_id: str
    number: int
    start: float
    stop: float
    fps: float
    width: int
    height: int
    num_frames: int
    content: Box
    path: str
    sha256: str


class Scores(Record):
    """What a shot was judged by; units as in `QualitySettings`, None where nobody looked."""

    motion: float
    subject_area: float
    sharpness: float
    luma: float
    contrast: float
    text: float | None = None
    aesthetic: float | None = None


class JudgedShot(Record):
    """A shot that is good enough.

    Attributes:
        hashes: Perceptual hashes (hex) of frames at 4 a second, the first and the last among them.
    """

    shot: Shot
    scores: Scores
    hashes: tuple[str, ...]


class Kind(StrEnum):
    """What an element is."""

    CHARACTER = "character"
    OBJECT = "object"
    BACKGROUND = "background"
    FACE = "face"
    CLOTHING = "clothing"


class Found(Record):
    """An element of a shot and its best picture.

    Attributes:
        element_id: Unique over all sources.
        kind: What it is.
        label: The detector's word, if it has one.
        frame: Frame of the shot that the picture is of.
        box: Where in that frame.
        mask: Run lengths down the columns of the whole frame, zeros first (COCO, uncompressed).
        path: PNG on white, or a plain crop for backgrounds and faces.
        score: How good the picture is, 0 to 1.
        presence: Share of the shot's looked-at frames that it is in.
        course: Centre and height in each looked-at frame where it is seen: frame, x, y, height.
        hash: Perceptual hash of the picture.
        embedding: What it is matched by.
        part_of: Element that a face or garment belongs to.
    """

    element_id: str
    kind: Kind
    label: str = ""
    frame: int
    box: Box
    mask: tuple[int, ...] = ()
    path: str
    score: float
    presence: float
    course: tuple[tuple[int, float, float, float], ...] = ()
    hash: str
    embedding: tuple[float, ...] = ()
    part_of: str = ""


class DissectedShot(Record):
    """A judged shot and its elements."""

    judged: JudgedShot
    elements: tuple[Found, ...]


class PersonShot(Record):
    """A dissected shot with faces and garments of its characters among the elements."""

    dissected: DissectedShot
    elements: tuple[Found, ...]


class Phrase(Record):
    """Words of the caption for one element; start is -1 where the caption does not have them."""

    element_id: str
    text: str
    start: int
    stop: int

    @property
    def grounded(self) -> bool:
        """Whether the caption says it."""
        return self.start >= 0


class CaptionedShot(Record):
    """A finished shot.

    Attributes:
        caption: One holistic text.
        phrases: The words of each element.
        concepts: The structured description of each element: element id to key to words.
        captioner: Who wrote it.
    """

    person: PersonShot
    caption: str
    phrases: tuple[Phrase, ...]
    concepts: dict[str, dict[str, str]]
    captioner: str

    @property
    def shot(self) -> Shot:
        """The shot itself."""
        return self.judged.shot

    @property
    def judged(self) -> JudgedShot:
        """The shot with its scores."""
        return self.person.dissected.judged

    @property
    def elements(self) -> tuple[Found, ...]:
        """Elements, faces and garments."""
        return self.person.elements

"""What the stages ask of their backends. A new one is a class and a line in `choice`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Found, Kind
from skyreels_a2.data.vision import Mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame


@dataclass(frozen=True)
class Sighting:
    """A subject in one frame.

    Attributes:
        frame: Number in the shot.
        mask: bool (height, width), of the frame's aspect but perhaps smaller.
        trust: 0 to 1.
    """

    frame: int
    mask: Mask
    trust: float = 1.0


@dataclass(frozen=True)
class Track:
    """A subject through a shot.

    Attributes:
        sightings: In the order of the frames.
        label: The detector's word, or "".
        kind: What the backend takes it for; None leaves it to the stage.
        presence: Share of the looked-at frames in which it was seen; None: of those at the
            stage's `sample_fps`.
    """

    sightings: tuple[Sighting, ...]
    label: str = ""
    kind: Kind | None = None
    presence: float | None = None


class Segmenter(Protocol):
    """Finds the subjects of a shot and follows them."""

    def tracks(self, footage: Footage) -> Sequence[Track]:
        """All subjects, each once."""
        ...


class Embedder(Protocol):
    """Says how a picture looks, so that cosines compare identities."""

    def embed(self, picture: Frame, mask: Mask) -> NDArray[np.float32]:
        """A unit vector for what the mask (height, width) shows of a picture."""
        ...


@dataclass(frozen=True)
class Face:
    """A face in a picture: its box in pixels, the detector's score, and who it is."""

    box: tuple[int, int, int, int]
    score: float
    embedding: tuple[float, ...]


class FaceFinder(Protocol):
    """Finds faces and tells them apart."""

    def faces(self, picture: Frame) -> Sequence[Face]:
        """The faces of a picture, the largest first."""
        ...


class GarmentFinder(Protocol):
    """Tells a person's garments apart."""

    def parse(self, picture: Frame) -> dict[str, Mask]:
        """Name of each garment to its mask (height, width); only what is there."""
        ...


class OverlayFinder(Protocol):
    """Finds text laid over a picture."""

    def share(self, picture: Frame) -> float:
        """Share of the picture that it covers."""
        ...


class Marker(Protocol):
    """Says how beautiful a picture is."""

    def mark(self, picture: Frame) -> float:
        """From 0 to 10."""
        ...


@dataclass(frozen=True)
class Description:
    """What a captioner says of a shot.

    Attributes:
        caption: One holistic text.
        phrases: Words of each element, by its id.
        concepts: Its structured description, by its id: key to words.
    """

    caption: str
    phrases: dict[str, str]
    concepts: dict[str, dict[str, str]]


class Captioner(Protocol):
    """Describes a shot.

    Attributes:
        name: Who it is, for the record.
    """

    name: str

    def describe(self, footage: Footage, elements: Sequence[Found]) -> Description:
        """Caption and concepts of a shot whose elements are known.

        Raises:
            InputError: It could not be had.
        """
        ...

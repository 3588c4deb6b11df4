"""The description of a scene: who is in it, where they go, how the camera moves. No pixels.

A `Scene` holds all that decides its frames, so equal scenes render to equal frames. Positions
are fractions of the frame: x of its width, y of its height, downwards. This module only says what
a scene is; `sampling` makes them up and `render` turns them into frames.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from skyreels_a2.errors import SpecError
from skyreels_a2.scenes.assets import Asset, Background, Subject
from skyreels_a2.video import VideoSpec

Point: TypeAlias = tuple[float, float]
Gain: TypeAlias = tuple[float, float, float]


class Direction(StrEnum):
    """Where a translating element goes in the frame; what motion is measured against."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Course:
    """What a motion was given: where its feet start and end, how far and how often it swings."""

    start: Point
    end: Point
    reach: float = 0.0
    turns: float = 1.0


@dataclass(frozen=True, slots=True)
class Bond:
    """An actor that goes with another one: how, and with which (its index in the shot)."""

    name: str
    lead: int
    side: float = 1.0


@dataclass(frozen=True, slots=True)
class Actor:
    """A subject in a shot.

    Attributes:
        subject: Who.
        motion: Name in `MOTIONS`, or None for one that is bound to another actor.
        course: What the motion needs to know.
        size: Height as a fraction of the frame's; a wide subject counts by its width.
        depth: 0 far to 1 near; the nearer hides the farther.
        mirrored: Whether it faces the other way than drawn.
        phase: Seconds into its animation at the shot's start.
        window: First pose and number of poses of its animation that are shown, to and fro.
        direction: Where it goes, if it translates.
        bond: How it is bound to another actor, if it is.
    """

    subject: Subject
    motion: str | None
    course: Course
    size: float
    depth: float
    mirrored: bool = False
    phase: float = 0.0
    window: tuple[int, int] = (0, 1)
    direction: Direction | None = None
    bond: Bond | None = None

    @property
    def action(self) -> str:
        """Name of its motion or of its bond."""
        return self.motion or (self.bond.name if self.bond else "")


@dataclass(frozen=True, slots=True)
class View:
    """A window into a background: its centre and height as fractions of the picture."""

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Camera:
    """A move from one view to another; its name is in `CAMERA_MOVES`."""

    name: str
    start: View
    end: View


@dataclass(frozen=True, slots=True)
class Light:
    """Gains of red, green and blue at the start and the end; its name is in `LIGHTS`."""

    name: str = "plain"
    start: Gain = (1.0, 1.0, 1.0)
    end: Gain = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Where a caption speaks of an element: `caption.text[start:end]`."""

    element: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Caption:
    """What happens, in words, and which words name which element."""

    text: str
    phrases: tuple[Phrase, ...]

    def words(self, phrase: Phrase) -> str:
        """The words of a phrase."""
        return self.text[phrase.start : phrase.end]

    def phrase_of(self, element: str) -> str | None:
        """The first words that name an element, or None when the caption leaves it out."""
        return next((self.words(p) for p in self.phrases if p.element == element), None)


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames `start` to `stop` of a video without a cut."""

    start: int
    stop: int
    background: Background
    actors: tuple[Actor, ...]
    camera: Camera
    light: Light
    caption: Caption

    @property
    def num_frames(self) -> int:
        """Its length."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class ReferencePose:
    """How a reference shows a subject: a pose, mirrored or not, tilted, and how large."""

    pose: int
    mirrored: bool
    angle: float
    fill: float


@dataclass(frozen=True, slots=True)
class Member:
    """One of a scene's elements and how its reference shows it."""

    asset: Asset
    reference: ReferencePose | View

    @property
    def id(self) -> str:
        """Identity: the asset's id."""
        return self.asset.id


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole video: its spec, its cast (characters, objects, backgrounds) and its shots."""

    seed: int
    spec: VideoSpec
    cast: tuple[Member, ...]
    shots: tuple[Shot, ...]

    @property
    def caption(self) -> Caption:
        """The captions of all shots, one after the other."""
        text, phrases = "", []
        for shot in self.shots:
            text += " " if text else ""
            offset = len(text)
            text += shot.caption.text
            phrases += [
                Phrase(p.element, p.start + offset, p.end + offset) for p in shot.caption.phrases
            ]
        return Caption(text, tuple(phrases))


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """What kind of scene to make up. Pairs are the least and the most.

    Attributes:
        video: Size, length and rate.
        characters: Characters in a shot.
        objects: Objects in a shot.
        shots: Shots in the video.
        shot_frames: Least frames of a shot.
        camera_moves: Share of shots in which the camera moves.
        light_changes: Share of shots in other than plain light.
        translating: Share of free motions that go left, right, up or down, all four alike.
        nearness: Factor on the sizes of characters and objects.
        alike: Share of scenes whose references show what the video shows (pose, side, size and
            view): a young model learns from them to look, which others ask too much of.

    Raises:
        SpecError: A range that is empty, or shots that do not fit.
    """

    video: VideoSpec = field(default_factory=lambda: VideoSpec(160, 96, 33, 10))
    characters: tuple[int, int] = (1, 2)
    objects: tuple[int, int] = (0, 2)
    shots: tuple[int, int] = (1, 1)
    shot_frames: int = 24
    camera_moves: float = 0.4
    light_changes: float = 0.3
    translating: float = 0.6
    nearness: float = 1.0
    alike: float = 0.0

    def __post_init__(self) -> None:
        for name in ("characters", "objects", "shots"):
            least, most = getattr(self, name)
            floor = 0 if name != "shots" else 1
            if not floor <= least <= most:
                raise SpecError(f"{name} are {least} to {most}: use {floor} or more, least first")
        if not sum((self.characters[0], self.objects[0])):
            raise SpecError("a scene without characters and objects: let one be at least 1")
        if self.shots[1] > 1 and self.shots[1] * self.shot_frames > self.video.num_frames:
            raise SpecError(
                f"{self.shots[1]} shots of {self.shot_frames} frames do not fit into "
                f"{self.video.num_frames} frames: use fewer shots or a longer video"
            )


TRAINING = SceneSpec()
"""One shot, ready to train on."""

FOOTAGE = SceneSpec(
    video=VideoSpec(320, 192, 145, 12), characters=(1, 2), objects=(0, 2), shots=(2, 4)
)
"""Raw video for the data pipeline: several shots with hard cuts."""

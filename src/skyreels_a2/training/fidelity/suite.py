"""Held-out compositions with known truth: what a composer is asked for, and what is right.

Every case is one translating character, at most one object and a background that nobody was
trained on, in plain light and so that everybody is clearly seen for a while and is more than lines
(a needle or a net drawn at this size shows mostly what is behind it): what the truth does not show
well cannot be asked of a model. A case is decided by the source, the suite's seed and its
number alone. Distractors are references of other assets of the same role, posed at random as all
references are; held-out assets come first, and training assets fill up where a source has too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator
from PIL import Image

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.request import GenerationRequest, Sampling
from skyreels_a2.scenes.assets import AssetSource, Background, Subject
from skyreels_a2.scenes.dataset import scene_seed
from skyreels_a2.scenes.references import choose_pose, choose_view, reference_of
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import Actor, Camera, Course, Direction, Member
from skyreels_a2.scenes.splits import Split, split_of
from skyreels_a2.training.triplets import SCENES
from skyreels_a2.video import TIME_STEP, Frames, VideoSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20_000_000
"""Seed of the suite; training counts up from 0."""
NUM_DISTRACTORS = 19
CLEAR = 0.75
"""Share of a subject that must be seen in the frame where most of it is."""
FEWEST_CLEAR = 8
"""Frames in which it must be."""
SOLID = 0.5
"""Share of a subject's pixels that must have nothing but itself around them."""
MOST_ATTEMPTS = 100
"""Scenes tried for a case before one that shows a subject badly is taken."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reference of a case, and others that it must beat.

    Attributes:
        id: Identity of the asset.
        role: What it is.
        picture: Its reference, RGB.
        distractors: References of other assets of this role, RGB.
        direction: Where it goes, if it translates.
    """

    id: str
    role: Role
    picture: Image.Image
    distractors: tuple[Image.Image, ...]
    direction: Direction | None


@dataclass(frozen=True, slots=True)
class Case:
    """One composition of the suite.

    Attributes:
        number: Its place in the suite.
        request: What a composer is asked for; its spec is that of the delivered video.
        frames: The rendered truth, uint8 (frames, height, width, 3).
        targets: One for each reference, in their order.
    """

    number: int
    request: GenerationRequest
    frames: Frames
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Suite:
    """Held-out compositions, made when asked for; iterating makes all in order.

    Attributes:
        source: Where assets come from.
        count: Number of compositions.
        seed: Seed of the whole suite.
        spec: The video that a model samples; the references take its first frames.
        sampling: How a composer samples.

    Raises:
        InputError: The source has too few assets for the distractors.
    """

    source: AssetSource
    count: int = 200
    seed: int = SEED
    spec: VideoSpec = field(default_factory=lambda: VideoSpec(160, 96, 33, 10))
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        for role in Role:
            if len(self._pools[role]) <= NUM_DISTRACTORS + 1:
                raise InputError(
                    f"the source has {len(self._pools[role])} {role}s: "
                    f"use one with more than {NUM_DISTRACTORS + 1}"
                )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Case]:
        return (self.case(number) for number in range(self.count))

    def case(self, number: int) -> Case:
        """Make one composition.

        Args:
            number: From 0 to below `count`.
        """
        seed = scene_seed(self.seed, number)
        rng = np.random.default_rng((seed, 1))
        rendered = self._rendered(seed, num_objects=int(rng.integers(2)))
        request = GenerationRequest(
            composition=rendered.composition,
            spec=rendered.scene.spec,
            seed=seed % 2**63,
            sampling=self.sampling,
        )
        targets = tuple(
            self._target(rng, rendered, member, picture)
            for member, picture in zip(rendered.scene.cast, rendered.references, strict=True)
        )
        return Case(number, request, rendered.frames, targets)

    @cached_property
    def _pools(self) -> dict[Role, tuple[Subject | Background, ...]]:
        """Assets of each role, the held-out ones first."""
        assets: list[Subject | Background] = [*self.source.subjects, *self.source.backgrounds]
        return {
            role: tuple(
                sorted((a for a in assets if a.role is role), key=lambda a: split_of(a).value)
            )
            for role in Role
        }

    def _rendered(self, seed: int, *, num_objects: int) -> RenderedScene:
        num_frames = self.spec.num_frames - TIME_STEP * (2 + num_objects)
        kind = replace(
            SCENES,
            video=VideoSpec(self.spec.width, self.spec.height, num_frames, self.spec.fps),
            objects=(num_objects, num_objects),
            shot_frames=1,
            light_changes=0.0,
            translating=1.0,
            alike=0.0,
        )
        for attempt in range(MOST_ATTEMPTS):
            scene = sample_scene(
                self.source, scene_seed(seed, attempt), split=Split.HELD_OUT, spec=kind
            )
            rendered = render(scene, self.source)
            if all(_is_clear(rendered, member) for member in scene.cast):
                break
        return rendered

    def _target(
        self, rng: Generator, rendered: RenderedScene, member: Member, picture: Image.Image
    ) -> Target:
        shot = rendered.scene.shots[0]
        actors = {actor.subject.id: actor for actor in shot.actors}
        taken = {m.asset.kin for m in rendered.scene.cast}
        others = self._others(rng, member.asset.role, taken)
        size = (self.spec.width, self.spec.height)
        distractors = tuple(
            reference_of(_posed(rng, other, shot.camera), self.source, size=size)
            for other in others
        )
        actor = actors.get(member.id)
        direction = actor.direction if actor else None
        return Target(member.id, member.asset.role, picture, distractors, direction)

    def _others(
        self, rng: Generator, role: Role, taken: set[str]
    ) -> Sequence[Subject | Background]:
        """Assets of a role that look like none of the scene's and like none of each other."""
        pool = self._pools[role]
        held_out = sum(split_of(asset) is Split.HELD_OUT for asset in pool)
        order = [*rng.permutation(held_out), *(held_out + rng.permutation(len(pool) - held_out))]
        chosen: dict[str, Subject | Background] = {}
        for index in order:
            asset = pool[int(index)]
            if asset.kin not in taken and len(chosen) < NUM_DISTRACTORS:
                chosen.setdefault(asset.kin, asset)
        return tuple(chosen.values())


def _is_clear(rendered: RenderedScene, member: Member) -> bool:
    """Whether some frames show a subject whole and solid enough to tell who it is."""
    if member.asset.role is Role.BACKGROUND:
        return True
    whole = max(
        (layer.solid for drawn in rendered.layers for layer in drawn if layer.element == member.id),
        key=np.sum,
        default=np.zeros((1, 1), dtype=bool),
    )
    seen = sorted(int(rendered.mask(member.id, t).sum()) for t in range(len(rendered.frames)))
    largest = int(whole.sum())
    if seen[-min(FEWEST_CLEAR, len(seen))] < CLEAR * largest:
        return False
    return inside(whole) >= SOLID


def inside(mask: NDArray[np.bool_]) -> float:
    """Share of a mask's pixels whose eight neighbours belong to it too: lines and nets have none.

    Args:
        mask: bool (height, width); what is beyond it does not belong to it.
    """
    padded = np.pad(mask, 1)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return float(around.all(axis=(2, 3)).sum() / max(1, mask.sum()))


def _posed(rng: Generator, asset: Subject | Background, camera: Camera) -> Member:
    """An asset that nobody saw, with a reference chosen as for those in a scene."""
    if isinstance(asset, Background):
        return Member(asset, choose_view(rng, [camera]))
    poses = (int(rng.integers(asset.num_poses)), max(1, 3 * asset.num_poses // 4))
    spot = Course((0.5, 0.9), (0.5, 0.9))
    actor = Actor(asset, "stays", spot, 0.5, 0.9, bool(rng.integers(2)), window=poses)
    return Member(asset, choose_pose(rng, [actor]))

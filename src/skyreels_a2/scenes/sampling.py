"""Making up scenes: who, where, what they do, how the camera moves, all from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.assets import Asset, AssetSource, Background, Subject
from skyreels_a2.scenes.bonds import BONDS
from skyreels_a2.scenes.captions import write_caption
from skyreels_a2.scenes.motions import MOTIONS, Lane
from skyreels_a2.scenes.references import choose_pose, choose_view, seen_pose
from skyreels_a2.scenes.scene import (
    TRAINING,
    Actor,
    Bond,
    Camera,
    Course,
    Direction,
    Gain,
    Light,
    Member,
    ReferencePose,
    Scene,
    SceneSpec,
    Shot,
    View,
)
from skyreels_a2.scenes.splits import Split, assets_of

if TYPE_CHECKING:
    from numpy.random import Generator

T = TypeVar("T")

CHARACTER_SIZE = (0.4, 0.62)
OBJECT_SIZE = (0.26, 0.4)
BOUND_OBJECTS = 0.6
"""Share of objects that go with a character, when there is one."""
FOLLOWERS = 0.2
"""Share of second characters that follow the first, when that one walks."""

CAMERA_MOVES = ("pan left", "pan right", "zoom in", "zoom out")

LIGHTS: dict[str, tuple[Gain, Gain]] = {
    "dim": ((0.62, 0.64, 0.72), (0.62, 0.64, 0.72)),
    "warm": ((1.08, 0.98, 0.8), (1.08, 0.98, 0.8)),
    "cold": ((0.84, 0.96, 1.1), (0.84, 0.96, 1.1)),
    "darkening": ((1.0, 1.0, 1.0), (0.5, 0.52, 0.62)),
    "brightening": ((0.5, 0.52, 0.62), (1.0, 1.0, 1.0)),
}
"""Name to the gains of red, green and blue at the start and the end of a shot."""


def sample_scene(
    source: AssetSource,
    seed: int,
    *,
    split: Split | None = Split.TRAIN,
    spec: SceneSpec = TRAINING,
) -> Scene:
    """Make up a scene; the same source, seed, split and spec give the same one.

    Args:
        source: Where subjects and backgrounds come from.
        seed: Any non-negative integer.
        split: The side of the split that all assets are taken from; None takes from both.
        spec: What kind of scene.

    Raises:
        InputError: The source has no subject or no background on that side.
    """
    rng = np.random.default_rng(seed)
    pool = _pool(source, split)
    several = spec.shots[1] > 1
    characters = _some(rng, pool[0], _count(rng, spec.characters), extra=several)
    objects = _some(rng, pool[1], _count(rng, spec.objects), extra=several)
    places = _some(rng, pool[2], 1, extra=several)
    cuts = _cuts(rng, spec)
    shots = []
    for start, stop in pairwise(cuts):
        cast = _cast_shot(rng, spec, characters, objects, first=not start)
        place = places[0] if not start else _pick(rng, places)
        shots.append(_sample_shot(rng, spec, cast, place, (start, stop)))
    return Scene(seed, spec.video, _members(rng, shots, spec.alike), tuple(shots))


@lru_cache(maxsize=16)
def _pool(
    source: AssetSource, split: Split | None
) -> tuple[tuple[Subject, ...], tuple[Subject, ...], tuple[Background, ...]]:
    subjects = assets_of(source.subjects, split)
    characters = tuple(s for s in subjects if s.role is Role.CHARACTER)
    objects = tuple(s for s in subjects if s.role is Role.OBJECT)
    backgrounds = assets_of(source.backgrounds, split)
    for what, assets in (("subject", subjects), ("background", backgrounds)):
        if not assets:
            raise InputError(f"the source has no {what} in split {split}: use another source")
    return characters, objects, backgrounds


def _count(rng: Generator, span: tuple[int, int]) -> int:
    return int(rng.integers(span[0], span[1] + 1))


def _pick(rng: Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _some(rng: Generator, assets: Sequence[T], count: int, *, extra: bool) -> list[T]:
    """Different ones; one more than asked for when several shots can share them out."""
    count = min(len(assets), count + int(extra))
    return [assets[int(i)] for i in rng.choice(len(assets), count, replace=False)] if count else []


def _cuts(rng: Generator, spec: SceneSpec) -> list[int]:
    """First frames of all shots, and the number of frames."""
    count, total = _count(rng, spec.shots), spec.video.num_frames
    spare = total - count * spec.shot_frames if count > 1 else 0
    gaps = np.sort(rng.integers(0, spare + 1, count - 1))
    inner = [int(g) + spec.shot_frames * (i + 1) for i, g in enumerate(gaps)]
    return [0, *inner, total]


def _cast_shot(
    rng: Generator,
    spec: SceneSpec,
    characters: Sequence[Subject],
    objects: Sequence[Subject],
    *,
    first: bool,
) -> list[Subject]:
    """Characters first: the video's leads in its first shot, later any of them."""
    if spec.shots[1] == 1:
        cast = [*characters, *objects]
    else:
        num = min(len(characters), max(1 - first, _count(rng, spec.characters)))
        order = range(len(characters)) if first else rng.permutation(len(characters))
        cast = [characters[int(i)] for i in order][:num]
        order = range(len(objects)) if first else rng.permutation(len(objects))
        cast += [objects[int(i)] for i in order][: _count(rng, spec.objects)]
    return cast or [*characters, *objects][:1]


def _sample_shot(
    rng: Generator,
    spec: SceneSpec,
    cast: Sequence[Subject],
    place: Background,
    span: tuple[int, int],
) -> Shot:
    actors: list[Actor] = []
    for subject in cast:
        lane = _lane(rng, len(actors), len(cast), subject.role)
        lane = replace(lane, size=lane.size * spec.nearness)
        bound = _bind(rng, subject, actors)
        if bound:
            bound = replace(bound, size=bound.size * spec.nearness)
        actor = bound or _free(rng, subject, lane, spec.translating)
        actors.append(replace(actor, depth=round(lane.foot + 0.001 * len(actors), 4)))
    camera, light = _sample_camera(rng, spec), _sample_light(rng, spec)
    caption = write_caption(rng, actors, place, camera, light)
    return Shot(*span, place, tuple(actors), camera, light, caption)


def _lane(rng: Generator, index: int, total: int, role: Role) -> Lane:
    """Side by side when several: the nearer one stands lower in the frame."""
    size = rng.uniform(*(CHARACTER_SIZE if role is Role.CHARACTER else OBJECT_SIZE))
    size *= 0.9 if total > 2 else 1.0
    left = index / total
    return Lane(left, left + 1 / total, float(rng.uniform(0.84, 0.98)), float(size))


def _free(rng: Generator, subject: Subject, lane: Lane, translating: float) -> Actor:
    name = _choose_motion(rng, subject.role, translating)
    motion = MOTIONS[name]
    size = lane.size * (0.8 if name in {"rises", "sinks", "grows"} else 1.0)
    course = motion.plan(rng, replace(lane, size=size))
    mirrored = motion.direction is Direction.RIGHT
    if motion.direction not in {Direction.LEFT, Direction.RIGHT}:
        mirrored = bool(rng.integers(2))
    actor = Actor(subject, name, course, size, lane.foot, mirrored, direction=motion.direction)
    return _animate(rng, actor)


def _choose_motion(rng: Generator, role: Role, translating: float) -> str:
    """A translation, all four directions alike; or one of the others."""
    going = rng.uniform() < translating
    direction = _pick(rng, tuple(Direction)) if going else None
    names = [n for n, m in MOTIONS.items() if m.direction is direction and role in m.verbs]
    return _pick(rng, names)


def _bind(rng: Generator, subject: Subject, actors: Sequence[Actor]) -> Actor | None:
    """Bound to a character that has nothing yet, by chance; else None."""
    taken = {actor.bond.lead for actor in actors if actor.bond}
    leads = [
        i
        for i, actor in enumerate(actors)
        if actor.subject.role is Role.CHARACTER and not actor.bond and i not in taken
    ]
    share = BOUND_OBJECTS if subject.role is Role.OBJECT else FOLLOWERS
    if not leads or rng.uniform() >= share:
        return None
    lead = _pick(rng, leads)
    names = [n for n, k in BONDS.items() if subject.role in k.roles and _fits(n, actors[lead])]
    return _bound(rng, subject, _pick(rng, names), (lead, actors[lead])) if names else None


def _fits(bond: str, lead: Actor) -> bool:
    if BONDS[bond].only_sideways:
        return lead.direction in {Direction.LEFT, Direction.RIGHT}
    # What one holds would have to turn with the holder.
    return lead.motion != "spins" or bond == "orbits"


def _bound(rng: Generator, subject: Subject, bond: str, lead: tuple[int, Actor]) -> Actor:
    index, leader = lead
    size = float(rng.uniform(*BONDS[bond].size))
    side = -1.0 if leader.direction is Direction.LEFT else 1.0
    if leader.direction not in {Direction.LEFT, Direction.RIGHT}:
        side = float(rng.choice((-1.0, 1.0)))
    foot = float(rng.uniform(0.86, 0.98))
    course = Course((0.5, foot), (0.5, foot), float(rng.uniform()), float(rng.uniform(1, 2)))
    # What orbits goes round: its lead's direction is not its own.
    direction = None if bond == "orbits" else leader.direction
    actor = Actor(subject, None, course, size, foot, side > 0, direction=direction)
    return _animate(rng, replace(actor, bond=Bond(bond, index, side)))


def _animate(rng: Generator, actor: Actor) -> Actor:
    """Show three quarters of the animation, to and fro: the rest is left for the reference."""
    poses = actor.subject.num_poses
    shown = max(1, (3 * poses) // 4)
    window = (int(rng.integers(poses)), shown)
    return replace(actor, window=window, phase=float(rng.uniform(0, actor.subject.period or 1)))


def _sample_camera(rng: Generator, spec: SceneSpec) -> Camera:
    height = float(rng.uniform(0.72, 0.98))
    middle = View(float(rng.uniform(0.4, 0.6)), 1 - height / 2, height)
    if rng.uniform() >= spec.camera_moves:
        return Camera("still", middle, middle)
    name = _pick(rng, CAMERA_MOVES)
    if name.startswith("pan"):
        reach = rng.uniform(0.04, 0.08) * (-1 if name == "pan left" else 1)
        ends = (middle.x - reach, middle.x + reach)
        return Camera(name, replace(middle, x=ends[0]), replace(middle, x=ends[1]))
    near = View(middle.x, 1 - 0.35, 0.66)
    wide = View(middle.x, 1 - 0.48, 0.96)
    return Camera(name, wide, near) if name == "zoom in" else Camera(name, near, wide)


def _sample_light(rng: Generator, spec: SceneSpec) -> Light:
    if rng.uniform() >= spec.light_changes:
        return Light()
    name = _pick(rng, tuple(LIGHTS))
    return Light(name, *LIGHTS[name])


def _members(rng: Generator, shots: Sequence[Shot], alike: float) -> tuple[Member, ...]:
    """Everyone who is in a shot, with a reference unlike all they are seen as, or else alike."""
    members = _unlike(rng, shots)
    # No draw where none is wanted: the scenes of a seed stay what they were.
    return _alike(rng, shots, members) if alike and rng.uniform() < alike else members


def _alike(rng: Generator, shots: Sequence[Shot], members: Sequence[Member]) -> tuple[Member, ...]:
    """The same with references as they are first seen."""
    looks: dict[Asset, ReferencePose | View] = {}
    for shot in shots:
        looks.setdefault(shot.background, shot.camera.start)
        for actor in shot.actors:
            looks.setdefault(actor.subject, seen_pose(rng, actor, shot.camera))
    return tuple(Member(member.asset, looks[member.asset]) for member in members)


def _unlike(rng: Generator, shots: Sequence[Shot]) -> tuple[Member, ...]:
    actors: dict[Subject, list[Actor]] = {}
    places: dict[Background, list[Camera]] = {}
    for shot in shots:
        places.setdefault(shot.background, []).append(shot.camera)
        for actor in shot.actors:
            actors.setdefault(actor.subject, []).append(actor)
    ordered = sorted(actors.items(), key=lambda item: item[0].role is Role.OBJECT)
    cast = [Member(subject, choose_pose(rng, seen)) for subject, seen in ordered]
    return tuple(cast + [Member(place, choose_view(rng, seen)) for place, seen in places.items()])

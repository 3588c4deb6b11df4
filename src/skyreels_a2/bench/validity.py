"""Validity: does a metric rank videos of known truth as its dimension demands?

Held-out scenes are rendered as they are and in worse and worse versions; for every dimension the
right order is known. A metric's validity is Spearman's rho of its values with that order, within
each scene, averaged over scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skyreels_a2.bench import worsening
from skyreels_a2.bench.cases import Case, Status
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Metric
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.bench.statistics import Estimate, estimate, spearman
from skyreels_a2.elements import Role
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.scenes.assets import AssetSource, Subject
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import Actor, Scene, SceneSpec
from skyreels_a2.scenes.splits import Split
from skyreels_a2.video import Frames, VideoSpec

_VIDEO = VideoSpec(160, 96, 33, 10)
_ONE = SceneSpec(video=_VIDEO, characters=(1, 1), objects=(1, 1))
_TWO = SceneSpec(video=_VIDEO, characters=(2, 2), objects=(0, 0), translating=0.0)
_SEED = 9000
"""Scenes that no metric was tuned on."""
_UNSEEN = 0.012
"""Height of an actor that is not to be seen: under one pixel or two."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How well a metric ranks.

    Attributes:
        rho: Mean over scenes of Spearman's rho within each, and its interval.
        means: Mean value by version, best first.
    """

    rho: Estimate
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Versions of one scene in the right order of a dimension, best first."""

    case: Case
    versions: Mapping[str, Frames]


def measure_validity(
    source: AssetSource,
    metrics: Sequence[Metric],
    *,
    count: int,
    on_scene: Callable[[int, int], None] | None = None,
) -> dict[str, Validity]:
    """Validity of metrics on held-out scenes; metrics without their network are left out.

    Args:
        source: Where the scenes come from.
        metrics: What is tried.
        count: Scenes.
        on_scene: Told how many of how many are done.
    """
    found: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for number in range(count):
        for metric in metrics:
            if values := ranked(metric, ladder_for(metric, source, number)):
                rho = spearman(list(values.values()), range(len(values), 0, -1))
                found.setdefault(metric.name, []).append((rho, values))
        if on_scene:
            on_scene(number + 1, count)
    return {name: _summed(scenes) for name, scenes in found.items()}


def ladder_for(metric: Metric, source: AssetSource, number: int) -> Ladder:
    """The versions that a metric must rank, of the n-th scene."""
    if metric.dimension is Dimension.FAULTS:
        return _FAULTS[metric.name](source, number)
    scene = _scene(source, number, _ONE)
    truth = render(scene, source)
    case = Case(f"scene-{number}", truth.composition)
    return Ladder(case, dict(_versions(metric.dimension, scene, truth, source)))


def ranked(metric: Metric, ladder: Ladder) -> dict[str, float] | None:
    """Version to value; None when the metric has none for one of them."""
    values = {}
    for name, frames in ladder.versions.items():
        score = measure_all(ladder.case, Footage(frames, _VIDEO.fps), [metric])[metric.name]
        if score.status is not Status.OK or score.value is None:
            return None
        values[name] = score.value
    return values


def _summed(scenes: Sequence[tuple[float, dict[str, float]]]) -> Validity:
    rho = estimate([rho for rho, _ in scenes])
    if rho is None:
        raise ValueError("no scene to sum up")
    names = list(scenes[0][1])
    return Validity(rho, {n: float(np.mean([v[n] for _, v in scenes])) for n in names})


def _scene(source: AssetSource, number: int, spec: SceneSpec) -> Scene:
    return sample_scene(source, _SEED + number, split=Split.HELD_OUT, spec=spec)


def _versions(
    dimension: Dimension, scene: Scene, truth: RenderedScene, source: AssetSource
) -> Iterator[tuple[str, Frames]]:
    """Versions of a scene for a dimension, best first."""
    frames = truth.frames
    yield "truth", frames
    if dimension in (Dimension.CHARACTER, Dimension.OBJECT):
        role = Role.CHARACTER if dimension is Dimension.CHARACTER else Role.OBJECT
        yield "blurred", worsening.blurred(frames, 1.5)
        yield "wrong element", render(_recast(scene, role, source), source).frames
        yield "empty background", render(_emptied(scene), source).frames
    elif dimension is Dimension.BACKGROUND:
        yield "blurred", worsening.blurred(frames, 1.5)
        yield "wrong background", render(_moved(scene, source), source).frames
        yield "flat colour", np.full_like(frames, 128)
    elif dimension in (Dimension.IMAGE, Dimension.AESTHETIC):
        yield "slightly blurred", worsening.blurred(frames, 0.7)
        yield "blurred", worsening.blurred(frames, 2.0)
        yield "noise", worsening.noisy(np.full_like(frames, 128), 60)
    elif dimension is Dimension.SMOOTHNESS:
        yield "jittered a little", worsening.jittered(frames, 2)
        yield "jittered", worsening.jittered(frames, 6)
        yield "noise", worsening.noisy(frames, 60)
    elif dimension is Dimension.DYNAMICS:
        yield "at a third of the speed", frames[np.arange(len(frames)) // 3]
        yield "frozen", worsening.frozen(frames)
    else:
        yield "wrong character", render(_recast(scene, Role.CHARACTER, source), source).frames
        yield "empty background", render(_emptied(scene), source).frames
        yield "noise", worsening.noisy(np.full_like(frames, 128), 60)


def _pasted(source: AssetSource, number: int) -> Ladder:
    scene = _scene(source, number, _ONE)
    truth, empty = render(scene, source), render(_emptied(scene), source)
    case = Case(f"scene-{number}", truth.composition)
    picture = open_picture(case.composition.references[0].picture).image
    copied = worsening.pasted(empty.frames, picture)
    return Ladder(case, {"truth": truth.frames, "pasted": copied})


def _flashed(source: AssetSource, number: int) -> Ladder:
    truth = render(_scene(source, number, _ONE), source)
    case = Case(f"scene-{number}", truth.composition)
    fitted = [
        fit(open_picture(r.picture).image, r.role, _VIDEO.width, _VIDEO.height)
        for r in case.composition.references
    ]
    versions = {
        "truth": truth.frames,
        "one reference": worsening.flashed(truth.frames, fitted[:1]),
    }
    return Ladder(case, versions)


def _drifted(source: AssetSource, number: int) -> Ladder:
    scene = _scene(source, number, replace(_ONE, translating=0.0))
    truth = render(scene, source)
    other = render(_moved(_recast(scene, Role.CHARACTER, source), source), source).frames
    versions = {
        "truth": truth.frames,
        "half drifted": worsening.faded(truth.frames, other, 0.5),
        "drifted": worsening.faded(truth.frames, other, 1.0),
    }
    return Ladder(Case(f"scene-{number}", truth.composition), versions)


def _swapped(source: AssetSource, number: int) -> Ladder:
    """Two characters who stay about where they are, exchanged half-way."""
    scene = _scene(source, number, _TWO)
    shot = scene.shots[0]
    first, second = shot.actors
    exchanged = (_played_by(first, second.subject), _played_by(second, first.subject))
    truth = render(scene, source)
    other = render(replace(scene, shots=(replace(shot, actors=exchanged),)), source)
    versions = {
        "truth": truth.frames,
        "exchanged": worsening.spliced(truth.frames, other.frames),
    }
    return Ladder(Case(f"scene-{number}", truth.composition), versions)


_FAULTS: Mapping[str, Callable[[AssetSource, int], Ladder]] = {
    "copy-paste": _pasted,
    "reference-flash": _flashed,
    "drift": _drifted,
    "identity-swap": _swapped,
}


def _recast(scene: Scene, role: Role, source: AssetSource) -> Scene:
    """The scene with another subject in the place of each of a role."""
    shot = scene.shots[0]
    used = {actor.subject.id for actor in shot.actors}
    others = _another(scene, source)
    actors = [
        _played_by(actor, next(s for s in others if s.role is role and s.id not in used))
        if actor.subject.role is role
        else actor
        for actor in shot.actors
    ]
    return replace(scene, shots=(replace(shot, actors=tuple(actors)),))


def _moved(scene: Scene, source: AssetSource) -> Scene:
    """The scene in another place."""
    shot = scene.shots[0]
    places = [b for b in source.backgrounds if b.kin != shot.background.kin]
    place = places[scene.seed % len(places)]
    return replace(scene, shots=(replace(shot, background=place),))


def _emptied(scene: Scene) -> Scene:
    """The scene with nobody to be seen in it."""
    shot = scene.shots[0]
    actors = tuple(replace(actor, size=_UNSEEN) for actor in shot.actors)
    return replace(scene, shots=(replace(shot, actors=actors),))


def _another(scene: Scene, source: AssetSource) -> list[Subject]:
    order = np.random.default_rng(scene.seed).permutation(len(source.subjects))
    return [source.subjects[int(i)] for i in order]


def _played_by(actor: Actor, subject: Subject) -> Actor:
    shown = max(1, (3 * subject.num_poses) // 4)
    return replace(actor, subject=subject, window=(0, shown))

"""The data pipeline against rendered truth: cuts, planted bad shots, elements, masks, identities.

    python benchmarks/data_truth.py --out /tmp/data_truth --count 200 [--seed 4]

Raw videos are rendered from held-out scenes, and static, black and near-duplicate shots planted
between theirs. Prints one line a figure. With other settings, only what they touch is done anew.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skyreels_a2.data.build import Plan, build
from skyreels_a2.data.check import check
from skyreels_a2.data.detectors import open_detector
from skyreels_a2.data.footage import decode
from skyreels_a2.data.gathering import Gathered
from skyreels_a2.data.records import CaptionedShot, Found, Kind
from skyreels_a2.data.settings import Settings, ShotSettings
from skyreels_a2.elements import Role
from skyreels_a2.media.encoders import Mp4
from skyreels_a2.scenes.dataset import scene_seed
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.scenes.splits import Split
from skyreels_a2.scenes.truth import ElementTruth, Truth, decode_mask, truth_of
from skyreels_a2.video import Frames, VideoSpec

PLANTED = 30
"""Frames of a planted shot."""
FPS = 12.0


@dataclass(frozen=True)
class Span:
    """A true shot of a raw video, in its frames.

    Attributes:
        kind: `good`, what was planted, or `short` for one that the settings leave out.
        offset: Leads to the truth's frames.
        twin: Number of the video whose first shot a planted near-duplicate repeats.
    """

    start: int
    stop: int
    kind: str
    offset: int = 0
    twin: int = 0


@dataclass(frozen=True)
class Raw:
    """A raw video and what is true of it."""

    path: Path
    spans: list[Span]
    truth: Truth


def plant(rendered: RenderedScene, number: int, former: Frames) -> tuple[Frames, list[Span]]:
    """The shots of a scene with a bad one after each: static, black or a near-duplicate."""
    rng = np.random.default_rng(number)
    parts: list[Frames] = []
    spans: list[Span] = []
    at = 0
    for turn, shot in enumerate(rendered.scene.shots):
        frames = rendered.frames[shot.start : shot.stop]
        spans.append(Span(at, at + len(frames), "good", shot.start - at))
        parts.append(frames)
        at += len(frames)
        kind = ("static", "black", "duplicate")[(number + turn) % 3]
        if rng.uniform() < 0.5:
            continue
        bad = _bad(kind, frames, former)
        if bad is None:
            continue
        parts.append(bad)
        spans.append(Span(at, at + len(bad), kind, twin=number - 1))
        at += len(bad)
    whole = np.concatenate(parts)
    # What a video of 4k + 1 frames holds; a shot may then be too short to be kept.
    count = (len(whole) - 1) // 4 * 4 + 1
    spans[-1] = replace(spans[-1], stop=count)
    least = Settings().shots.min_seconds * FPS
    return whole[:count], [
        replace(s, kind="short") if s.kind == "good" and s.stop - s.start < least else s
        for s in spans
    ]


def _bad(kind: str, frames: Frames, former: Frames) -> Frames | None:
    if kind == "black":
        noise = np.random.default_rng(1).integers(0, 6, (PLANTED, *frames.shape[1:]))
        return noise.astype(np.uint8)
    if kind == "static":
        return np.repeat(np.ascontiguousarray(frames[:1, :, ::-1]), PLANTED, axis=0)
    if not len(former):
        return None
    return (former.astype(np.float32) * 0.94 + 5).clip(0, 255).astype(np.uint8)


def make(out: Path, count: int, seed: int, source_name: str, cache: Path | None) -> list[Raw]:
    """Render the raw videos; what is there is kept."""
    source = open_source(source_name, cache=cache)
    (out / "videos").mkdir(parents=True, exist_ok=True)
    raws: list[Raw] = []
    former = np.zeros((0, 192, 320, 3), np.uint8)
    for number in range(1, count + 1):
        scene = sample_scene(source, scene_seed(seed, number), split=Split.HELD_OUT, spec=FOOTAGE)
        rendered = render(scene, source)
        frames, spans = plant(rendered, number, former)
        first = scene.shots[0]
        former = rendered.frames[first.start : first.stop]
        path = out / "videos" / f"{number:06d}.mp4"
        if not path.exists():
            _write(frames, path)
        raws.append(Raw(path, spans, truth_of(rendered, video=path.name)))
    return raws


def _write(frames: Frames, path: Path) -> None:
    encoder = Mp4(path, VideoSpec(frames.shape[2], frames.shape[1], len(frames), FPS), {})
    for frame in frames:
        encoder.add(frame)
    encoder.finish()


def boundary_f1(raws: Sequence[Raw], settings: ShotSettings) -> float:
    """F1 of cuts at the exact frame."""
    right = found = true = 0
    for raw in raws:
        detector = open_detector(settings, FPS)
        cuts: set[int] = set()
        for tick in decode(raw.path, max_short_side=settings.max_short_side):
            cuts.update(detector.add(tick))
        cuts.update(detector.finish())
        real = {span.start for span in raw.spans[1:]}
        right, found, true = right + len(cuts & real), found + len(cuts), true + len(real)
    return 2 * right / max(1, found + true)


def _by_source(gathered: Gathered) -> dict[str, list[CaptionedShot]]:
    kept: dict[str, list[CaptionedShot]] = defaultdict(list)
    for shot in gathered.shots:
        kept[shot.shot.source_id].append(shot)
    return kept


def _span_of(raw: Raw, shot: CaptionedShot) -> Span | None:
    middle = (shot.shot.start + shot.shot.stop) / 2 * FPS
    return next((s for s in raw.spans if s.start <= middle < s.stop), None)


def compare(
    raw: Raw, shot: CaptionedShot
) -> tuple[dict[str, str], list[float], int, dict[str, str]]:
    """Found element to true id, their mask IoUs, the number found, and how each true one goes."""
    span = _span_of(raw, shot)
    if span is None or span.kind != "good":
        return {}, [], 0, {}
    first = round(shot.shot.start * FPS) + span.offset
    subjects = [t for t in raw.truth.elements if t.role is not Role.BACKGROUND]
    size = (raw.truth.height, raw.truth.width)
    stop = span.stop + span.offset  # a missed cut leads past it
    frames = range(first, min(first + shot.shot.num_frames, stop))
    number = next(i for i, s in enumerate(raw.truth.shots) if s.start <= first < s.stop)
    seen = {
        t.id: _way(t, number)
        for t in subjects
        if np.mean([_area(t.boxes[f], size) >= 0.008 for f in frames]) >= 0.3
    }
    pairs: dict[str, str] = {}
    overlaps: list[float] = []
    for found in _subjects(shot):
        mask = decode_mask(found.mask, size)
        frame = min(first + found.frame, stop - 1)
        best = max(subjects, key=lambda t: _box_iou(found, t.boxes[frame], size))
        if _box_iou(found, best.boxes[frame], size) >= 0.5 and best.id not in pairs.values():
            pairs[found.element_id] = best.id
            true = raw.truth.mask(best.id, frame)
            overlaps.append(float((mask & true).sum() / max(1, (mask | true).sum())))
    return pairs, overlaps, len(_subjects(shot)), seen


def _way(element: ElementTruth, shot: int) -> str:
    """How an element goes in a shot: bound to another, staying, or by itself."""
    act = next((a for a in element.acts if a.shot == shot), None)
    if act is None or act.lead is None:
        return "staying" if act and act.motion == "stays" else "by itself"
    return act.motion


def _subjects(shot: CaptionedShot) -> list[Found]:
    return [e for e in shot.elements if e.kind in {Kind.CHARACTER, Kind.OBJECT}]


def _area(box: Any, size: tuple[int, int]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) / (size[0] * size[1]) if box else 0.0


def _box_iou(found: Found, box: Any, size: tuple[int, int]) -> float:
    if box is None:
        return 0.0
    one = np.array(found.box) * np.array([size[1], size[0]] * 2)
    low, high = np.maximum(one[:2], box[:2]), np.minimum(one[2:], box[2:])
    shared = float((high - low).clip(0).prod())
    areas = float((one[2:] - one[:2]).prod()) + (box[2] - box[0]) * (box[3] - box[1])
    return shared / max(1e-9, float(areas) - shared)


def identity_pairs(
    gathered: Gathered, known: dict[str, str], shots: set[str]
) -> tuple[float, float, int]:
    """Precision and recall of references between good shots, and how many there are."""
    home = {e.element_id: s.shot.shot_id for s in gathered.shots for e in s.elements}
    places: dict[str, set[str]] = defaultdict(set)
    for element, true in known.items():
        places[true].add(home[element])
    right = wrong = 0
    helped: set[str] = set()
    for slots in gathered.matches.slots.values():
        for slot in slots:
            if not {home[slot.element_id], home.get(slot.reference_id)} <= shots:
                continue
            if slot.pair_kind != "cross_shot" or slot.element_id.endswith("place"):
                continue
            wanted = known.get(slot.element_id)
            good = wanted is not None and known.get(slot.reference_id) == wanted
            right, wrong = right + good, wrong + (not good)
            helped |= {slot.element_id} if good else set()
    could = {e for e, true in known.items() if len(places[true]) > 1}
    recall = len(helped & could) / max(1, len(could))
    return right / max(1, right + wrong), recall, right + wrong


def main() -> None:
    """Render, build, compare, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--source", default="builtin")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    options = parser.parse_args()
    settings = Settings().with_settings(options.settings)
    raws = make(options.out, options.count, options.seed, options.source, options.assets)
    start = time.perf_counter()
    gathered = build(
        options.out / "videos", options.out / "dataset", Plan(settings, options.workers)
    )
    print(f"build: {time.perf_counter() - start:.0f} s for {gathered.seconds:.0f} s of video")
    for row in gathered.funnel:
        rate = gathered.seconds / max(1e-9, row.seconds)
        print(f"  {row.stage:10} kept {row.kept:5} dropped {row.dropped:5} {rate:8.1f}x real time")
    report(raws, gathered, settings)
    print("leaks and other problems:", list(check(options.out / "dataset")) or "none")


def _one_of_twins(raws: Sequence[Raw], dropped: set[int]) -> list[Span]:
    """Near-duplicates kept in the place of their originals, and those: either may stay."""
    swapped: list[Span] = []
    for span in (s for raw in raws for s in raw.spans if s.kind == "duplicate"):
        original = raws[span.twin - 1].spans[0]
        if id(span) not in dropped and id(original) in dropped:
            swapped += [span, original]
    return swapped


def report(raws: Sequence[Raw], gathered: Gathered, settings: Settings) -> None:
    """Print the figures."""
    from skyreels_a2.data.probe import identify

    print(f"shot-boundary F1 (exact frame): {boundary_f1(raws, settings.shots):.4f}")
    kept = _by_source(gathered)
    kept = {str(raw.path): kept[identify(raw.path).source_id] for raw in raws}
    told: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    pairs: dict[str, str] = {}
    overlaps: list[float] = []
    good: set[str] = set()
    found = true = 0
    ways: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    dropped = {
        id(span)
        for raw in raws
        for span in raw.spans
        if not any(_span_of(raw, s) is span for s in kept[str(raw.path)])
    }
    for span in _one_of_twins(raws, dropped):
        dropped ^= {id(span)}
    for raw in raws:
        for span in raw.spans:
            told[span.kind][0] += id(span) in dropped
            told[span.kind][1] += 1
        for shot in kept[str(raw.path)]:
            span_of = _span_of(raw, shot)
            good |= {shot.shot.shot_id} if span_of and span_of.kind == "good" else set()
            here, ious, num_found, to_find = compare(raw, shot)
            pairs |= here
            overlaps += ious
            found, true = found + num_found, true + len(to_find)
            for element, way in to_find.items():
                ways[way][0] += element in here.values()
                ways[way][1] += 1
    for kind, (gone, total) in sorted(told.items()):
        print(f"{kind} shots dropped: {gone} of {total} ({gone / total:.1%})")
    print(
        f"elements: precision {len(pairs) / max(1, found):.3f}, "
        f"recall {len(pairs) / max(1, true):.3f}"
    )
    for way, (hits, total) in sorted(ways.items()):
        print(f"  {way}: {hits} of {total} found")
    print(f"mask IoU of those found: {np.mean(overlaps):.3f} (median {np.median(overlaps):.3f})")
    precision, recall, count = identity_pairs(gathered, pairs, good)
    print(f"cross-shot references: precision {precision:.3f}, recall {recall:.3f} ({count})")


if __name__ == "__main__":
    main()

"""The segmenter that ships, on held-out scenes: its weights are real, so it must really find."""

from dataclasses import replace

import numpy as np
import pytest
from material import run_here, write_video

from skyreels_a2.data.backends.drawn import DrawnSegmenter
from skyreels_a2.data.build import Plan, build
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Kind
from skyreels_a2.data.settings import Settings
from skyreels_a2.elements import Role
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE
from skyreels_a2.scenes.splits import Split
from skyreels_a2.video import VideoSpec

SOURCE = BuiltinSource()
SPEC = replace(
    FOOTAGE,
    video=VideoSpec(320, 192, 25, 12),
    characters=(1, 1),
    objects=(1, 1),
    shots=(1, 1),
)
SETTINGS = Settings().with_settings(["elements.segmenter=drawn"])


@pytest.fixture(scope="module")
def held():
    """Held-out scenes in which a character holds an object."""
    scenes = (sample_scene(SOURCE, n, split=Split.HELD_OUT, spec=SPEC) for n in range(300))
    found = [s for s in scenes if any(a.action == "held" for a in s.shots[0].actors)]
    return [render(scene, SOURCE) for scene in found[:4]]


def overlap(one, other):
    return (one & other).sum() / max(1, (one | other).sum())


def test_who_holds_and_what_is_held_are_two_though_one_picture_is_all_there_is(held):
    right = 0
    for scene in held:
        still = np.repeat(scene.frames[12:13], 3, axis=0)
        tracks = DrawnSegmenter(SETTINGS.elements).tracks(Footage(still, 12))
        for member in scene.scene.cast[:2]:
            kind = Kind.CHARACTER if member.asset.role is Role.CHARACTER else Kind.OBJECT
            true = scene.mask(member.id, 12)
            right += any(
                track.kind is kind and overlap(track.sightings[0].mask, true) > 0.6
                for track in tracks
            )
    assert right >= 6  # of 8


def test_a_data_set_is_built_by_it(held, tmp_path):
    write_video(tmp_path / "videos" / "held.mp4", held[0].frames)
    gathered = build(tmp_path / "videos", tmp_path / "set", Plan(SETTINGS, 1, run_here))
    kinds = {element.kind for shot in gathered.shots for element in shot.elements}
    assert {Kind.CHARACTER, Kind.OBJECT} <= kinds


def test_a_place_without_anybody_has_no_subject(held):
    place = SOURCE.picture(held[0].scene.shots[0].background.id)
    height = place.shape[0]
    empty = np.ascontiguousarray(place[:, : height * 5 // 3])
    tracks = DrawnSegmenter(SETTINGS.elements).tracks(Footage(np.stack([empty] * 3), 12))
    seen = sum(float(track.sightings[0].mask.mean()) for track in tracks)
    assert seen < 0.03

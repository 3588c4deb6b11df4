from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError, SpecError
from skyreels_a2.scenes.assets import CombinedSource
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.motions import direction_of
from skyreels_a2.scenes.references import shown_poses
from skyreels_a2.scenes.render import box_of, render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE, SceneSpec, View
from skyreels_a2.scenes.staging import poses_shown
from skyreels_a2.video import VideoSpec

SOURCE = BuiltinSource()
SMALL = SceneSpec(video=VideoSpec(80, 48, 9, 4))
SHOTS = SceneSpec(video=VideoSpec(80, 48, 25, 8), shots=(2, 3), shot_frames=8)
seeds = st.integers(0, 400)


def rendered(seed, spec=SMALL, **changes):
    return render(sample_scene(SOURCE, seed, spec=replace(spec, **changes)), SOURCE)


@given(seed=seeds)
@settings(max_examples=10)
def test_the_same_seed_gives_the_same_scene_and_frames(seed):
    one, two = rendered(seed), rendered(seed)
    assert one.scene == two.scene
    np.testing.assert_array_equal(one.frames, two.frames)
    assert [r.tobytes() for r in one.references] == [r.tobytes() for r in two.references]


def test_another_source_object_gives_the_same_frames():
    scene = sample_scene(SOURCE, 11, spec=SMALL)
    np.testing.assert_array_equal(
        render(scene, SOURCE).frames, render(scene, BuiltinSource()).frames
    )


@given(seed=seeds)
@settings(max_examples=15)
def test_frames_follow_the_spec_and_the_box_holds_the_mask(seed):
    result = rendered(seed)
    assert result.video.spec == SMALL.video
    for member in result.scene.cast:
        for frame in range(0, 9, 4):
            mask, box = result.mask(member.id, frame), result.box(member.id, frame)
            assert mask.shape == (48, 80)
            assert (box is None) == (not mask.any())
            if box:
                left, top, right, bottom = box
                assert mask[top:bottom, left:right].sum() == mask.sum()


@given(seed=seeds)
@settings(max_examples=15)
def test_nothing_is_seen_of_two_elements_in_one_place(seed):
    result = rendered(seed)
    for frame in (0, 4, 8):
        seen = sum(result.mask(m.id, frame).astype(int) for m in result.scene.cast)
        assert seen.max() == seen.min() == 1


@given(seed=seeds)
@settings(max_examples=10)
def test_subjects_are_all_that_is_not_background(seed):
    scene = rendered(seed)
    (background,) = [e for e in scene.scene.cast if e.asset.role is Role.BACKGROUND]
    free = np.stack([scene.mask(background.id, t) for t in range(len(scene.frames))])
    np.testing.assert_array_equal(scene.subjects(), ~free)


@pytest.mark.parametrize("direction", ["left", "right", "up", "down"])
def test_boxes_move_where_the_direction_says(direction):
    checked = 0
    for seed in range(400):
        scene = sample_scene(SOURCE, seed, spec=replace(SMALL, characters=(1, 1), objects=(0, 0)))
        actor = scene.shots[0].actors[0]
        if actor.direction != direction:
            continue
        boxes = [b for b in render(scene, SOURCE).boxes(actor.subject.id) if b]
        centres = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (boxes[0], boxes[-1])]
        assert direction_of(*centres) is actor.direction, scene.caption.text
        checked += 1
        if checked == 12:
            return
    raise AssertionError("too few")


def test_characters_are_large_enough_to_learn_from():
    heights = []
    for seed in range(30):
        scene = sample_scene(SOURCE, seed, spec=replace(SMALL, video=VideoSpec(160, 96, 1, 8)))
        result = render(scene, SOURCE)
        for actor in scene.shots[0].actors:
            box = result.box(actor.subject.id, 0)
            if box and actor.subject.role is Role.CHARACTER:
                heights.append(box[3] - box[1])
    assert 30 <= np.median(heights) <= 60


@given(seed=seeds)
def test_nearness_scales_characters_and_objects(seed):
    far, near = (
        sample_scene(SOURCE, seed, spec=replace(SMALL, nearness=factor)) for factor in (1.0, 1.5)
    )
    sizes = [[actor.size for actor in scene.shots[0].actors] for scene in (far, near)]
    np.testing.assert_allclose(np.array(sizes[1]) / sizes[0], 1.5)


@given(seed=seeds)
def test_references_that_are_alike_show_what_is_seen(seed):
    unlike, alike = (
        sample_scene(SOURCE, seed, spec=replace(SMALL, alike=share)) for share in (0.0, 1.0)
    )
    assert alike.shots == unlike.shots
    (shot,) = alike.shots
    actors = {actor.subject: actor for actor in shot.actors}
    for member in alike.cast:
        look = member.reference
        if isinstance(look, View):
            assert look == shot.camera.start
        else:
            actor = actors[member.asset]
            assert look.pose in shown_poses(actor)
            assert (look.mirrored, look.angle) == (actor.mirrored, 0)


@given(seed=seeds)
def test_a_reference_shows_what_no_frame_shows(seed):
    scene = sample_scene(SOURCE, seed, spec=SHOTS)
    for member in scene.cast:
        look = member.reference
        if isinstance(look, View):
            for camera in [s.camera for s in scene.shots if s.background == member.asset]:
                for view in (camera.start, camera.end):
                    assert abs(view.x - look.x) + abs(view.height - look.height) > 0.02
            continue
        for actor in [a for s in scene.shots for a in s.actors if a.subject == member.asset]:
            same = look.pose in shown_poses(actor) and look.mirrored == actor.mirrored
            assert not same or abs(look.angle) >= 6


def test_shown_poses_are_those_that_are_shown():
    for seed in range(30):
        for actor in sample_scene(SOURCE, seed).shots[0].actors:
            assert set(poses_shown(actor, 60, 10)) <= set(shown_poses(actor))


def test_references_are_on_white_or_fill_the_frame():
    result = rendered(3)
    for member, picture in zip(result.scene.cast, result.references, strict=True):
        assert picture.mode == "RGB"
        if member.asset.role is Role.BACKGROUND:
            assert picture.size == (80, 48)
        else:
            assert picture.size == (128, 128)
            assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_the_composition_asks_for_the_cast_in_order():
    result = rendered(5)
    composition = result.composition
    assert composition.text == result.caption.text
    assert [e.role for e in composition.elements] == [m.asset.role for m in result.scene.cast]
    assert [r.picture for r in composition.references] == list(result.references)
    assert not [r for r in composition.remarks() if "never mentions" in r]


def test_shots_are_cut_hard_and_share_a_cast():
    for seed in range(10):
        scene = sample_scene(SOURCE, seed, spec=SHOTS)
        assert 2 <= len(scene.shots) <= 3
        assert scene.shots[0].start == 0
        assert scene.shots[-1].stop == 25
        assert all(a.stop == b.start for a, b in zip(scene.shots, scene.shots[1:], strict=False))
        assert all(shot.num_frames >= 8 for shot in scene.shots)
        assert all(shot.actors for shot in scene.shots)


def test_footage_renders():
    result = rendered(1, SHOTS)
    assert len(result.layers) == len(result.frames) == 25
    cut = result.scene.shots[1].start
    within = np.abs(result.frames[cut - 1].astype(int) - result.frames[cut - 2]).mean()
    across = np.abs(result.frames[cut].astype(int) - result.frames[cut - 1]).mean()
    assert across > within


def test_elements_hide_each_other_in_some_scenes():
    hidden = 0
    for seed in range(25):
        result = rendered(seed, characters=(2, 2))
        for frame, layers in enumerate(result.layers):
            for layer in layers:
                own = layer.solid.sum()
                hidden += bool(result.mask(layer.element, frame).sum() < own)
    assert hidden > 10


def test_counts_are_kept_to():
    spec = replace(SMALL, characters=(2, 2), objects=(1, 1))
    for seed in range(20):
        roles = [m.asset.role for m in sample_scene(SOURCE, seed, spec=spec).cast]
        assert roles == [Role.CHARACTER, Role.CHARACTER, Role.OBJECT, Role.BACKGROUND]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"characters": (2, 1)}, "characters are 2 to 1"),
        ({"characters": (0, 1), "objects": (0, 1)}, "without characters and objects"),
        ({"shots": (1, 9)}, "do not fit"),
    ],
)
def test_an_impossible_spec_is_an_error(changes, message):
    with pytest.raises(SpecError, match=message):
        replace(FOOTAGE, **changes)


def test_an_empty_source_is_an_error():
    with pytest.raises(InputError, match="has no subject in split train"):
        sample_scene(CombinedSource(()), 1)


def test_an_empty_mask_has_no_box():
    assert box_of(np.zeros((4, 4), dtype=bool)) is None

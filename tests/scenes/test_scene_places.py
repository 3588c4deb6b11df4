from dataclasses import replace

import numpy as np
import pytest

from skyreels_a2.elements import Role
from skyreels_a2.media.fit import fit
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.dyes import DyedSource
from skyreels_a2.scenes.places import places
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import Light, SceneSpec
from skyreels_a2.video import VideoSpec

SPEC = SceneSpec(
    video=VideoSpec(160, 96, 9, 10),
    characters=(1, 1),
    objects=(1, 1),
    shot_frames=1,
    light_changes=0.0,
    alike=1.0,
)


@pytest.fixture(scope="module", params=range(4))
def rendered(request):
    source = BuiltinSource()
    return render(sample_scene(source, request.param, spec=SPEC), source)


def copied(rendered, number, frame):
    """The frame as the pixels of one reference make it, and where they do."""
    reference = rendered.composition.references[number]
    picture = np.asarray(fit(reference.picture, reference.role, 160, 96))
    seen, across, down = places(rendered)[number, :, frame]
    columns, rows = np.floor(across * 160), np.floor(down * 96)
    inside = (seen > 0) & (columns >= 0) & (columns < 160) & (rows >= 0) & (rows < 96)
    out = np.zeros((96, 160, 3), np.uint8)
    out[inside] = picture[rows[inside].astype(int), columns[inside].astype(int)]
    return out, inside


def test_a_frame_copied_from_its_references_is_the_frame(rendered):
    assert len(rendered.composition.references) == 3
    for number, seen in enumerate(places(rendered)[:, 0]):
        frame = int(seen.sum(axis=(1, 2)).argmax())
        out, inside = copied(rendered, number, frame)
        assert inside.sum() > 100
        apart = np.abs(out[inside].astype(int) - rendered.frames[frame][inside].astype(int))
        assert np.median(apart) < 12


def test_every_pixel_is_of_one_element(rendered):
    seen = places(rendered)[:, 0]
    assert set(np.unique(seen)) <= {0.0, 1.0}
    assert (seen.sum(axis=0) <= 1).all()
    for number, reference in enumerate(rendered.composition.references):
        if reference.role is Role.BACKGROUND:
            np.testing.assert_array_equal(seen[number] > 0, ~rendered.subjects())


def test_light_and_dyes_do_not_move_places(rendered):
    dim = Light("dim", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    shots = tuple(replace(shot, light=dim) for shot in rendered.scene.shots)
    other = render(replace(rendered.scene, shots=shots), DyedSource(rendered.source, seed=1))
    assert not np.array_equal(other.frames, rendered.frames)
    np.testing.assert_array_equal(places(other), places(rendered))

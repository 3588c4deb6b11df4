import math

import numpy as np
import pytest

from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.dyes import DyedSource, dye_matrix
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene


@pytest.fixture(scope="module")
def source():
    return BuiltinSource()


def test_a_full_turn_changes_nothing_and_grey_stays_grey():
    same = dye_matrix(angle=2 * math.pi, saturation=1, gain=1)
    np.testing.assert_allclose(same, np.eye(3), atol=1e-12)
    turned = dye_matrix(angle=2.0, saturation=1.3, gain=0.8)
    np.testing.assert_allclose(turned @ np.ones(3), np.full(3, 0.8), atol=1e-12)


def test_colours_change_and_shapes_do_not(source):
    dyed = DyedSource(source, seed=3)
    subject, place = source.subjects[0], source.backgrounds[0]
    plain, coloured = source.sprite(subject.id), dyed.sprite(subject.id)
    assert np.array_equal(plain[..., 3], coloured[..., 3])
    seen = plain[..., 3] > 128
    assert np.abs(plain[seen].astype(int) - coloured[seen]).mean() > 10
    assert dyed.picture(place.id).shape == source.picture(place.id).shape
    assert np.array_equal(coloured, DyedSource(source, seed=3).sprite(subject.id))
    assert not np.array_equal(coloured, DyedSource(source, seed=4).sprite(subject.id))


def test_a_reference_has_the_colours_of_its_video(source):
    """Else a model would learn that references do not tell what things look like."""
    scene = sample_scene(source, 11)
    member = scene.cast[0]
    means = []
    for seed in range(6):
        rendered = render(scene, DyedSource(source, seed))
        frame = next(t for t in range(len(rendered.frames)) if rendered.mask(member.id, t).any())
        inside = rendered.frames[frame][rendered.mask(member.id, frame)].mean(0)
        reference = np.asarray(rendered.references[0])
        means.append((inside, reference[(reference < 240).any(-1)].mean(0)))
    video, reference = (np.array(side) for side in zip(*means, strict=True))
    assert np.corrcoef(video.ravel(), reference.ravel())[0, 1] > 0.7

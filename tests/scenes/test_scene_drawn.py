import pickle

import numpy as np
import pytest

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.assets import CombinedSource, assets_in
from skyreels_a2.scenes.drawn.source import BuiltinSource


@pytest.fixture(scope="module")
def source():
    return BuiltinSource()


def test_there_are_hundreds_of_identities_with_names_of_their_own(source):
    characters = [s for s in source.subjects if s.role is Role.CHARACTER]
    objects = [s for s in source.subjects if s.role is Role.OBJECT]
    assert len(characters) >= 300
    assert len(objects) >= 200
    assert len(source.backgrounds) >= 100
    assets = assets_in(source)
    assert len({a.id for a in assets}) == len({a.name for a in assets}) == len(assets)


@pytest.mark.parametrize("role", [Role.CHARACTER, Role.OBJECT])
def test_sprites_are_opaque_figures_on_nothing(source, role):
    for subject in [s for s in source.subjects if s.role is role][::29]:
        sprite = source.sprite(subject.id)
        assert sprite.dtype == np.uint8
        assert len(sprite) == subject.num_poses
        share = (sprite[..., 3] > 128).mean()
        assert 0.15 < share < 1.0, subject.name
        assert sprite[:, :, 0, 3].any(), "cut tightly on the left"


def test_no_two_poses_of_a_character_are_equal(source):
    for character in [s for s in source.subjects if s.role is Role.CHARACTER][::31]:
        poses = {pose.tobytes() for pose in source.sprite(character.id)}
        assert len(poses) == character.num_poses, character.name


def test_drawing_again_gives_the_same(source):
    other = BuiltinSource()
    for subject in source.subjects[::97]:
        np.testing.assert_array_equal(source.sprite(subject.id), other.sprite(subject.id))
    for place in source.backgrounds[::41]:
        np.testing.assert_array_equal(source.picture(place.id), other.picture(place.id))


def test_places_are_wide(source):
    picture = source.picture(source.backgrounds[0].id)
    assert picture.shape[1] >= 2 * picture.shape[0]
    assert picture.shape[2] == 3


def test_an_unknown_id_is_an_error(source):
    with pytest.raises(InputError, match="no asset is called 'builtin/nobody'"):
        source.sprite("builtin/nobody")
    with pytest.raises(InputError, match="nowhere"):
        source.picture("nowhere")


def test_a_source_travels_to_other_processes(source):
    twin = pickle.loads(pickle.dumps(source))
    assert twin.subjects == source.subjects
    key = source.subjects[0].id
    np.testing.assert_array_equal(twin.sprite(key), source.sprite(key))


def test_combined_sources_give_what_each_has(source):
    combined = CombinedSource([source])
    assert combined.subjects == source.subjects
    assert combined.sprite(source.subjects[5].id) is source.sprite(source.subjects[5].id)
    with pytest.raises(InputError, match="combine each source once"):
        CombinedSource([source, source])

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.splits import Split, assets_of
from skyreels_a2.training.fidelity.suite import NUM_DISTRACTORS, SOLID, Suite, inside


def held_out_ids():
    source = BuiltinSource()
    assets = (*source.subjects, *source.backgrounds)
    return {asset.id for asset in assets_of(assets, Split.HELD_OUT)}


def test_every_element_is_of_an_identity_that_nobody_was_trained_on(cases):
    assert {target.id for case in cases for target in case.targets} <= held_out_ids()


def test_a_case_has_a_character_that_goes_somewhere_and_a_background(cases):
    for case in cases:
        roles = [target.role for target in case.targets]
        assert roles.count(Role.CHARACTER) == roles.count(Role.BACKGROUND) == 1
        assert next(t for t in case.targets if t.role is Role.CHARACTER).direction is not None
        assert len(case.request.composition.references) == len(case.targets)


def test_references_and_video_fill_the_window_of_the_model(cases, suite):
    for case in cases:
        assert case.request.sampled_spec == suite.spec
        assert len(case.frames) == suite.spec.num_frames - 4 * len(case.targets)


def test_distractors_are_nineteen_and_look_like_no_element_of_the_case(cases):
    for case in cases:
        for target in case.targets:
            assert len(target.distractors) == NUM_DISTRACTORS
            own = np.asarray(target.picture)
            assert not any(np.array_equal(own, np.asarray(d)) for d in target.distractors)


def test_a_case_depends_on_seed_and_number_alone(cases, suite):
    again = replace(suite, count=100).case(2)
    assert np.array_equal(again.frames, cases[2].frames)
    assert again.request.seed == cases[2].request.seed
    other = replace(suite, seed=suite.seed + 1).case(2)
    assert other.request.composition.prompt != again.request.composition.prompt


class Netted(BuiltinSource):
    """Two of three objects are nets: lines, and what is behind them."""

    @cached_property
    def nets(self):
        objects = sorted(s.id for s in self.subjects if s.role is Role.OBJECT)
        return set(objects) - set(objects[::3])

    def sprite(self, subject_id):
        sprite = super().sprite(subject_id)
        if subject_id not in self.nets:
            return sprite
        rows, columns = np.indices(sprite.shape[1:3])
        lines = (rows % 20 < 6) | (columns % 20 < 6)
        return np.where(lines[..., None], sprite, 0)


def test_what_is_mostly_lines_is_not_asked_for():
    source = Netted()
    suite = Suite(source, count=16)
    objects = {target.id for case in suite for target in case.targets if target.role is Role.OBJECT}
    assert objects
    assert not objects & source.nets


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_a_share_of_a_mask_is_inside_and_thickening_it_only_adds(mask):
    share = inside(mask)
    assert 0 <= share < 1
    if mask.any():
        assert inside(mask.repeat(2, axis=0).repeat(2, axis=1)) >= share


def test_a_block_is_mostly_inside_and_lines_have_no_inside():
    assert inside(np.ones((20, 20), dtype=bool)) == 18 * 18 / 400 > SOLID
    assert inside(np.eye(20, dtype=bool)) == inside(np.zeros((3, 3), dtype=bool)) == 0


def test_a_source_with_too_few_assets_is_refused():
    class Few(BuiltinSource):
        @property
        def backgrounds(self):
            return super().backgrounds[:5]

    with pytest.raises(InputError, match="5 backgrounds"):
        Suite(Few())

from dataclasses import replace

import numpy as np
import pytest

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.splits import Split, assets_of
from skyreels_a2.training.fidelity.suite import NUM_DISTRACTORS, Suite


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


def test_a_source_with_too_few_assets_is_refused():
    class Few(BuiltinSource):
        @property
        def backgrounds(self):
            return super().backgrounds[:5]

    with pytest.raises(InputError, match="5 backgrounds"):
        Suite(Few())

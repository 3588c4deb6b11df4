import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2.elements import Role
from skyreels_a2.scenes.bonds import BONDS
from skyreels_a2.scenes.motions import MOTIONS, Lane, direction_of
from skyreels_a2.scenes.scene import Direction

U = np.linspace(0, 1, 33)


def poses(name, seed, lane=None):
    motion = MOTIONS[name]
    lane = lane or Lane(0.0, 1.0, 0.92, 0.5)
    return motion.trajectory(motion.plan(np.random.default_rng(seed), lane), U)


@pytest.mark.parametrize("name", [n for n, m in MOTIONS.items() if m.direction])
@given(seed=st.integers(0, 2**32), left=st.sampled_from([0.0, 0.5]))
def test_translations_lead_where_they_say(name, seed, left):
    way = poses(name, seed, Lane(left, left + 0.5, 0.9, 0.45))
    # In a frame of 160 x 96 pixels.
    points = np.stack([way.x * 160, way.foot * 96], axis=1)
    assert direction_of(tuple(points[0]), tuple(points[-1])) is MOTIONS[name].direction
    assert np.linalg.norm(points[-1] - points[0]) > 20


@pytest.mark.parametrize("name", [n for n, m in MOTIONS.items() if not m.direction])
@given(seed=st.integers(0, 2**32))
def test_other_motions_stay_about_their_place(name, seed):
    way = poses(name, seed)
    assert np.ptp(way.x) <= 0.41
    assert np.ptp(way.foot) <= 0.31


@given(seed=st.integers(0, 2**32))
def test_sizes_and_angles_do_what_the_name_says(seed):
    assert (np.diff(poses("grows", seed).scale) > 0).all()
    assert (np.diff(poses("shrinks", seed).scale) < 0).all()
    assert poses("spins", seed).angle[-1] >= 360
    assert np.ptp(poses("jumps", seed).foot) > 0.1
    assert poses("circles", seed).depth.min() < 0 < poses("circles", seed).depth.max()


def test_all_four_directions_are_there_for_both_roles():
    for role in (Role.CHARACTER, Role.OBJECT):
        assert {m.direction for m in MOTIONS.values() if role in m.verbs} == {*Direction, None}


def test_names_of_directions_are_never_those_of_the_other_side():
    for name, motion in MOTIONS.items():
        if motion.direction in {Direction.LEFT, Direction.RIGHT}:
            for verb in [v for verbs in motion.verbs.values() for v in verbs]:
                assert verb.endswith(motion.direction) or verb.split()[-2:] == [
                    "the",
                    {"left": "right", "right": "left"}[motion.direction],
                ], (name, verb)


def test_direction_of_a_point_is_none():
    assert direction_of((3, 4), (3, 4)) is None


def test_bonds_are_for_objects_or_both():
    assert all(Role.OBJECT in kind.roles for kind in BONDS.values())

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d

from skyreels_a2.training.equivariance import SCALES, SHARE, Window, distance

unit = st.floats(0, 1)


@given(unit, unit, st.sampled_from([1, 4, 8]))
def test_a_window_that_only_cuts_shows_the_same_of_a_video_and_of_its_latents(left, top, cell):
    latents = torch.rand(3, 2, 8, 8)
    video = latents.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    window = Window(left, top)
    cut = window.of(video, cell)
    assert cut.shape == (3, 2, 4 * cell, 4 * cell)
    torch.testing.assert_close(avg_pool2d(cut, cell), window.of(latents))


def test_all_of_the_video_can_be_cut_out():
    video = torch.arange(64.0).view(1, 1, 8, 8)
    corners = [Window(x, y).of(video) for x in (0.0, 1.0) for y in (0.0, 1.0)]
    assert corners[0][0, 0, 0, 0] == 0
    assert corners[-1][0, 0, -1, -1] == 63


def test_at_half_size_it_shows_everything_averaged():
    video = torch.rand(3, 2, 8, 8)
    shrunk = Window(0.3, 0.9, scale=0.5).of(video)
    torch.testing.assert_close(shrunk, avg_pool2d(video, 2))


def test_mirrored_it_is_the_mirror_image():
    video = torch.rand(3, 1, 8, 8)
    plain = Window(0.5, 0.2, scale=0.7).of(video)
    mirrored = Window(0.5, 0.2, scale=0.7, mirrored=True).of(video)
    torch.testing.assert_close(mirrored, plain.flip(-1))


@given(unit, unit, st.floats(*SCALES), st.booleans())
def test_a_shrunk_ramp_stays_a_ramp_and_inside(left, top, scale, mirrored):
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    shrunk = Window(left, top, scale, mirrored=mirrored).of(ramp)[0, 0]
    steps = shrunk.diff(dim=1)[:, 1:-1]
    assert steps.sign().eq(-1 if mirrored else 1).all()
    assert steps.abs().mean() == pytest.approx(1 / scale, rel=0.01)
    assert 0 <= shrunk.min() <= shrunk.max() <= 15


def test_about_half_of_the_windows_shrink():
    windows = [Window.draw(torch.Generator().manual_seed(seed)) for seed in range(400)]
    shrinking = [window for window in windows if window.shrinks]
    assert len(shrinking) / len(windows) == pytest.approx(SHARE, abs=0.1)
    assert all(SCALES[0] <= window.scale <= SCALES[1] for window in shrinking)
    assert {window.mirrored for window in shrinking} == {True, False}


def test_distance_is_in_units_of_variance_and_counts_where_it_should():
    wanted = torch.randn(2, 4, 2, 6, 6) * 10
    found = wanted + 10
    weight = torch.ones(2, 1, 2, 6, 6)
    assert distance(found, wanted, weight).tolist() == pytest.approx([1, 1], rel=0.2)
    elsewhere = wanted.clone()
    elsewhere[..., 0] += 100
    weight[..., 0] = 0
    assert distance(elsewhere, wanted, weight).tolist() == [0, 0]


def test_smaller_latents_are_not_nearer():
    found, wanted = torch.randn(1, 4, 1, 8, 8), torch.randn(1, 4, 1, 8, 8)
    weight = torch.ones(1, 1, 1, 8, 8)
    near = distance(found, wanted, weight)
    assert distance(found / 100, wanted / 100, weight).item() == pytest.approx(
        near.item(), rel=0.01
    )

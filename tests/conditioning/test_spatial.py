import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skyreels_a2.conditioning.spatial import (
    check_layout,
    denormalize,
    normalize,
    picture_tensor,
    reference_mask,
    reference_video,
)
from skyreels_a2.errors import CompositionError
from skyreels_a2.video import VideoSpec

layouts = st.integers(1, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(n + 1, n + 4)))


@given(layouts)
@settings(max_examples=30, deadline=None)
def test_reference_i_fills_latent_frame_i(layout):
    count, latent_frames = layout
    spec = VideoSpec(16, 16, 4 * (latent_frames - 1) + 1, 15)
    pictures = [torch.full((3, 16, 16), float(i + 1)) for i in range(count)]
    video = reference_video(pictures, spec)[0, 0, :, 0, 0]
    groups = [video[:1], *video[1:].split(4)]
    assert len(groups) == latent_frames
    for index, group in enumerate(groups):
        assert group.eq(index + 1 if index < count else 0).all()


@given(layouts)
@settings(max_examples=30, deadline=None)
def test_mask_is_ones_on_the_first_latent_frames_only(layout):
    count, latent_frames = layout
    mask = reference_mask(count, (latent_frames, 2, 3))
    assert mask.shape == (1, 4, latent_frames, 2, 3)
    assert mask[:, :, :count].eq(1).all()
    assert mask[:, :, count:].eq(0).all()


@pytest.mark.parametrize(("count", "frames"), [(1, 1), (2, 5), (5, 17)])
def test_references_that_leave_no_frame_are_refused(count, frames):
    with pytest.raises(CompositionError, match=f"at least {4 * count + 1} frames"):
        check_layout(count, VideoSpec(16, 16, frames, 15))


def test_a_reference_reaches_its_own_latent_frame_and_none_before(pipeline):
    spec = VideoSpec(32, 32, 17, 15)
    first, second, other = (torch.full((3, 32, 32), value) for value in (-1.0, 0.2, 0.9))
    with torch.no_grad():
        one = pipeline.vae.encode(reference_video([first, second], spec)).latent_dist.mean
        two = pipeline.vae.encode(reference_video([first, other], spec)).latent_dist.mean
    torch.testing.assert_close(one[:, :, 0], two[:, :, 0])
    assert (one[:, :, 1] - two[:, :, 1]).abs().max() > 1e-3


def test_normalize_and_denormalize_are_inverse(pipeline):
    latents = torch.randn(1, 16, 2, 4, 4)
    torch.testing.assert_close(denormalize(pipeline.vae, normalize(pipeline.vae, latents)), latents)


def test_picture_tensor_spans_minus_one_to_one():
    picture = Image.new("RGB", (4, 2), (0, 255, 51))
    tensor = picture_tensor(picture)
    assert tensor.shape == (3, 2, 4)
    assert tensor[:, 0, 0].tolist() == pytest.approx([-1.0, 1.0, -0.6])

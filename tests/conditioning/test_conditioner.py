from dataclasses import replace

import pytest
import torch

from skyreels_a2 import Composition, Element, VideoSpec
from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.conditioning.spatial import normalize, picture_tensor
from skyreels_a2.elements import Role
from skyreels_a2.errors import CompositionError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture

SPEC = VideoSpec(32, 32, 21, 15)


def encode(pipeline, *elements, **options):
    references = Composition("x", elements).references
    return pipeline.conditioner().references(references, SPEC, **options)


def draw(pipeline, encoded):
    return pipeline.conditioner().condition(encoded, torch.Generator().manual_seed(1))


def test_role_not_position_decides_the_fit(pipeline, pictures):
    wide = pictures[2]
    as_background = encode(pipeline, Element.background(wide), Element.object(pictures[0]))
    as_object = encode(pipeline, Element.object(wide), Element.object(pictures[0]))
    swapped = encode(pipeline, Element.object(pictures[0]), Element.background(wide))
    assert (
        as_background.posterior.mean[:, :, 0] - as_object.posterior.mean[:, :, 0]
    ).abs().max() > 0.01
    # The first latent frame of a video is the picture alone, so a fit can be compared by it.
    object_first = encode(pipeline, Element.object(pictures[0]))
    torch.testing.assert_close(
        swapped.posterior.mean[:, :, 0], object_first.posterior.mean[:, :, 0]
    )


def test_several_pictures_of_an_element_are_several_references(pipeline, pictures):
    together = encode(pipeline, Element.character(pictures[:2]), Element.object(pictures[2]))
    apart = encode(pipeline, *(Element.object(picture) for picture in pictures[:3]))
    torch.testing.assert_close(together.image_embeds, apart.image_embeds)
    torch.testing.assert_close(together.posterior.mean, apart.posterior.mean)


def test_strength_draws_towards_no_reference(pipeline, pictures):
    strengths = (1.0, 0.5, 1e-6)
    full, half, none = (
        encode(pipeline, Element.character(pictures[0], strength=s), with_absent=True)
        for s in strengths
    )
    absent = full.absent
    drawn = [draw(pipeline, encoded) for encoded in (full, half, none)]
    distances = [(c[:, 4:, 0] - absent[:, :, 0]).abs().mean() for c in drawn]
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] < 1e-4
    assert half.mask[0, 0, 0, 0, 0] == 0.5
    torch.testing.assert_close(half.image_embeds, full.image_embeds * 0.5)


def test_dropped_references_leave_no_trace(pipeline, pictures):
    conditioner = pipeline.conditioner()
    told = []
    for picture in pictures[:2]:
        encoded = encode(pipeline, Element.character(picture), with_absent=True)
        full = Conditioning(conditioner.text("x"), encoded.image_embeds, draw(pipeline, encoded))
        told.append(conditioner.without_references(full, encoded.absent))
    torch.testing.assert_close(told[0].condition, told[1].condition)
    assert told[0].image_embeds.eq(0).all()
    assert told[0].condition[:, :4].eq(0).all()
    assert told[0].condition.shape == full.condition.shape


@pytest.fixture
def holding(pipeline, monkeypatch):
    """The pipeline as of a model that holds each reference for three latent frames."""
    monkeypatch.setattr(pipeline, "defaults", replace(pipeline.defaults, held_frames=3))
    return pipeline


def test_held_references_are_told_alike_in_any_company(holding, pictures):
    first, second = (Element.object(picture) for picture in pictures[:2])
    alone, here = encode(holding, second), encode(holding, first, second)
    there = encode(holding, second, first)
    wanted = alone.posterior.mean[:, :, 0]
    torch.testing.assert_close(here.posterior.mean[:, :, 1], wanted)
    torch.testing.assert_close(there.posterior.mean[:, :, 0], wanted)
    assert here.posterior.mean.shape == (1, 16, 6, 4, 4)


def test_a_held_reference_has_the_latents_of_a_still_video(holding, pictures):
    conditioner = holding.conditioner()
    encoded = encode(holding, Element.object(pictures[0]))
    picture = picture_tensor(
        fit(open_picture(pictures[0]).image, Role.OBJECT, SPEC.width, SPEC.height)
    )
    with torch.no_grad():
        still = conditioner.vae.encode(picture[None, :, None].expand(1, 3, 9, 32, 32)).latent_dist
    torch.testing.assert_close(encoded.posterior.mean[:, :, 0], still.mean[:, :, 2])
    absent = conditioner.absent_latents(SPEC)
    torch.testing.assert_close(absent, absent[:, :, :1].expand_as(absent))
    torch.testing.assert_close(
        normalize(conditioner.vae, encoded.posterior.mode())[:, :, 1:], absent[:, :, 1:]
    )


def test_text_of_another_length_than_512_is_refused():
    with pytest.raises(CompositionError, match="511 tokens"):
        Conditioning(torch.zeros(1, 511, 8), torch.zeros(1, 5, 8), torch.zeros(1, 20, 2, 4, 4))

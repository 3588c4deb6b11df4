from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from skyreels_a2.elements import Role
from skyreels_a2.media.fit import fit
from skyreels_a2.training.examples import Example, encode, shuffled


def test_an_example_holds_what_the_sampler_would_be_told(pipeline, triplets):
    triplet = triplets.triplet(0)
    example = encode(pipeline.conditioner(), triplet, torch.Generator().manual_seed(0))
    count = int(example.num_references)
    assert example.latent_mean.shape == example.condition_mean.shape == (16, 5, 4, 6)
    assert example.image_embeds.shape == (count * 257, 40)
    text = pipeline.conditioner().text(triplet.composition.text)[0]
    torch.testing.assert_close(example.padded_prompt, text)


def test_an_example_knows_where_its_subjects_are(pipeline, triplets):
    triplet = triplets.triplet(0)
    share = encode(pipeline.conditioner(), triplet, torch.Generator()).subjects
    assert share.shape == (5, 4, 6)
    for latent_frame, frames in ((0, slice(0, 1)), (1, slice(1, 5)), (4, slice(13, 17))):
        assert share[latent_frame].mean() == pytest.approx(triplet.subjects[frames].mean())
    assert 0 < share.mean() < 0.6
    left = np.flatnonzero(triplet.subjects[0].any(axis=0))[0] // 8
    assert np.flatnonzero(share[0].numpy().any(axis=0))[0] == left


def test_an_example_of_unknown_subjects_has_none(pipeline, triplets):
    triplet = replace(triplets.triplet(0), subjects=None)
    example = encode(pipeline.conditioner(), triplet, torch.Generator())
    assert example.subjects.eq(0).all()
    older = {k: v for k, v in example.tensors().items() if k != "subjects"}
    assert torch.equal(Example.of(older).subjects, example.subjects)


def test_references_come_in_any_order_and_sometimes_one_is_missing(triplets):
    references = next(
        references
        for number in range(12)
        if len(references := triplets.triplet(number).composition.references) == 3
    )
    orders = [shuffled(references, torch.Generator().manual_seed(seed)) for seed in range(300)]
    sizes = Counter(len(order) for order in orders)
    assert set(sizes) == {2, 3}
    assert 10 < sizes[2] < 60
    firsts = Counter(id(order[0].element) for order in orders)
    assert min(firsts.values()) > 60


def test_an_older_cache_knows_no_roles(pipeline, triplets):
    example = encode(pipeline.conditioner(), triplets.triplet(0), torch.Generator())
    tensors = example.tensors()
    assert example.padded_roles.shape == example.padded_prompt.shape
    del tensors["role_embeds"], tensors["subjects"], tensors["places"]
    older = Example.of(tensors)
    assert older.places.eq(0).all()
    assert older.padded_roles is None
    assert older.subjects.shape == older.latent_mean.shape[1:]


def test_places_come_in_the_order_of_the_references(pipeline, triplets):
    triplet = triplets.triplet(0)
    count = len(triplet.composition.references)
    for seed in range(4):
        order = shuffled(range(count), torch.Generator().manual_seed(seed))
        example = encode(pipeline.conditioner(), triplet, torch.Generator().manual_seed(seed))
        assert example.places.shape == (len(order), 3, 5, 4, 6)
        for place, number in enumerate(order):
            shares = torch.from_numpy(triplet.places[number, 0, 0])
            assert example.places[place, 0, 0].mean() == pytest.approx(float(shares.mean()))


def test_margins_are_the_white_beside_subjects(pipeline, triplets):
    triplet = triplets.triplet(0)
    count = len(triplet.composition.references)
    order = shuffled(range(count), torch.Generator().manual_seed(0))
    example = encode(pipeline.conditioner(), triplet, torch.Generator().manual_seed(0))
    for number, (left, right) in zip(order, example.margins.tolist(), strict=True):
        reference = triplet.composition.references[number]
        if reference.role is Role.BACKGROUND:
            assert (left, right) == (0, 0)
            continue
        # A square on white in a picture of 48x32: a cell of eight pixels on either side at least.
        assert left >= 1
        assert right >= 1
        pixels = np.asarray(fit(reference.picture, reference.role, 48, 32))
        assert pixels[:, : 8 * left].min() > 240
        assert pixels[:, : 8 * (left + 1)].min() < 250


def test_a_moved_reference_is_found_where_its_places_say(pipeline, triplets):
    example = encode(pipeline.conditioner(), triplets.triplet(0), torch.Generator().manual_seed(0))
    width = example.latent_mean.shape[-1]
    seen = set()
    for seed in range(24):
        moved = example.moved(torch.Generator().manual_seed(seed))
        assert torch.equal(moved.latent_mean, example.latent_mean)
        for number, margins in enumerate(example.margins.tolist()):
            now, before = moved.condition_mean[:, number], example.condition_mean[:, number]
            share, across, down = example.places[number]
            if sum(margins) == 0 or not share.any():
                assert torch.equal(now, before)
                continue
            known = share > 0.01
            columns = [
                (there[known] / share[known] * width).long().clamp(0, width - 1)
                for there in (across, moved.places[number, 1])
            ]
            rows = (down[known] / share[known] * now.shape[-2]).long().clamp(0, now.shape[-2] - 1)
            # On the line between two cells mirroring may fall to the other side.
            clear = (across[known] / share[known] * width % 1 - 0.5).abs() < 0.49
            assert torch.equal(
                now[:, rows, columns[1]][:, clear], before[:, rows, columns[0]][:, clear]
            )
            seen.add((number, tuple(now.flatten()[:64].tolist())))
    assert len(seen) > 4

from collections import Counter

import torch

from skyreels_a2.training.examples import encode, shuffled


def test_an_example_holds_what_the_sampler_would_be_told(pipeline, triplets):
    triplet = triplets.triplet(0)
    example = encode(pipeline.conditioner(), triplet, torch.Generator().manual_seed(0))
    count = int(example.num_references)
    assert example.latent_mean.shape == example.condition_mean.shape == (16, 5, 4, 6)
    assert example.image_embeds.shape == (count * 257, 40)
    text = pipeline.conditioner().text(triplet.composition.text)[0]
    torch.testing.assert_close(example.padded_prompt, text)


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

import pytest
import torch

from skyreels_a2.errors import SamplingError
from skyreels_a2.runtime.seeds import drawn_seed, generator, of_step, one_per_video


def test_a_seed_is_the_same_noise_every_time():
    first, second = (torch.randn(5, generator=generator(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.randn(5, generator=generator(8)))


def test_noise_of_a_step_is_the_same_in_every_run_and_unlike_that_of_others():
    first, again = (drawn_seed(generator(7)) for _ in range(2))
    assert first == again
    drawn = {
        (seed, step): torch.randn(4, generator=source)
        for step in range(3)
        for seed, source in zip(
            (first, 0, 2**62 - 1), of_step((first, 0, 2**62 - 1), step), strict=True
        )
    }
    assert torch.equal(drawn[first, 2], torch.randn(4, generator=of_step([again], 2)[0]))
    assert len({tuple(noise.tolist()) for noise in drawn.values()}) == 9


def test_one_generator_serves_all_and_a_list_gives_each_its_own():
    one, many = generator(1), [generator(1), generator(2)]
    assert one_per_video(one, 3) == [one] * 3
    assert one_per_video(many, 2) == many
    assert one_per_video(None, 2) == [None, None]


def test_a_list_of_another_length_is_refused():
    with pytest.raises(SamplingError, match="2 generators were given for 3 videos"):
        one_per_video([generator(1), generator(2)], 3)

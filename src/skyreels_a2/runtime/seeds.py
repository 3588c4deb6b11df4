"""Seeds: one number names one video, whatever the batch, device or order.

Noise is always drawn on the CPU, whose generator gives the same numbers everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from skyreels_a2.errors import SamplingError


def generator(seed: int) -> torch.Generator:
    """A CPU generator that starts at a seed."""
    return torch.Generator("cpu").manual_seed(seed)


def drawn_seed(source: torch.Generator | None) -> int:
    """A seed that a generator draws, PyTorch's own if None."""
    device = "cpu" if source is None else source.device
    return int(torch.randint(2**62, (), generator=source, device=device))


def of_step(seeds: Sequence[int], step: int) -> list[torch.Generator]:
    """A generator for each seed, for the noise of one step: the same in a run that was resumed."""
    mixed = (np.random.SeedSequence((seed, step)).generate_state(1, np.uint64) for seed in seeds)
    return [generator(int(state[0]) % 2**63) for state in mixed]


def one_per_video(
    generators: torch.Generator | Sequence[torch.Generator] | None, num_videos: int
) -> list[torch.Generator | None]:
    """Spread what the caller gave over the videos of a batch.

    A single generator serves the videos one after the other, so that the first of a batch is what
    it would be alone; a list gives each its own.

    Raises:
        SamplingError: A list of another length than the batch.
    """
    if generators is None or isinstance(generators, torch.Generator):
        return [generators] * num_videos
    if len(generators) != num_videos:
        raise SamplingError(
            f"{len(generators)} generators were given for {num_videos} videos: "
            "give one, or one for each video"
        )
    return list(generators)

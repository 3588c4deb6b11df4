"""Requests and engines shared by the tests of the inference path."""

import numpy as np
import pytest

from skyreels_a2 import Composition, Element, GenerationRequest, Sampling, VideoSpec


@pytest.fixture
def request_of(pictures):
    """Small requests of the tiny pipeline."""

    def make(*, frames=9, steps=2, seed=3, references=2, **sampling):
        roles = [Element.character, Element.object, Element.background]
        elements = tuple(roles[i](pictures[i]) for i in range(references))
        return GenerationRequest(
            Composition("a bear waves", elements),
            VideoSpec(32, 32, frames, 15),
            seed,
            Sampling(num_inference_steps=steps, negative_prompt="", **sampling),
        )

    return make


@pytest.fixture
def frames_of():
    """All frames of a request."""

    def make(pipeline, request, **options):
        return np.concatenate(list(pipeline.stream(request, **options)))

    return make

"""Raw videos with truth at tiny size, and a data set built of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from material import HERE, SMALL

from skyreels_a2.data.build import build
from skyreels_a2.scenes.dataset import render_dataset
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.truth import Truth


@pytest.fixture(scope="session")
def raw(tmp_path_factory) -> Path:
    """Three raw videos of two shots each, with truth; do not change it."""
    folder = tmp_path_factory.mktemp("raw")
    render_dataset(BuiltinSource(), folder, count=3, seed=5, spec=SMALL)
    return folder


@pytest.fixture(scope="session")
def truths(raw) -> list[Truth]:
    return [Truth.from_json(p.read_text("utf-8")) for p in sorted((raw / "truth").iterdir())]


@pytest.fixture(scope="session")
def dataset(raw, tmp_path_factory) -> Path:
    """A data set of the raw videos; do not change it."""
    folder = tmp_path_factory.mktemp("built") / "dataset"
    build(raw / "videos", folder, HERE)
    return folder


@pytest.fixture
def scene_frames():
    """25 frames of a noisy, detailed place over which a red square moves to the right."""
    rng = np.random.default_rng(0)
    place = np.kron(rng.integers(60, 200, (20, 32, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = np.repeat(place[None], 25, axis=0)
    for number, frame in enumerate(frames):
        frame[60:120, 20 + 6 * number : 70 + 6 * number] = (230, 20, 20)
    return frames

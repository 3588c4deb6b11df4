"""Validation by sampling: what the transformer makes of held-out compositions, to be looked at.

Where the compositions are scenes, the fidelity measures say what is in the videos, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from skyreels_a2.media.images import open_picture
from skyreels_a2.media.sheets import Cell, reference_column, sheet
from skyreels_a2.request import Composer, GenerationRequest, Sampling
from skyreels_a2.training.fidelity.measures import judge
from skyreels_a2.training.fidelity.study import COMPOSED, Answer, rates
from skyreels_a2.training.fidelity.suite import Suite
from skyreels_a2.training.triplets import Triplets
from skyreels_a2.video import Frames

NUM_SAMPLES = 4
_SHOWN_FRAMES = 4


class Samples(Protocol):
    """Videos made while a model trains."""

    def __call__(self, folder: Path, step: int) -> dict[str, float]:
        """Make them, leave a sheet in the folder, and give figures."""
        ...


class SceneSamples:
    """Held-out scenes: a sheet, and the shares of elements, backgrounds and directions found.

    Args:
        composer: The pipeline whose transformer is trained.
        suite: A few cases.
    """

    def __init__(self, composer: Composer, suite: Suite) -> None:
        self._composer, self._suite = composer, suite

    def __call__(self, folder: Path, step: int) -> dict[str, float]:
        """See `Samples`."""
        answers, videos = [], []
        for case in self._suite:
            frames = self._composer.generate(case.request).video.frames
            videos.append((case.request, frames))
            answers.append(Answer(COMPOSED, case.number, judge(case, frames)))
        save_sheet(videos, folder, step)
        return {name: rate.value for name, rate in rates(answers, COMPOSED).items()}


class TripletSamples:
    """The last triplets of a data set, sampled from their references: a sheet.

    Args:
        composer: The pipeline whose transformer is trained.
        triplets: Data set.
        sampling: How it samples.
        count: Videos.
    """

    def __init__(
        self,
        composer: Composer,
        triplets: Triplets,
        sampling: Sampling,
        *,
        count: int = NUM_SAMPLES,
    ) -> None:
        self._composer, self._triplets, self._sampling = composer, triplets, sampling
        self._count = min(count, len(triplets))

    def __call__(self, folder: Path, step: int) -> dict[str, float]:
        """See `Samples`."""
        videos = []
        for number in range(len(self._triplets) - self._count, len(self._triplets)):
            triplet = self._triplets.triplet(number)
            composition, spec = triplet.composition, triplet.video.spec
            delivered = spec.with_references(-len(composition.references))
            request = GenerationRequest(composition, delivered, number, self._sampling)
            videos.append((request, self._composer.generate(request).video.frames))
        save_sheet(videos, folder, step)
        return {}


def save_sheet(videos: Sequence[tuple[GenerationRequest, Frames]], folder: Path, step: int) -> None:
    """Write `sampled-STEP.png`: references, frames and prompt of each video in a row."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet([_cells(*video) for video in videos]).save(folder / f"sampled-{step:08d}.png")


def _cells(request: GenerationRequest, frames: Frames) -> list[Cell]:
    """The references, then frames of the video, the first with the prompt."""
    references = request.composition.references
    pictures = [open_picture(reference.picture).image for reference in references]
    names = [reference.element.name or "" for reference in references]
    column = reference_column(pictures, names, 2 * frames.shape[1])
    places = np.linspace(0, len(frames) - 1, _SHOWN_FRAMES).round().astype(int)
    shown = [Cell(Image.fromarray(frames[place])) for place in places]
    prompt = Cell(shown[0].image, request.composition.text)
    return [Cell(Image.fromarray(column)), prompt, *shown[1:]]

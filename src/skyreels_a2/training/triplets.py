"""Where training examples come from: scenes rendered on the fly, or a manifest of files.

An example has a number, and the number decides all of it. What is broken is reported once,
counted, and replaced by its neighbour; it never ends a run.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from skyreels_a2.conditioning.spatial import check_layout
from skyreels_a2.data.exchange.rows import TRIPLETS, TripletRow
from skyreels_a2.elements import Composition, Element
from skyreels_a2.errors import InputError, SkyReelsA2Error, one_line
from skyreels_a2.media.images import open_picture
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.dyes import dyed_in_turn
from skyreels_a2.scenes.places import places
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import TRAINING, SceneSpec
from skyreels_a2.scenes.splits import Split
from skyreels_a2.training.buckets import choose_bucket, read_clipped
from skyreels_a2.triplet import Triplet
from skyreels_a2.video import VideoSpec

logger = logging.getLogger(__name__)

SCENES = replace(
    TRAINING,
    characters=(1, 1),
    objects=(0, 1),
    light_changes=0.15,
    translating=0.8,
    nearness=1.25,
    alike=0.25,
)
"""One character, perhaps an object, and a background: at most three references. Large in the
frame, since the latents of a small model hold little of what is small."""


class Triplets(Protocol):
    """A numbered set of examples."""

    def __len__(self) -> int: ...

    def triplet(self, number: int) -> Triplet:
        """The example of a number from 0."""
        ...


class SceneTriplets:
    """Scenes made up as they are asked for.

    Every second one is dyed and its caption says roles only: a model has to look at its references.

    Args:
        source: Assets.
        spec: What kind of scenes.
        split: The side of the split.
        count: How many there are; scene i has the seed `start + i`.
        start: First seed.
    """

    def __init__(
        self,
        source: AssetSource,
        *,
        spec: SceneSpec = SCENES,
        split: Split = Split.TRAIN,
        count: int = 1_000_000,
        start: int = 0,
    ) -> None:
        self._source, self._spec, self._split = source, spec, split
        self._count, self._start = count, start

    def __len__(self) -> int:
        return self._count

    def triplet(self, number: int) -> Triplet:
        """The scene of a number."""
        seed = self._start + number
        scene = sample_scene(self._source, seed, split=self._split, spec=self._spec)
        source = dyed_in_turn(self._source, seed)
        rendered = render(scene, source)
        composition = rendered.composition
        if source is not self._source:
            composition = composition.by_roles()
        return Triplet(composition, rendered.video, rendered.subjects(), places(rendered))


class ManifestTriplets:
    """The rows of a folder's `triplets.jsonl`.

    Args:
        folder: A data set.
        buckets: Rates, sizes and lengths that videos are brought to, each to the nearest: frames
            are taken from the start, resized to cover.

    Attributes:
        dropped: Reasons for rows that were left out, with their counts.

    Raises:
        InputError: No manifest, or not one good row in it.
    """

    def __init__(self, folder: Path, *buckets: VideoSpec) -> None:
        self._folder, self._buckets = folder, buckets
        self.dropped: Counter[str] = Counter()
        self._rows = self._read(folder / TRIPLETS)

    def __len__(self) -> int:
        return len(self._rows)

    def triplet(self, number: int) -> Triplet:
        """The row of a number, or the next that is whole."""
        for index in range(number, number + len(self._rows)):
            row = self._rows[index % len(self._rows)]
            try:
                return self._open(row)
            except (SkyReelsA2Error, OSError) as error:
                self._drop("broken files", f"{row.video}: {one_line(error)}")
        raise InputError(f"{self._folder}: not one of {len(self._rows)} triplets can be opened")

    def _read(self, path: Path) -> list[TripletRow]:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        rows = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(TripletRow.model_validate_json(line))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"])) or "row"
                self._drop("wrong rows", f"{path}:{number}: {where}: {first['msg']}")
        if not rows:
            raise InputError(f"{path} has no row that can be used")
        return rows

    def _drop(self, reason: str, detail: str) -> None:
        self.dropped[reason] += 1
        if self.dropped[reason] <= 10:
            logger.warning("left out (%s, %d so far): %s", reason, self.dropped[reason], detail)

    def _open(self, row: TripletRow) -> Triplet:
        elements = tuple(
            Element(e.role, tuple(self._folder / p for p in e.pictures), e.name, e.description)
            for e in row.elements
        )
        composition = Composition(row.prompt, elements)
        for reference in composition.references:
            open_picture(reference.picture)
        video = self._folder / row.video
        spec = choose_bucket(video, self._buckets)
        check_layout(len(composition.references), spec)
        return Triplet(composition, read_clipped(video, spec))

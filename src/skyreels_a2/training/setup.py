"""What a training starts from: the model, the data, and where each part of the model lives."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from skyreels_a2.data.exchange.rows import TRIPLETS
from skyreels_a2.errors import InputError
from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.runtime.convolutions import channels_last
from skyreels_a2.scenes.assets import AssetSource
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.training.buckets import read_buckets
from skyreels_a2.training.cache import CACHE_SETTINGS, CachedExamples, LiveExamples
from skyreels_a2.training.fidelity.suite import Suite
from skyreels_a2.training.flow import Examples
from skyreels_a2.training.samples import NUM_SAMPLES, Samples, SceneSamples, TripletSamples
from skyreels_a2.training.triplets import ManifestTriplets, SceneTriplets, Triplets
from skyreels_a2.video import VideoSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a recipe starts from.

    Attributes:
        model: Embedded name, folder or hub id of the model to go on from.
        data: `scenes:SOURCE`, a folder with `triplets.jsonl`, or a cache.
        device: Where it trains.
        lora_rank: Rank of the `lora` recipe.
        assets: Cache folder of fetched scene assets; the user's own if None.
        buckets: `WIDTHxHEIGHTxFRAMES` that a manifest's videos are brought to; the video that the
            model samples if there is none.
    """

    model: str
    data: str
    device: torch.device
    lora_rank: int = 64
    assets: Path | None = None
    buckets: tuple[str, ...] = ()

    @property
    def spec(self) -> VideoSpec:
        """The video that the model samples."""
        return ModelDefaults.of_folder(model_folder(self.model)).spec

    def pipeline(self) -> SkyReelsA2Pipeline:
        """The model, in full precision, on the device."""
        pipeline = self._loaded()
        pipeline.to(self.device)
        return pipeline

    def pipeline_for_flow(self) -> SkyReelsA2Pipeline:
        """The model in the host's memory; its encoders on the device where they are always needed.

        That is where examples are encoded as they are asked for. With a cache they come there when
        videos are sampled, and the device holds nothing else beside the transformer's training.
        """
        pipeline = self._loaded()
        if not self._is_cached:
            for part in encoders(pipeline):
                part.to(self.device)
        return pipeline

    def _loaded(self) -> SkyReelsA2Pipeline:
        pipeline = SkyReelsA2Pipeline.from_pretrained(self.model, precision="fp32")
        if self.device.type == "cpu":
            channels_last(pipeline.vae)
        return pipeline

    @property
    def _is_cached(self) -> bool:
        return (Path(self.data) / CACHE_SETTINGS).is_file()

    def source(self) -> AssetSource:
        """The assets of `scenes:SOURCE`, for recipes that need more than triplets.

        Raises:
            InputError: The data are no scenes.
        """
        kind, _, rest = self.data.partition(":")
        if kind != "scenes":
            raise InputError(
                f"this recipe trains on scenes, not on {self.data!r}: give --data scenes:builtin"
            )
        return open_source(rest or "builtin", cache=self.assets)

    def triplets(self) -> Triplets:
        """The data as triplets.

        Raises:
            InputError: Neither scenes nor a manifest.
        """
        if self.data.startswith("scenes:"):
            return SceneTriplets(self.source())
        if (Path(self.data) / TRIPLETS).is_file():
            buckets = read_buckets(self.buckets, self.spec.fps) or (self.spec,)
            return ManifestTriplets(Path(self.data), *buckets)
        raise InputError(
            f"data {self.data!r} is neither scenes:SOURCE nor a folder with {TRIPLETS}"
        )

    def samples(self, pipeline: SkyReelsA2Pipeline) -> Samples | None:
        """What to make at a validation: held-out scenes, or the last triplets of a manifest.

        None, with a warning, where what a cache was made of is not there any more.
        """
        try:
            return Visiting(self._samples(pipeline), encoders(pipeline), self.device)
        except InputError as error:
            logger.warning("no videos are sampled at validations: %s", error)
            return None

    def _samples(self, pipeline: SkyReelsA2Pipeline) -> Samples:
        pipeline.set_progress_bar_config(disable=True)
        sampling = ModelDefaults.of_folder(model_folder(self.model)).sampling
        origin = self.origin
        if not origin.startswith("scenes:"):
            triplets = replace(self, data=origin).triplets()
            return TripletSamples(pipeline, triplets, sampling)
        source = replace(self, data=origin).source()
        suite = Suite(source, count=NUM_SAMPLES, spec=self.spec, sampling=sampling)
        return SceneSamples(pipeline, suite)

    @property
    def origin(self) -> str:
        """The data, or those that a cache was made of."""
        if not self._is_cached:
            return self.data
        settings = (Path(self.data) / CACHE_SETTINGS).read_text(encoding="utf-8")
        return str(json.loads(settings)["data"])

    def examples(self, pipeline: SkyReelsA2Pipeline) -> Examples:
        """The data as encoded examples: those of a cache, or made as they are asked for."""
        if self._is_cached:
            return CachedExamples(Path(self.data))
        return LiveExamples(pipeline.conditioner(), self.triplets())


@dataclass(frozen=True, slots=True)
class Visiting:
    """Samples for which modules come to a device, and leave it afterwards.

    Attributes:
        samples: What needs them.
        modules: They return to where each was.
        device: Where they are needed.
    """

    samples: Samples
    modules: Sequence[nn.Module]
    device: torch.device

    def __call__(self, folder: Path, step: int) -> dict[str, float]:
        """See `Samples`."""
        homes = [next(module.parameters()).device for module in self.modules]
        try:
            for module in self.modules:
                module.to(self.device)
            return self.samples(folder, step)
        finally:
            for module, home in zip(self.modules, homes, strict=True):
                module.to(home)


def encoders(pipeline: SkyReelsA2Pipeline) -> list[nn.Module]:
    """All models of a pipeline but the transformer, those that it has."""
    parts = (pipeline.text_encoder, pipeline.image_encoder, pipeline.vae)
    return [part for part in parts if part is not None]

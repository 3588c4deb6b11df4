"""Making videos: requests and a model in, files out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.cli.console import Bars
from skyreels_a2.cli.model import ModelChoice
from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import write_aside
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.sheets import beside, reference_column
from skyreels_a2.media.videos import check_output, open_writer
from skyreels_a2.request import GenerationRequest
from skyreels_a2.runtime.parallelism import rank
from skyreels_a2.video import Frames, VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.pipeline.checkpoints import Checkpoint
    from skyreels_a2.pipeline.latent_preview import LatentPreview

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """One video that is to be made.

    Attributes:
        request: What decides it.
        output: Where it goes.
        side_by_side: Put the references beside the frames.
    """

    request: GenerationRequest
    output: Path
    side_by_side: bool = False

    def manifest(self, choice: ModelChoice) -> Manifest:
        """What the file will say of its making."""
        record = choice.record(self.request.delivered_spec)
        return Manifest.of(self.request, record, side_by_side=self.side_by_side)


@dataclass(frozen=True, slots=True)
class Watching:
    """What is kept and shown while a video is sampled.

    Attributes:
        checkpoint_every: Steps between states on disk; None for none.
        preview_every: Steps between small pictures; None for none.
    """

    checkpoint_every: int | None = None
    preview_every: int | None = None

    def check(self, step_cache: str | None) -> None:
        """Find what cannot be before anything loads.

        Raises:
            InputError: States beside a step cache, or numbers below 1.
        """
        for name in ("checkpoint_every", "preview_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name.replace('_', '-')} {value}: use 1 or more")
        if self.checkpoint_every is not None and step_cache is not None:
            raise InputError(
                f"--checkpoint-every cannot keep what the step cache {step_cache} remembers, and "
                "the frames would differ after a stop: use one of the two"
            )

    def checkpoint(self, target: Target, choice: ModelChoice) -> Checkpoint | None:
        """Beside the output, named after it."""
        if self.checkpoint_every is None:
            return None
        from skyreels_a2.pipeline.checkpoints import Checkpoint

        path = target.output.with_name(f"{target.output.name}.state")
        identity = target.manifest(choice).identity()
        # Under torchrun all go on from the same step, and the first one writes.
        return Checkpoint(path, self.checkpoint_every, identity, writes=rank() == 0)

    def preview(self, target: Target) -> LatentPreview | None:
        """A strip of small frames beside the output, replaced at every look."""
        if self.preview_every is None or rank() > 0:
            return None
        from skyreels_a2.pipeline.latent_preview import LatentPreview

        path = target.output.with_name(f"{target.output.name}.preview.png")
        return LatentPreview(self.preview_every, lambda _, frames: save_strip(frames, path))


NOTHING_WATCHED = Watching()


@dataclass(frozen=True, slots=True)
class Making:
    """What holds for every video of a batch.

    Attributes:
        side_by_side: Put the references beside the frames.
        overwrite: Make videos again that are there with other settings.
        watching: What is kept and shown meanwhile.
    """

    side_by_side: bool = False
    overwrite: bool = False
    watching: Watching = NOTHING_WATCHED


def save_strip(frames: Frames, path: Path, *, at_most: int = 8, side: int = 192) -> None:
    """Some frames side by side as a picture."""
    places = np.linspace(0, len(frames) - 1, min(at_most, len(frames)))
    chosen = frames[places.round().astype(int)]
    height = chosen.shape[1]
    scale = max(1, round(side / height))
    strip = Image.fromarray(np.concatenate(list(chosen), axis=1))
    large = strip.resize((strip.width * scale, height * scale), Image.Resampling.BICUBIC)
    with write_aside(path, overwrite=True) as aside:
        large.save(aside, "PNG")


def check_target(target: Target, *, overwrite: bool) -> None:
    """Find what would stop a video before any model is loaded; say what is allowed but odd.

    Raises:
        InputError: A picture that cannot be used, or an output that cannot be written.
    """
    for reference in target.request.composition.references:
        for remark in open_picture(reference.picture).remarks:
            logger.warning("%s", remark)
    for remark in target.request.composition.remarks():
        logger.warning("%s", remark)
    check_output(target.output, overwrite=overwrite)


def make(
    pipeline: SkyReelsA2Pipeline,
    choice: ModelChoice,
    target: Target,
    *,
    bars: Bars,
    overwrite: bool,
    watching: Watching = NOTHING_WATCHED,
) -> None:
    """Sample, decode and write one video; the file appears when it is complete.

    Under torchrun every process takes part, and the first one writes.

    Raises:
        OutputError: The disk is full, or the folder is gone.
        MemoryLimitError: It does not fit into memory.
    """
    bars.start_video()
    spec = target.request.delivered_spec
    if choice.tiles(spec):
        pipeline.vae.enable_tiling()
    else:
        pipeline.vae.disable_tiling()
    metadata = target.manifest(choice).metadata()
    checkpoint = watching.checkpoint(target, choice)
    preview = watching.preview(target)
    frames = pipeline.stream(
        target.request, on_progress=bars, checkpoint=checkpoint, preview=preview
    )
    if rank() > 0:
        for _ in frames:
            pass
        return
    with ExitStack() as stack:
        if target.side_by_side:
            frames, spec = _beside_references(target.request, frames, spec)
        # Opened with the first frames: sampling may take hours, and a kill then leaves nothing.
        writer = None
        for chunk in frames:
            writer = writer or stack.enter_context(
                open_writer(target.output, spec, metadata=metadata, overwrite=overwrite)
            )
            writer.write(chunk)
    if checkpoint is not None:
        checkpoint.remove()


def _beside_references(
    request: GenerationRequest, frames: Iterator[Frames], spec: VideoSpec
) -> tuple[Iterator[Frames], VideoSpec]:
    references = request.composition.references
    column = reference_column(
        [open_picture(reference.picture).image for reference in references],
        [reference.label for reference in references],
        spec.height,
    )
    wide = VideoSpec(spec.width + column.shape[1], spec.height, spec.num_frames, spec.fps)
    return (beside(chunk, column) for chunk in frames), wide

"""Making videos: requests and a model in, files out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyreels_a2.cli.console import Bars
from skyreels_a2.cli.model import ModelChoice
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.sheets import beside, reference_column
from skyreels_a2.media.videos import check_output, open_writer
from skyreels_a2.request import GenerationRequest
from skyreels_a2.video import Frames, VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline

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
) -> None:
    """Sample, decode and write one video; the file appears when it is complete.

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
    frames = pipeline.stream(target.request, on_progress=bars)
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

"""Masks through a shot by SAM2: a box in one frame, the thing's mask in all of them.

transformers' processors for SAM2 need torchvision; the model does not. What they do is little: the
frames are resized to the model's square and normalised, boxes are scaled, masks are scaled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from skyreels_a2.data.backends.weights import model_errors
from skyreels_a2.errors import InputError

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

Masks: TypeAlias = NDArray[np.bool_]
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LEFT_TOP, _RIGHT_BOTTOM = 2, 3
"""SAM2's labels of a box's corners among its point prompts."""


class Sam2Tracker:
    """Segments things and follows them.

    Args:
        model: Folder or hub name, e.g. `facebook/sam2.1-hiera-small`.
        device: Where it runs.

    Raises:
        ModelError: It cannot be opened.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        from transformers import Sam2VideoModel

        with model_errors(model, "SAM2 (facebook/sam2.1-hiera-small)"):
            network: Any = Sam2VideoModel.from_pretrained(model)
        self._network = network.to(device).eval()

    @torch.inference_mode()
    def track(
        self,
        frames: Sequence[Frame],
        boxes: Sequence[tuple[float, float, float, float]],
        *,
        start: int = 0,
    ) -> Masks:
        """Masks of things that are boxed in one frame.

        Args:
            frames: RGB, all of one size; a shot, or every n-th frame of it.
            boxes: Left, top, right, bottom as fractions of the frame.
            start: The frame that the boxes are of; followed from there both ways.

        Returns:
            Shape (boxes, frames, height, width).

        Raises:
            InputError: No frame, no box, or a start that is not among the frames.
        """
        if not boxes or not 0 <= start < len(frames):
            raise InputError(
                f"{len(boxes)} boxes in frame {start} of {len(frames)}: "
                "give at least one box, in a frame that is there"
            )
        height, width = frames[0].shape[:2]
        masks = np.zeros((len(boxes), len(frames), height, width), dtype=bool)
        session = self._session(frames)
        self._prompt(session, boxes, start)
        self._network(session, frame_idx=start)
        for reverse in (False, True):
            for output in self._network.propagate_in_video_iterator(
                session, start_frame_idx=start, reverse=reverse
            ):
                masks[:, output.frame_idx] = _upscaled(output.pred_masks, height, width)
        return masks

    def _session(self, frames: Sequence[Frame]) -> Any:
        from transformers.models.sam2_video.modeling_sam2_video import (
            Sam2VideoInferenceSession,
        )

        network = self._network
        return Sam2VideoInferenceSession(
            video=_normalised(frames, network.config.image_size),
            video_height=frames[0].shape[0],
            video_width=frames[0].shape[1],
            inference_device=network.device,
            inference_state_device=network.device,
            dtype=network.dtype,
        )

    def _prompt(
        self, session: Any, boxes: Sequence[tuple[float, float, float, float]], start: int
    ) -> None:
        side = self._network.config.image_size
        for number, box in enumerate(boxes):
            corners = torch.tensor(box, dtype=self._network.dtype).reshape(1, 1, 2, 2) * side
            labels = torch.tensor([_LEFT_TOP, _RIGHT_BOTTOM], dtype=torch.int32).reshape(1, 1, 2)
            prompt = {"point_coords": corners, "point_labels": labels}
            session.add_point_inputs(session.obj_id_to_idx(number), start, prompt)
        session.obj_with_new_inputs = list(range(len(boxes)))


def _normalised(frames: Sequence[Frame], side: int) -> Tensor:
    """Frames as (frames, 3, side, side), with ImageNet's mean and deviation."""
    squares = [
        np.asarray(Image.fromarray(f).resize((side, side), Image.Resampling.BILINEAR))
        for f in frames
    ]
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (_MEAN, _STD))
    return (pixels - mean) / std


def _upscaled(logits: Tensor, height: int, width: int) -> Masks:
    """Logits (boxes, 1, h, w) as masks of the frame's size."""
    large = interpolate(logits.float(), (height, width), mode="bilinear", align_corners=False)
    return np.asarray((large[:, 0] > 0).cpu().numpy())

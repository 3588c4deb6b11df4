"""Convolutions of a single video on the CPU.

For a batch of one and few channels, PyTorch takes its own convolution over time and space instead
of oneDNN's, which is about three times as fast. (A video alone against two in a batch, VAE of
`tools/build_a2_tiny.py`, one thread, other work beside it, 33 frames at 160×96: encoding 2.6 s
against 0.8 s a video, decoding 7.3 s against 2.0 s.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class onednn_convolutions(TorchFunctionMode):  # noqa: N801  (a context manager, used like one)
    """Within it, convolutions of one video on the CPU go through oneDNN; others as ever."""

    def __torch_function__(
        self,
        func: Callable[..., Tensor],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Choose the convolution; see `TorchFunctionMode`."""
        del types
        kwargs = kwargs or {}
        if func is functional.conv3d and len(args) == 7 and not kwargs and _is_slow(args[0]):
            video, weight, bias, stride, padding, dilation, groups = args
            found: Tensor = torch.ops.aten.mkldnn_convolution(
                video, weight, bias, padding, stride, dilation, groups
            )
            return found
        return func(*args, **kwargs)


def _is_slow(video: Tensor) -> bool:
    # Tensors that only count (fake ones) have no oneDNN; autocast takes it by itself.
    if type(video) is not Tensor or torch.is_autocast_enabled("cpu"):
        return False
    alone = video.device.type == "cpu" and video.dtype == torch.float32 and video.shape[0] == 1
    # torch has no types for its backends.
    return alone and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def channels_last(model: nn.Module) -> None:
    """Lay the kernels of convolutions out channels last, in place; values and results stay.

    On a CPU the embedded VAE trains 1.4 times as fast with it (8 × 5 frames of 64×64), and encodes
    1.45 and decodes 1.3 times as fast (33 frames of 160×96, one thread).
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in model.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.to(memory_format=formats[parameter.ndim])

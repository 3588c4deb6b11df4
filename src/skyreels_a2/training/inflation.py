"""A video VAE that starts as a picture VAE.

Fresh temporal kernels look at random mixtures of the past, which takes long to unlearn. Here they
start *inflated*: every time slice but the newest is zero, and the temporal resamplers pass frames
on as they are. Single pictures then teach it most of what it has to know. Residual branches start
silent, so that the whole begins as a chain of convolutions, which learns colours first and fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import (
    WanAttentionBlock,
    WanCausalConv3d,
    WanResample,
    WanResidualBlock,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode


@torch.no_grad()
def inflate(vae: nn.Module) -> None:
    """Make a fresh `AutoencoderKLWan` look at the newest frame alone, residual branches silent."""
    for module in vae.modules():
        if isinstance(module, WanCausalConv3d) and module.weight.shape[2] > 1:
            newest: Any = module.weight[:, :, -1]
            nn.init.kaiming_uniform_(newest, a=5**0.5)
            module.weight[:, :, :-1] = 0
    for module in vae.modules():
        if isinstance(module, WanResample) and hasattr(module, "time_conv"):
            _pass_on(module.time_conv)
        last = {WanResidualBlock: "conv2", WanAttentionBlock: "proj"}.get(type(module))
        if last is not None:
            nn.init.zeros_(getattr(module, last).weight)
            nn.init.zeros_(getattr(module, last).bias)


def _pass_on(conv: Any) -> None:
    """Each block of outputs is the input's newest frame."""
    outputs, inputs = conv.weight.shape[:2]
    identity = torch.eye(inputs).repeat(outputs // inputs, 1)
    conv.weight.zero_()
    conv.weight[:, :, -1, 0, 0] = identity
    conv.bias.zero_()


@torch.no_grad()
def fix_posterior(vae: Any, *, std: float) -> None:
    """Let the posterior start with one small deviation everywhere.

    Args:
        vae: An `AutoencoderKLWan`.
        std: That deviation; the decoder learns to bear so much noise on the latents.
    """
    half = vae.config.z_dim
    vae.quant_conv.weight[half:] = 0
    vae.quant_conv.bias[half:] = 2 * torch.tensor(std).log()


class single_pictures(TorchFunctionMode):  # noqa: N801  (a context manager, used like one)
    """Within it, a causal VAE that is given videos of one frame computes a third as much.

    Before the first frame there are zeros, so only the newest slice of a temporal kernel counts;
    the outcome is the same.
    """

    def __torch_function__(
        self,
        func: Callable[..., Tensor],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Convolve in two dimensions where time has one step; see `TorchFunctionMode`."""
        del types
        kwargs = kwargs or {}
        if func is functional.conv3d and not kwargs and args[0].shape[2] == args[1].shape[2]:
            video, weight, bias, stride = args[:4]
            flat = functional.conv2d(video[:, :, -1], weight[:, :, -1], bias, stride[1:])
            return flat.unsqueeze(2)
        return func(*args, **kwargs)

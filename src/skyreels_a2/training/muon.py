"""Muon for matrices, AdamW for the rest, as one optimiser.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) makes the update of a matrix
orthogonal; scaled to AdamW's usual size (Liu et al., arXiv 2502.16982) both share a learning rate.
`torch.optim.Muon` takes matrices only, and computes in bfloat16 everywhere. Here that is only under
autocast: a CPU without bfloat16 products is four times slower by it, one with them five times
faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of the quintic that drives singular values towards 1."""
ITERATIONS = 5
RMS = 0.2
"""What AdamW's updates are like, root mean square, at a learning rate of 1."""


class MuonAdamW(torch.optim.Optimizer):
    """Muon for matrices and kernels, AdamW for vectors.

    Args:
        parameters: To train; not sharded, since an update needs the whole matrix.
        lr: Learning rate of both.
        betas: Of AdamW.
        weight_decay: Of matrices and kernels; vectors do not decay.
    """

    def __init__(
        self,
        parameters: Sequence[torch.nn.Parameter],
        *,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        kinds = (
            ("muon", weight_decay, [p for p in parameters if _is_matrix(p)]),
            ("adamw", 0.0, [p for p in parameters if not _is_matrix(p)]),
        )
        groups = [
            {"params": chosen, "kind": kind, "weight_decay": decay}
            for kind, decay, chosen in kinds
            if chosen
        ]
        rest = [dict(group) for group in groups if group["kind"] == "adamw"]
        self._adamw = torch.optim.AdamW(rest, lr=lr, betas=betas) if rest else None
        defaults = self._adamw.defaults if self._adamw else {"lr": lr}
        super().__init__(groups, defaults)

    @torch.no_grad()
    # torch's may give a loss; this one has none to give.
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        del closure
        for group in self.param_groups:
            if group["kind"] == "muon":
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._turn(parameter, parameter.grad, group)
        if self._adamw is not None:
            # State and groups are replaced when a checkpoint is loaded.
            self._adamw.state = self.state
            self._adamw.param_groups = [g for g in self.param_groups if g["kind"] == "adamw"]
            self._adamw.step()

    def _turn(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        update = orthogonal(torch.lerp(gradient, momentum, MOMENTUM).flatten(1))
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        scale = group["lr"] * RMS * max(update.shape) ** 0.5
        parameter.add_(update.view_as(parameter), alpha=-scale)


def _is_matrix(parameter: Tensor) -> bool:
    """A matrix, or kernels that are one when flattened; not the gains of a norm of images."""
    return parameter.ndim > 1 and parameter[0].numel() > 1


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix with orthonormal rows or columns: singular values 0.7 to 1.2."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if tall else matrix
    found = found / found.norm().clamp_min(1e-7)
    if torch.is_autocast_enabled(kind := found.device.type):
        found = found.to(torch.get_autocast_dtype(kind))
    for _ in range(ITERATIONS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return (found.T if tall else found).to(matrix)

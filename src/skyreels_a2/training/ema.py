"""Running mean of the trained weights, sharded as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from skyreels_a2.training.sharding import forget_gathered, put


class Ema:
    """An exponential moving average of a model's trained parameters.

    Args:
        model: Its parameters that require gradients are averaged; a sharded parameter's mean is
            sharded alike.
        decay: Weight of the past, reached gradually: (1 + n) / (10 + n) before (as in the
            reference implementation of DDPM).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._model = model
        self._trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._means = {name: p.detach().clone() for name, p in self._trained.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the mean towards the weights after a step (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self._trained.items():
            self._means[name].lerp_(parameter.detach(), 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the model has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self._trained.items():
            kept = parameter.detach().clone()
            parameter.copy_(self._means[name])
            self._means[name].copy_(kept)
        forget_gathered(self._model)

    def state_dict(self) -> dict[str, Tensor]:
        """The means by parameter name."""
        return dict(self._means)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over means."""
        for name, mean in self._means.items():
            put(mean, state[name])

"""Latents that shrink as their pictures do: what is small in them is what is large, averaged.

A video shows its elements smaller than their references do, anywhere between the cells of the
latents, and often mirrored. In the latents of a VAE that was trained to reconstruct only, these
are different things altogether, and a transformer that finds the right place has nothing there
that it could use. So the VAE is asked for more: latents that are shrunk and mirrored must decode
to the shrunk and mirrored video (EQ-VAE, arXiv 2502.09509; scale equivariance, arXiv 2502.14831),
and that video must be encoded to those latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from skyreels_a2.training.objective import weighted_mse

SHARE = 0.5
"""Share of samples that are shrunk."""
SCALES = (0.5, 0.85)
"""How large they are then. Half at least, since a window of half the side is filled."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half of each side of a square: cut out, or filled by more of it that is made smaller.

    Attributes:
        left, top: Where it begins, as fractions of the room that there is.
        scale: How large everything is then; 1 only cuts.
        mirrored: Whether left and right are changed; not where it only cuts.
    """

    left: float
    top: float
    scale: float = 1.0
    mirrored: bool = False

    @classmethod
    def draw(cls, generator: Generator) -> Window:
        """One at random."""
        chance, left, top, size, side = torch.rand(5, generator=generator).tolist()
        if chance >= SHARE:
            return cls(left, top)
        least, most = SCALES
        return cls(left, top, least + (most - least) * size, side < 0.5)

    @property
    def shrinks(self) -> bool:
        """Whether it does more than cut."""
        return self.scale < 1

    def of(self, video: Tensor, cell: int = 1) -> Tensor:
        """What it shows of a video or of latents.

        Args:
            video: (channels, t, side, side).
            cell: Pixels of a side that a cell of the latents covers, to cut between cells.

        Returns:
            (channels, t, side / 2, side / 2).
        """
        cells = video.shape[-1] // cell
        if self.shrinks:
            return self._shrunk(video, cells // 2 * cell)
        room = cells - cells // 2
        left, top = (cell * min(room, int(part * (room + 1))) for part in (self.left, self.top))
        side = cells // 2 * cell
        return video[..., top : top + side, left : left + side]

    def _shrunk(self, video: Tensor, side: int) -> Tensor:
        half = side / video.shape[-1] / self.scale
        across, down = ((2 * part - 1) * (1 - half) for part in (self.left, self.top))
        turn = -half if self.mirrored else half
        matrix = torch.tensor([[[turn, 0.0, across], [0.0, half, down]]], device=video.device)
        # Twice as fine and then averaged, so that nothing is skipped.
        grid = affine_grid(matrix, [1, 1, 2 * side, 2 * side], align_corners=False)
        frames = video.float().transpose(0, 1)
        fine = grid_sample(
            frames, grid.expand(len(frames), -1, -1, -1), padding_mode="border", align_corners=False
        )
        return avg_pool2d(fine, 2).transpose(0, 1)


def distance(found: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """How far latents are from those wanted, in units of each channel's variance.

    Args:
        found, wanted: (batch, channels, t, h, w).
        weight: What each place counts, (batch, 1, t, h, w).

    Returns:
        Shape (batch,).
    """
    # The scale has no gradient: else smaller latents would be nearer ones.
    deviation = wanted.detach().std(dim=(0, 2, 3, 4), keepdim=True).clamp_min(1e-3)
    return weighted_mse(found / deviation, wanted / deviation, weight)

"""Streaming decode: latent frames become pictures as they come, so memory stays flat.

diffusers' `AutoencoderKLWan.decode` walks over the latent frames too, but keeps every decoded
frame until the end. Here each group is handed on at once. The causal VAE needs only its feature
cache from one latent frame to the next, so both ways give the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor

from skyreels_a2.conditioning.spatial import denormalize
from skyreels_a2.runtime.convolutions import onednn_convolutions
from skyreels_a2.video import Frames

Share: TypeAlias = Callable[[Callable[[Any], Tensor], Sequence[Any]], list[Tensor]]
"""Runs a function over items; several processes may share them."""


def stream_decode(vae: Any, latents: Tensor, share: Share | None = None) -> Iterator[Tensor]:
    """Decode one video group by group.

    Args:
        vae: An `AutoencoderKLWan`; tiles are used where its tiling is on and the size asks for it.
        latents: Normalised latents of shape (1, 16, t, h, w).
        share: Runs the tiles; this process, one after another, by default.

    Yields:
        Pictures in [-1, 1] of shape (n, 3, height, width): one, then four at a time.
    """
    tiles = _tiles(vae, latents)
    for index in range(latents.shape[2]):
        latent = denormalize(vae, latents[:, :, index : index + 1]).to(vae.dtype)
        yield _decode_frame(vae, latent, tiles, share or _alone, first=index == 0)


def as_uint8(pictures: Tensor) -> Frames:
    """Pictures (n, 3, height, width) in [-1, 1] as uint8 frames (n, height, width, 3)."""
    scaled = (pictures.float() / 2 + 0.5).clamp(0, 1) * 255
    frames: Frames = scaled.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return frames


@dataclass(slots=True)
class _Tile:
    """A window on the latents with the decoder's memory of what it saw there."""

    rows: slice
    columns: slice
    cache: list[Tensor | None] = field(default_factory=list)


def _tiles(vae: Any, latents: Tensor) -> list[list[_Tile]]:
    """Rows of tiles; one that covers everything where tiling is off or needless."""
    height, width = latents.shape[-2:]
    ratio = vae.spatial_compression_ratio
    tile_h, tile_w = vae.tile_sample_min_height // ratio, vae.tile_sample_min_width // ratio
    if not vae.use_tiling or (height <= tile_h and width <= tile_w):
        tile_h, tile_w, step_h, step_w = height, width, height, width
    else:
        step_h = vae.tile_sample_stride_height // ratio
        step_w = vae.tile_sample_stride_width // ratio
    return [
        [
            _Tile(slice(top, top + tile_h), slice(left, left + tile_w))
            for left in range(0, width, step_w)
        ]
        for top in range(0, height, step_h)
    ]


@apply_forward_hook  # type: ignore[untyped-decorator]  # brings an offloaded VAE to its device
@torch.no_grad()
def _decode_frame(
    vae: Any, latent: Tensor, tiles: list[list[_Tile]], share: Share, *, first: bool
) -> Tensor:
    """Pictures of one latent frame; the caches of the tiles go on from frame to frame."""
    every = [tile for row in tiles for tile in row]
    decoded = iter(share(lambda tile: _decode_tile(vae, latent, tile, first=first), every))
    rows = [[next(decoded) for _ in row] for row in tiles]
    video = rows[0][0] if len(tiles) == len(tiles[0]) == 1 else _blend(vae, rows)
    patch = _patch(vae)
    height, width = (side * vae.spatial_compression_ratio // patch for side in latent.shape[-2:])
    pictures: Tensor = unpatchify(video[:, :, :, :height, :width], patch)[0].permute(1, 0, 2, 3)
    return pictures.clamp(-1.0, 1.0)


def _alone(run: Callable[[Any], Tensor], items: Sequence[Any]) -> list[Tensor]:
    return [run(item) for item in items]


def _patch(vae: Any) -> int:
    """Side of the squares of pixels that the decoder gives as channels (Wan 2.2's VAE: 2)."""
    return int(vae.config.patch_size or 1)


def _decode_tile(vae: Any, latent: Tensor, tile: _Tile, *, first: bool) -> Tensor:
    if first:
        vae.clear_cache()
        tile.cache = list(vae._feat_map)  # noqa: SLF001  (diffusers keeps the cache to itself)
    window = vae.post_quant_conv(latent[..., tile.rows, tile.columns])
    with onednn_convolutions():
        decoded: Tensor = vae.decoder(
            window, feat_cache=tile.cache, feat_idx=[0], first_chunk=first
        )
    return decoded


def _blend(vae: Any, rows: list[list[Tensor]]) -> Tensor:
    """Join overlapping tiles with diffusers' own blending, in its order."""
    patch = _patch(vae)
    step_h, step_w = vae.tile_sample_stride_height // patch, vae.tile_sample_stride_width // patch
    over_h = vae.tile_sample_min_height // patch - step_h
    over_w = vae.tile_sample_min_width // patch - step_w
    joined = []
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            if i > 0:
                vae.blend_v(rows[i - 1][j], tile, over_h)
            if j > 0:
                vae.blend_h(row[j - 1], tile, over_w)
        joined.append(torch.cat([tile[..., :step_h, :step_w] for tile in row], dim=-1))
    return torch.cat(joined, dim=-2)

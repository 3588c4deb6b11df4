"""Nearest neighbours among many vectors, by hnswlib: n log n instead of all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.extras import require


def nearest(
    vectors: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each unit vector the nearest others, nearest first.

    Args:
        vectors: (n, width).
        count: Neighbours of each, at most n - 1.

    Returns:
        Indices (n, count) and cosines (n, count). One thread and a fixed seed, so that equal
        vectors in equal order give equal neighbours.
    """
    total = len(vectors)
    count = min(count, total - 1)
    if count < 1:
        return np.zeros((total, 0), np.int64), np.zeros((total, 0), np.float32)
    index = require("hnswlib", extra="data").Index(space="cosine", dim=vectors.shape[1])
    index.init_index(max_elements=total, ef_construction=200, M=16, random_seed=0)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(max(64, 4 * count))
    found, distances = index.knn_query(vectors, k=count + 1)
    others = found.astype(np.int64) != np.arange(total)[:, None]
    # Among copies of a vector it may not find the vector itself.
    others[others.all(axis=1), -1] = False
    shape = (total, count)
    return found[others].reshape(shape).astype(np.int64), 1 - distances[others].reshape(shape)

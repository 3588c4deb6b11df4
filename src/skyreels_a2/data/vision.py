"""The door to OpenCV: what the pipeline measures in pictures. The only module that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.extras import require

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

Plane: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = NDArray[np.bool_]
Affine: TypeAlias = NDArray[np.float64]
"""2 × 3: where points of one picture are in another."""

_ANSWERS = 3
"""Motions that corners are asked for, one after another."""
_FAULT = 24
"""Levels of luma above which a pixel belongs to something else."""

IDENTITY: Affine = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _cv2() -> Any:
    module = require("cv2", extra="data")
    module.setNumThreads(1)
    return module


def resize(
    picture: NDArray[Any], width: int, height: int, *, thinned: bool = False
) -> NDArray[Any]:
    """A picture or plane of another size; averaged where it shrinks, or pixels left out."""
    cv2 = _cv2()
    shrinks = width < picture.shape[1] and not thinned
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=mode))


def shrink(frame: Frame, longest: int, *, thinned: bool = False) -> Frame:
    """A frame whose longer side has at most so many pixels; see `resize`."""
    height, width = frame.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return frame
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return resize(frame, *size, thinned=thinned)


def grey(frame: Frame) -> Plane:
    """Luma."""
    cv2 = _cv2()
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def lab(frame: Frame) -> Frame:
    """CIE Lab in 8 bits."""
    cv2 = _cv2()
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB))


def sharpness(plane: Plane) -> float:
    """Variance of the Laplacian."""
    cv2 = _cv2()
    return float(cv2.Laplacian(plane, cv2.CV_64F).var())


def flow(before: Plane, after: Plane) -> NDArray[np.float32]:
    """Farneback's optical flow in pixels: (height, width, 2)."""
    cv2 = _cv2()
    return np.asarray(cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 21, 2, 5, 1.1, 0))


def camera_motion(before: Plane, after: Plane) -> Affine:
    """The similarity by which a picture explains most of the next; identity if none does better.

    Corners may lie on a subject for the most part, so those that the first answer leaves out are
    asked for another one, and the whole picture decides.
    """
    cv2 = _cv2()
    corners = cv2.goodFeaturesToTrack(before, 300, 0.005, 5)
    if corners is None:
        return IDENTITY
    there, status, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
    left = status.ravel() == 1
    ways = [IDENTITY]
    for _ in range(_ANSWERS):
        if left.sum() < 8:
            break
        moved, inside = cv2.estimateAffinePartial2D(
            corners[left], there[left], method=cv2.RANSAC, ransacReprojThreshold=1.0
        )
        if moved is None:
            break
        ways.append(np.asarray(moved, dtype=np.float64))
        left[np.flatnonzero(left)[inside.ravel() == 1]] = False
    return min(ways, key=lambda way: _unexplained(before, after, way))


def _unexplained(before: Plane, after: Plane, way: Affine) -> float:
    """Mean difference that is left, each pixel's limited, as a subject's is no fault of the way."""
    valid = warp(np.full_like(before, 255), way) == 255
    if not valid.any():
        return float("inf")
    apart = after[valid].astype(np.int16) - warp(before, way)[valid]
    # The light may change as a whole.
    return float(np.minimum(np.abs(apart - np.int16(np.median(apart))), _FAULT).mean())


def warp(
    picture: NDArray[Any],
    to: Affine,
    *,
    size: tuple[int, int] | None = None,
    repeat_edges: bool = False,
) -> NDArray[Any]:
    """A picture whose points go where the affine says.

    Args:
        picture: A picture or plane.
        to: Where its points go.
        size: Width and height of the result; as the picture's if None.
        repeat_edges: Whether what comes from outside is as the edge, or 0.
    """
    cv2 = _cv2()
    size = size or (picture.shape[1], picture.shape[0])
    border = cv2.BORDER_REPLICATE if repeat_edges else cv2.BORDER_CONSTANT
    return np.asarray(cv2.warpAffine(picture, to, size, borderMode=border, borderValue=0))


def chain(first: Affine, then: Affine) -> Affine:
    """One affine after another."""
    square = np.vstack([then, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]])
    return np.asarray(square[:2])


def inverse(affine: Affine) -> Affine:
    """The way back."""
    return np.asarray(np.linalg.inv(np.vstack([affine, [0, 0, 1]]))[:2])


def tidy(mask: Mask, *, gap: int) -> Mask:
    """Without specks, and with gaps and holes up to a size closed."""
    cv2 = _cv2()
    plane = mask.astype(np.uint8)
    small = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    large = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
    plane = cv2.morphologyEx(plane, cv2.MORPH_OPEN, small)
    plane = cv2.morphologyEx(plane, cv2.MORPH_CLOSE, large)
    outlines, _ = cv2.findContours(plane, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(plane, outlines, -1, 1, thickness=-1)
    return np.asarray(plane, dtype=bool)


def hulls(mask: Mask) -> Mask:
    """The convex hulls of what lies together, specks left out."""
    cv2 = _cv2()
    plane = np.zeros(mask.shape, np.uint8)
    for piece in pieces(tidy(mask, gap=9), min_area=12):
        points = np.argwhere(piece)[:, ::-1].astype(np.int32)
        cv2.fillConvexPoly(plane, cv2.convexHull(points), 1)
    return np.asarray(plane, dtype=bool)


def fill_in(picture: NDArray[np.float32], known: Mask) -> NDArray[np.float32]:
    """A picture whose unknown pixels are made up from those round them, by ever coarser means."""
    height, width = known.shape
    if known.all() or not known.any() or min(height, width) < 2:
        return picture
    weights = known.astype(np.float32)
    size = -(-width // 2), -(-height // 2)
    shares = resize(weights, *size)
    sums = resize(np.where(known[..., None], picture, 0).astype(np.float32), *size)
    coarse = sums / shares.clip(1e-6)[..., None]
    below = fill_in(np.asarray(coarse, np.float32), shares > 0)
    return np.where(known[..., None], picture, resize(below, width, height)).astype(np.float32)


def pieces(mask: Mask, *, min_area: int) -> list[Mask]:
    """Connected pieces of a mask, the largest first."""
    cv2 = _cv2()
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = [int(i) for i in np.argsort(-areas, kind="stable") if areas[i] >= min_area]
    return [labels == i + 1 for i in order]


def edges(plane: Plane) -> NDArray[np.float32]:
    """Length of the luma's gradient."""
    cv2 = _cv2()
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down))


def outline(mask: Mask) -> Mask:
    """Pixels at a mask's border."""
    cv2 = _cv2()
    plane = mask.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(plane, kernel) != cv2.erode(plane, kernel))


def cosines(plane: Plane, size: int) -> NDArray[np.float32]:
    """The lowest size × size terms of the cosine transform of a plane reduced to 4·size."""
    cv2 = _cv2()
    small = resize(plane, 4 * size, 4 * size).astype(np.float32)
    return np.asarray(cv2.dct(small)[:size, :size])


def pixels_of(box: tuple[float, float, float, float], frame: Frame) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels of a box given as fractions; at least one pixel."""
    height, width = frame.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    right, bottom = max(left + 1, round(box[2] * width)), max(top + 1, round(box[3] * height))
    return left, top, right, bottom

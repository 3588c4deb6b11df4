"""Safe opening of reference pictures: whatever the file holds, an upright 8-bit sRGB picture.

Rotation by EXIF is applied, colour profiles become sRGB, transparency becomes white, deep pixels
are scaled to 8 bits. What cannot be used raises one `PictureError` of one line, and sizes are
checked on the header, before anything is decoded. Knows nothing of roles or target sizes.
"""

from __future__ import annotations

import difflib
import hashlib
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from skyreels_a2.errors import PictureError, one_line

if TYPE_CHECKING:
    from skyreels_a2.elements import PictureSource

MAX_PIXELS = 100_000_000
"""Larger pictures are refused on sight of their header: 100 million decode to 400 MB."""
MIN_SIDE = 16
"""Least side in pixels: what a single patch of the transformer sees."""
MAX_ASPECT = 20
"""Longest side over shortest; beyond it, letter-boxing leaves a line."""

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
"""Formats that PIL decodes by itself; it would start Ghostscript for EPS."""
_READABLE = "give a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF file"
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")

# Warning filters belong to the whole process, and two threads that swap them at once lose them.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was opened.

    Attributes:
        image: PIL picture, RGB, 8 bits, upright, sRGB.
        remarks: What had to be decided to get there, one line each.
    """

    image: Image.Image
    remarks: tuple[str, ...] = ()


def open_picture(source: PictureSource) -> Picture:
    """Open a reference picture.

    Args:
        source: A file, or a PIL picture of any mode, which is left as it is.

    Raises:
        PictureError: It is missing, no picture, damaged, too large, too small or too narrow.
    """
    name = _name(source)
    with _one_at_a_time, warnings.catch_warnings(), _picture_errors(name):
        warnings.simplefilter("ignore")
        if isinstance(source, Image.Image):
            return _decode(source, name)
        Image.init()
        known = [format_ for format_ in FORMATS if format_ in Image.OPEN]
        with _open_file(Path(source)) as file, Image.open(file, formats=known) as image:
            return _decode(image, name)


def open_picture_bytes(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture that was sent and never was a file; otherwise as `open_picture`.

    Args:
        data: The bytes of a file.
        name: What to call it in errors.
        max_pixels: More are refused on sight of the header.

    Raises:
        PictureError: As `open_picture`.
    """
    if not data:
        raise PictureError(f"{name} is empty (0 bytes): export or download it again")
    with _one_at_a_time, warnings.catch_warnings(), _picture_errors(name):
        warnings.simplefilter("ignore")
        Image.init()
        known = [format_ for format_ in FORMATS if format_ in Image.OPEN]
        with Image.open(BytesIO(data), formats=known) as image:
            if image.width * image.height > max_pixels:
                raise PictureError(
                    f"{name} is {image.width}x{image.height}: scale it down to at most "
                    f"{max_pixels:,} pixels"
                )
            return _decode(image, name)


def picture_sha256(source: PictureSource) -> str:
    """SHA-256 in hex: of a file's bytes, or of a PIL picture's size, mode, palette and pixels.

    Raises:
        PictureError: The file is missing or cannot be read.
    """
    with _picture_errors(_name(source)):
        if not isinstance(source, Image.Image):
            with _open_file(Path(source)) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        palette = source.getpalette("RGBA") if source.mode in ("P", "PA") else None
        header = (source.size, source.mode, palette, source.info.get("transparency"))
        return hashlib.sha256(repr(header).encode() + source.tobytes()).hexdigest()


def _name(source: PictureSource) -> str:
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "")) or "the picture given in memory"
    try:
        return str(Path(source))
    except TypeError:
        kind = type(source).__name__
        raise PictureError(f"{kind} is no picture: give a path or a PIL picture") from None


@contextmanager
def _picture_errors(name: str) -> Iterator[None]:
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{name} is no picture, or damaged: {_READABLE}") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{name} has far too many pixels: scale it down to at most {MAX_PIXELS:,}"
        ) from None
    # Decoders of broken files raise anything: struct.error, KeyError, zlib.error, EOFError.
    except Exception as error:  # noqa: BLE001
        raise PictureError(
            f"{name} is damaged or cut off ({one_line(error)}): export or download it again"
        ) from None


def _open_file(path: Path) -> BufferedReader:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{path} is a folder: give a picture in it")
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(f"{path} is a device or pipe: {_READABLE}")
        if status.st_size == 0:
            raise PictureError(f"{path} is empty (0 bytes): export or download it again")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise PictureError(f"{path} is not there: {_nearest(path)}") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read: change its permissions") from None
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise PictureError(f"{path} cannot be read ({reason}): check the path") from None


def _nearest(missing: Path) -> str:
    """What to do about a missing file: the file of the most similar name, if there is one."""
    files: dict[str, Path] = {}
    with suppress(OSError):
        files = {p.name.casefold(): p for p in missing.parent.iterdir() if p.is_file()}
    near = difflib.get_close_matches(missing.name.casefold(), files, n=1)
    return f"did you mean {files[near[0]]}?" if near else "check the path"


def _decode(image: Image.Image, name: str) -> Picture:
    _check_size(image.size, name)
    called = Path(name).name
    remarks = list(_frame_remarks(image, called))
    image.load()
    profile = image.info.get("icc_profile")
    colour, alpha = _split(_upright(image), name)
    if colour.mode == "CMYK":
        remarks.append(f"{called} is CMYK: converted to RGB, its colours may shift")
    colour = _to_srgb(colour, profile)
    if alpha is not None and (seen := alpha.getextrema()) != (255, 255):
        if seen == (0, 0):
            raise PictureError(f"{name} is wholly transparent: give one that shows something")
        remarks.append(f"{called} has transparency: composited on white")
        colour = _on_white(colour, alpha)
    # Else a profile that has been applied would be applied again.
    colour.info = {}
    return Picture(colour, tuple(remarks))


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    given = f"{name} is {width}x{height}"
    if width * height > MAX_PIXELS:
        raise PictureError(f"{given}: scale it down to at most {MAX_PIXELS:,} pixels")
    if min(size) < MIN_SIDE:
        raise PictureError(f"{given}: each side needs at least {MIN_SIDE} pixels")
    if max(size) > MAX_ASPECT * min(size):
        raise PictureError(f"{given}: crop it to an aspect of at most 1:{MAX_ASPECT}")


def _frame_remarks(image: Image.Image, name: str) -> Iterator[str]:
    # MPO counts as animated too, but holds previews or the other eye's view.
    if getattr(image, "is_animated", False) and image.tell() == 0:
        if image.format in _ANIMATIONS:
            yield f"{name} is animated: its first frame is used"
        elif image.format == "TIFF":
            yield f"{name} has several pages: its first page is used"


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF rotation; a picture whose EXIF is broken is taken as it lies."""
    with suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image.copy()


def _split(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None]:
    """Colour as 8-bit L, RGB or CMYK, and opacity as L where the picture has one."""
    if image.mode == "F":
        raise PictureError(f"{name} has floating-point pixels: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _scale_deep(image)
    mode = {"1": "L", "L": "L", "LA": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    if not image.has_transparency_data:
        return image.convert(mode), None
    seen = image.convert("RGBA")
    return seen.convert(mode), seen.getchannel("A")


def _scale_deep(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """16-bit grey to 8 bits; 32-bit grey likewise by the least depth that holds its values."""
    if image.mode == "I":
        levels = np.asarray(image).clip(0).astype(np.int64)
        white = next(w for w in (255, 65535, 2**31 - 1) if levels.max() <= w)
    else:
        levels, white = np.asarray(image).astype(np.uint32), 65535
    grey = Image.fromarray(((levels * 255 + white // 2) // white).astype(np.uint8))
    clear = image.info.get("transparency")
    return grey, None if clear is None else Image.fromarray(levels != clear).convert("L")


def _to_srgb(colour: Image.Image, profile: bytes | None) -> Image.Image:
    """To RGB by the embedded profile, or plainly if it is absent, broken or of another kind."""
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError):
            given, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colour, given, srgb, outputMode="RGB")
            if converted is not None:
                return converted
    return colour.convert("RGB")


def _on_white(colour: Image.Image, alpha: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", colour.size, "white")
    canvas.paste(colour, mask=alpha)
    return canvas

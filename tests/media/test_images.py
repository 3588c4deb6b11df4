"""Opening pictures: whatever the mode, RGB comes out; whatever is wrong, one line says so."""

import os
import struct
import tempfile
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from skyreels_a2.errors import PictureError
from skyreels_a2.media.images import MAX_PIXELS, open_picture, picture_sha256

WHITE, RED = (255, 255, 255), (255, 0, 0)


def plain(color="red", size=(40, 30), mode="RGB"):
    return Image.new(mode, size, color)


def noise(width=64, height=48):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(width, height, *, depth=8, colour_type=2, rows=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def refusal(source):
    """The message of the error, checked to be one plain line with no cause to hide it."""
    with pytest.raises(PictureError) as caught:
        open_picture(source)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300 + len(str(source))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return message


def saved(folder, image, name="anna.png", **options):
    image.save(folder / name, **options)
    return folder / name


class TestModes:
    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "I", "I;16"])
    def test_every_mode_becomes_rgb(self, mode):
        image = open_picture(Image.new(mode, (40, 30))).image
        assert (image.mode, image.size) == ("RGB", (40, 30))

    @pytest.mark.parametrize(
        "name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tif", "a.ppm"]
    )
    def test_every_format_opens(self, tmp_path, name):
        opened = open_picture(saved(tmp_path, plain(), name))
        assert np.abs(np.asarray(opened.image).astype(int) - RED).max() <= 3
        assert opened.remarks == ()

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
    def test_transparency_becomes_white(self, mode):
        image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
        image.paste((255, 0, 0, 255), (20, 0, 40, 30))
        opened = open_picture(
            image.convert(mode) if mode != "PA" else image.convert("P").convert("PA")
        )
        assert opened.image.getpixel((0, 0)) == WHITE
        assert opened.image.getpixel((30, 0)) != WHITE
        assert opened.remarks == (
            "the picture given in memory has transparency: composited on white",
        )

    @pytest.mark.parametrize("name", ["a.png", "a.gif"])
    def test_transparent_palette_colour_becomes_white(self, tmp_path, name):
        image = plain(1, mode="P")
        image.putpalette([0, 0, 0, 255, 0, 0])
        image.paste(0, (0, 0, 10, 10))
        opened = open_picture(saved(tmp_path, image, name, transparency=0))
        assert opened.image.getpixel((0, 0)) == WHITE
        assert opened.image.getpixel((30, 20)) == RED
        assert opened.remarks == (f"{name} has transparency: composited on white",)

    def test_half_transparency_is_mixed_with_white(self):
        opened = open_picture(plain((255, 0, 0, 127), mode="RGBA"))
        assert opened.image.getpixel((0, 0)) == (255, 128, 128)

    def test_opaque_alpha_needs_no_remark(self):
        assert open_picture(plain((255, 0, 0, 255), mode="RGBA")).remarks == ()

    def test_cmyk_is_converted(self, tmp_path):
        opened = open_picture(saved(tmp_path, plain((0, 255, 255, 0), mode="CMYK"), "a.jpg"))
        assert np.allclose(opened.image.getpixel((5, 5)), RED, atol=4)
        assert "a.jpg is CMYK" in opened.remarks[0]

    @pytest.mark.parametrize("name", ["a.png", "a.tif"])
    def test_16_bit_grey_is_scaled(self, tmp_path, name):
        ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)
        path = saved(tmp_path, Image.fromarray(np.tile(ramp, (20, 1))), name)
        assert np.array_equal(np.asarray(open_picture(path).image)[0, :, 0], np.arange(256))

    def test_16_bit_rgb_is_scaled(self, tmp_path):
        row = b"\0" + struct.pack(">3H", 65535, 32896, 0) * 40
        (tmp_path / "a.png").write_bytes(raw_png(40, 30, depth=16, rows=row * 30))
        assert open_picture(tmp_path / "a.png").image.getpixel((0, 0)) == (255, 128, 0)

    @pytest.mark.parametrize("white", [255, 65535, 2**31 - 1])
    def test_32_bit_grey_is_scaled_by_its_depth(self, white):
        values = np.full((30, 40), white, dtype=np.int32)
        values[0] = white // 2
        image = open_picture(Image.fromarray(values)).image
        assert image.getpixel((0, 20)) == WHITE
        assert 127 <= image.getpixel((0, 0))[0] <= 128

    def test_16_bit_transparency_becomes_white(self, tmp_path):
        values = np.zeros((30, 40), dtype=np.uint16)
        values[:, 20:] = 30000
        path = saved(tmp_path, Image.fromarray(values), transparency=0)
        assert open_picture(path).image.getpixel((0, 0)) == WHITE


class TestCare:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_rotation_is_applied(self, tmp_path, orientation):
        upright = plain("white", (60, 40))
        upright.paste("red", (0, 0, 20, 20))
        undo = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        lying = upright.transpose(undo[orientation]) if orientation > 1 else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path, lying, "a.jpg", exif=exif, quality=95, subsampling=0)
        found = np.asarray(open_picture(path).image).astype(int)
        assert found.shape == (40, 60, 3)
        assert np.abs(found - np.asarray(upright)).mean() < 3

    def test_broken_exif_is_ignored(self, tmp_path):
        path = saved(tmp_path, plain(), "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")
        assert open_picture(path).image.size == (40, 30)

    @pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
    def test_first_frame_of_an_animation(self, tmp_path, name):
        frames = [plain(), plain("blue")]
        path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:])
        opened = open_picture(path)
        assert np.allclose(opened.image.getpixel((5, 5)), RED, atol=4)
        assert opened.remarks == (f"{name} is animated: its first frame is used",)

    def test_first_page_of_several(self, tmp_path):
        path = saved(tmp_path, plain(), "a.tif", save_all=True, append_images=[plain("blue")])
        assert open_picture(path).remarks == ("a.tif has several pages: its first page is used",)

    def test_profile_is_converted_once(self, tmp_path):
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        profile = swapped_primaries(srgb.tobytes())
        opened = open_picture(saved(tmp_path, plain(), icc_profile=profile)).image
        assert np.allclose(opened.getpixel((0, 0)), (0, 255, 0), atol=2)
        assert opened.tobytes() == open_picture(opened).image.tobytes()
        other = open_picture(saved(tmp_path, plain(), icc_profile=lab.tobytes()))
        assert other.image.getpixel((0, 0)) == RED

    def test_broken_profile_is_ignored(self, tmp_path):
        opened = open_picture(saved(tmp_path, plain(), icc_profile=b"no profile"))
        assert opened.image.getpixel((0, 0)) == RED

    def test_picture_in_memory_is_left_alone(self):
        image = plain((255, 0, 0, 0), mode="RGBA")
        image.paste((0, 0, 0, 255), (0, 0, 5, 5))
        before = image.tobytes()
        open_picture(image).image.putpixel((20, 20), (0, 0, 255))
        assert (image.mode, image.tobytes()) == ("RGBA", before)

    def test_no_warning_and_no_trace_in_pil(self, tmp_path):
        limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
        (tmp_path / "a.png").write_bytes(raw_png(9_700, 9_700))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            filters = list(warnings.filters)
            # Above the size at which PIL warns, below the one allowed; holds no pixels.
            assert "damaged" in refusal(tmp_path / "a.png")
            assert warnings.filters == filters
        assert limit == Image.MAX_IMAGE_PIXELS

    def test_threads_keep_the_warning_filters(self, tmp_path):
        path, filters = saved(tmp_path, noise()), list(warnings.filters)
        with ThreadPoolExecutor(4) as pool:
            assert len(list(pool.map(open_picture, [path] * 40))) == 40
        assert warnings.filters == filters

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(["png", "jpeg", "gif", "webp", "bmp", "tiff"]), st.data())
    def test_damage_never_raises_anything_else(self, format_, data):
        with tempfile.TemporaryDirectory() as folder:
            path = saved(Path(folder), noise(24, 20), f"a.{format_}")
            content = bytearray(path.read_bytes())
            for _ in range(data.draw(st.integers(1, 8))):
                content[data.draw(st.integers(0, len(content) - 1))] = data.draw(
                    st.integers(0, 255)
                )
            path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
            with suppress(PictureError):
                assert open_picture(path).image.mode == "RGB"


def swapped_primaries(profile):
    """An sRGB profile whose red is green and whose green is red."""
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


class TestRefusals:
    def test_missing_with_a_close_name(self, tmp_path):
        saved(tmp_path, plain(), "Anna.png")
        message = refusal(tmp_path / "ana.png")
        assert (
            message == f"{tmp_path / 'ana.png'} is not there: did you mean {tmp_path / 'Anna.png'}?"
        )

    @pytest.mark.parametrize("path", ["zebra.png", "no/folder/anna.png", "anna.png/x.png"])
    def test_missing_with_none(self, tmp_path, path):
        saved(tmp_path, plain())
        assert refusal(tmp_path / path).endswith("is not there: check the path")

    def test_folder(self, tmp_path):
        assert refusal(tmp_path) == f"{tmp_path} is a folder: give a picture in it"

    def test_empty(self, tmp_path):
        (tmp_path / "a.png").touch()
        assert "is empty (0 bytes)" in refusal(tmp_path / "a.png")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "a.png")
        assert "is a device or pipe" in refusal(tmp_path / "a.png")

    @pytest.mark.parametrize(
        "text", ["hello", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n"]
    )
    def test_text_renamed(self, tmp_path, text):
        (tmp_path / "a.png").write_text(text)
        assert "a.png is no picture, or damaged: give a PNG" in refusal(tmp_path / "a.png")

    @pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp"])
    def test_truncated(self, tmp_path, name):
        path = saved(tmp_path, noise(), name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert f"{name} is damaged or cut off" in refusal(path)

    @pytest.mark.parametrize("size", [(12_000, 9_000), (30_000, 30_000)])
    def test_decompression_bomb(self, tmp_path, size):
        (tmp_path / "a.png").write_bytes(raw_png(*size))
        assert f"scale it down to at most {MAX_PIXELS:,}" in refusal(tmp_path / "a.png")

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
    def test_unreadable(self):
        with tempfile.TemporaryDirectory() as folder, without_privileges(folder):
            path = saved(Path(folder), plain())
            path.chmod(0)
            assert refusal(path) == f"{path} may not be read: change its permissions"

    @pytest.mark.parametrize("size", [(1, 1), (15, 40), (40, 15)])
    def test_too_small(self, size):
        message = refusal(plain(size=size))
        assert message.endswith(f"is {size[0]}x{size[1]}: each side needs at least 16 pixels")

    @pytest.mark.parametrize("size", [(1600, 16), (16, 1600), (321, 16)])
    def test_too_narrow(self, size):
        assert refusal(plain(size=size)).endswith("crop it to an aspect of at most 1:20")

    def test_the_limits_themselves_are_allowed(self):
        assert open_picture(plain(size=(320, 16))).image.size == (320, 16)

    def test_wholly_transparent(self):
        assert "wholly transparent" in refusal(plain((0, 0, 0, 0), mode="RGBA"))

    def test_floating_point(self):
        assert "floating-point" in refusal(Image.new("F", (40, 30)))

    def test_no_picture_at_all(self):
        assert (
            refusal(np.zeros((40, 30, 3))) == "ndarray is no picture: give a path or a PIL picture"
        )


@contextmanager
def without_privileges(folder):
    """As an ordinary user, where tests run as root: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.chown(folder, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestHash:
    def test_of_a_file_is_that_of_its_bytes(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"abc")
        expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        assert picture_sha256(tmp_path / "a.png") == expected

    def test_of_a_picture_changes_with_all_that_shows(self):
        palette = plain(1, mode="P")
        palette.putpalette([0, 0, 0, 255, 0, 0])
        other_palette = plain(1, mode="P")
        other_palette.putpalette([0, 0, 0, 0, 255, 0])
        pictures = [
            plain(),
            plain("blue"),
            plain(size=(30, 40)),
            plain(mode="RGBA"),
            palette,
            other_palette,
        ]
        assert len({picture_sha256(picture) for picture in pictures}) == len(pictures)
        assert picture_sha256(plain()) == picture_sha256(plain())

    def test_missing_file(self, tmp_path):
        with pytest.raises(PictureError, match="is not there"):
            picture_sha256(tmp_path / "a.png")

"""Every format: the test card, the tags, the rate, the number of frames."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from PIL import Image

from skyreels_a2.media import colours, encoders
from skyreels_a2.media.decoders import decoder_for
from skyreels_a2.media.encoders import ENCODERS, Gif, Mp4, WebM, WebP
from skyreels_a2.media.videos import iter_frames, save_video
from skyreels_a2.video import Video, VideoSpec

BARS = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0)]
BARS += [(255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)]
SUFFIXES = sorted(set(ENCODERS) - {".png"})


def card_and_flat_areas(height=160, width=256):
    """Saturated bars, greys and a gradient; and where no edge is near."""
    card = np.zeros((height, width, 3), dtype=np.uint8)
    flat = np.zeros((height, width), dtype=bool)
    step = width // 8
    for i, bar in enumerate(BARS):
        card[:80, i * step : (i + 1) * step] = bar
        card[80:112, i * step : (i + 1) * step] = i * 36
        flat[8:72, i * step + 8 : (i + 1) * step - 8] = True
        flat[88:104, i * step + 8 : (i + 1) * step - 8] = True
    card[112:] = np.linspace(0, 255, width)[None, :, None]
    flat[120:152] = True
    return card, flat


CARD, FLAT = card_and_flat_areas()


def encode(folder, suffix, frames, fps=16.0, metadata=None):
    path = folder / f"video{suffix}"
    spec = VideoSpec(frames[0].shape[1], frames[0].shape[0], len(frames), fps)
    encoder = ENCODERS[suffix](path, spec, metadata or {})
    for frame in frames:
        encoder.add(frame)
    encoder.finish()
    encoder.release()
    return path


def flat_error(path):
    frames = list(decoder_for(path).frames())
    assert len(frames) == 5
    return np.mean([np.abs(frame.astype(int) - CARD)[FLAT].mean() for frame in frames])


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [(".mp4", 0.5), (".webm", 0.5), (".webp", 0.75), (".gif", 1.5), (".frames", 0)],
)
def test_card_comes_back(tmp_path, suffix, tolerance):
    assert flat_error(encode(tmp_path, suffix, [CARD] * 5)) <= tolerance


def test_card_shows_a_wrong_matrix(tmp_path, monkeypatch):
    def to_wrong_yuv(frame):
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601)
        colours.tag_bt709(picture)
        return picture

    monkeypatch.setattr(encoders, "to_yuv", to_wrong_yuv)
    assert flat_error(encode(tmp_path, ".mp4", [CARD] * 5)) > 2


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_streams_are_tagged_bt709_limited(tmp_path, suffix):
    with av.open(str(encode(tmp_path, suffix, [CARD] * 5))) as file:
        context = file.streams.video[0].codec_context
        tags = context.colorspace, context.color_primaries, context.color_trc
        assert tags == (1, 1, 1)
        assert context.color_range == 1
        assert context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("num_frames", [1, 5, 9])
def test_rate_and_number_survive_even_without_motion(tmp_path, suffix, num_frames):
    path = encode(tmp_path, suffix, [CARD] * num_frames, fps=23.976)
    info = decoder_for(path).info()
    assert (info.width, info.height, info.num_frames) == (256, 160, num_frames)
    assert info.fps == Fraction(24000, 1001)
    assert len(list(decoder_for(path).frames())) == num_frames


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_keep_their_order_and_place(tmp_path, suffix):
    levels = [0, 0, 80, 80, 80, 160, 240, 240, 20]
    frames = [np.full((32, 48, 3), level, dtype=np.uint8) for level in levels]
    path = encode(tmp_path, suffix, frames, fps=24)
    read = [frame.mean() for frame in decoder_for(path).frames()]
    np.testing.assert_allclose(read, levels, atol=3)


@pytest.mark.parametrize(("encoder", "tick"), [(Gif, 10), (WebP, 1)])
@pytest.mark.parametrize("fps", [8, 15, 16, 23.976, 24, 30, 50])
def test_durations_do_not_drift(tmp_path, encoder, tick, fps):
    frame = np.zeros((16, 16, 3), dtype=np.uint8)
    animation = encoder(tmp_path / "a", VideoSpec(16, 16, 81, fps), {})
    for _ in range(81):
        animation.add(frame)
    durations = animation.durations()
    assert len(durations) == 81
    assert all(duration % tick == 0 for duration in durations)
    np.testing.assert_allclose(np.cumsum(durations), np.arange(1, 82) * 1000 / fps, atol=tick)


def test_written_durations_are_those_of_the_rate(tmp_path):
    frames = [np.full((16, 16, 3), 20 * i, dtype=np.uint8) for i in range(9)]
    for suffix in (".gif", ".webp"):
        with Image.open(encode(tmp_path, suffix, frames, fps=24)) as picture:
            total = 0
            for i in range(9):
                picture.seek(i)
                picture.load()
                total += picture.info["duration"]
        assert total == pytest.approx(375, abs=5)


def test_gif_above_50_fps_plays_at_50(tmp_path):
    path = encode(tmp_path, ".gif", [CARD] * 5, fps=60)
    assert decoder_for(path).info().fps == 50
    assert len(list(decoder_for(path).frames())) == 5


def test_mp4_has_its_index_first(tmp_path):
    data = encode(tmp_path, ".mp4", [CARD] * 5).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_webm_falls_back_to_av1(tmp_path, monkeypatch):
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("FFmpeg was built without SVT-AV1")
    monkeypatch.setattr(WebM, "codecs", {"no-such-vp9": {}, **WebM.codecs})
    monkeypatch.delitem(WebM.codecs, "libvpx-vp9")
    path = encode(tmp_path, ".webm", [CARD] * 5)
    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.name in {"av1", "libdav1d"}
    assert flat_error(path) < 0.75


def test_png_frames_are_numbered_files(tmp_path):
    path = encode(tmp_path, ".png", [CARD] * 5)
    assert sorted(entry.name for entry in path.iterdir()) == [f"frame_000{i}.png" for i in range(5)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_frames_need_not_be_contiguous(tmp_path, suffix):
    frame = np.zeros((64, 96, 3), dtype=np.uint8)
    frame[:, :, 0] = 200
    path = encode(tmp_path, suffix, [frame[::2, ::2]])
    read = next(decoder_for(path).frames())
    np.testing.assert_allclose(read.mean((0, 1)), (200, 0, 0), atol=3)


def test_compressed_streams_are_written_as_they_come(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    encoder = Mp4(tmp_path / "a.mp4", VideoSpec(64, 64, 401, 16), {})
    for i in range(400):
        encoder.add(noise[i % 8])
    assert (tmp_path / "a.mp4").stat().st_size > 500_000
    encoder.release()


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_same_frames_come_back_the_same_every_time(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (9, 96, 160, 3), dtype=np.uint8)
    video = Video(noise // 4 + 96, VideoSpec(160, 96, 9, 10))
    read = set()
    for _ in range(15):
        path = save_video(video, tmp_path / f"out{suffix}", overwrite=True)
        read.add(b"".join(frame.tobytes() for frame in iter_frames(path)))
    assert len(read) == 1

from fractions import Fraction

import av
import numpy as np
import pytest
from material import write_video

from skyreels_a2.data.labels import labels_of
from skyreels_a2.data.probe import find_sources, identify, probe
from skyreels_a2.data.records import Dropped, Probed
from skyreels_a2.data.settings import ProbeSettings
from skyreels_a2.errors import InputError

SETTINGS = ProbeSettings(min_short_side=96)


def judged(path, **settings):
    return probe(identify(path), SETTINGS.model_copy(update=settings))


def encode(path, frames, *, stamps=None, colour=None, options=None):
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", 12, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.codec_context.time_base = Fraction(1, 120)
        if colour:
            stream.codec_context.color_trc = colour
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.time_base = Fraction(1, 120)
            picture.pts = stamps[number] if stamps else 10 * number
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path


def test_a_good_video_is_described(tmp_path, scene_frames):
    found = judged(write_video(tmp_path / "a.mp4", scene_frames))
    assert isinstance(found, Probed)
    assert (found.width, found.height, found.num_frames) == (256, 160, 25)
    assert found.fps == pytest.approx(12)
    assert (found.codec, found.has_audio) == ("h264", False)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"min_short_side": 480}, "too small"),
        ({"min_fps": 20}, "frame rate too low"),
        ({"max_fps": 10}, "frame rate too high"),
        ({"min_seconds": 5}, "too short"),
        ({"max_seconds": 1}, "too long"),
        ({"audio": "required"}, "no sound"),
        ({"max_pixels": 1000}, "too many pixels"),
        ({"max_frames": 10}, "too many frames"),
        ({"containers": ("matroska",)}, "container"),
        ({"codecs": ("vp9", "av1")}, "codec"),
        ({"labels": ("cooking",)}, "no wanted label"),
        ({"without_labels": ("cartoon",)}, "unwanted label"),
    ],
)
def test_what_is_not_wanted_is_dropped_with_its_reason(tmp_path, scene_frames, settings, reason):
    (tmp_path / "a.json").write_text('{"type": "Cartoon", "labels": ["knife"]}', "utf-8")
    found = judged(write_video(tmp_path / "a.mp4", scene_frames), **settings)
    assert isinstance(found, Dropped)
    assert (found.reason, bool(found.detail)) == (reason, reason != "no sound")


def test_labels_are_those_of_folders_and_of_the_file_beside(tmp_path, scene_frames):
    folder = tmp_path / "Pexels" / "cooking"
    folder.mkdir(parents=True)
    video = write_video(folder / "a.mp4", scene_frames)
    (folder / "a.json").write_text('{"source": "me", "labels": ["Knife"]}', "utf-8")
    found = judged(video, labels=("knife", "fork"), without_labels=("cartoon",))
    assert {"pexels", "cooking", "me", "knife"} <= set(found.labels)
    (folder / "a.json").write_text("no JSON", "utf-8")
    assert judged(video, labels=("cooking",)).labels == labels_of(folder / "b.mp4")


def test_flv_is_taken(tmp_path, scene_frames):
    found = judged(encode(tmp_path / "a.flv", scene_frames))
    assert (found.container, found.num_frames) == ("flv", len(scene_frames))


def test_broken_files_are_dropped(tmp_path, scene_frames):
    whole = write_video(tmp_path / "a.mp4", scene_frames).read_bytes()
    for name, content, reason in (
        ("empty.mp4", b"", "empty file"),
        ("text.mp4", b"this is no video", "not readable"),
        ("cut.mp4", whole[: len(whole) // 20], "not readable"),
    ):
        (tmp_path / name).write_bytes(content)
        found = judged(tmp_path / name)
        assert isinstance(found, Dropped), name
        assert found.reason == reason, name


def test_a_variable_rate_is_noticed(tmp_path, scene_frames):
    stamps = np.cumsum([10, 10, 40] * 9)[:25].tolist()
    found = judged(encode(tmp_path / "v.mp4", scene_frames, stamps=stamps))
    assert isinstance(found, Dropped)
    assert found.reason == "variable frame rate"


def test_high_dynamic_range_is_noticed(tmp_path, scene_frames):
    found = judged(encode(tmp_path / "h.mp4", scene_frames, colour=16))
    assert isinstance(found, Dropped)
    assert (found.reason, found.detail) == ("high dynamic range", "PQ")


def test_interlaced_video_is_noticed(tmp_path, scene_frames):
    options = {"x264-params": "interlaced=1:tff=1"}
    found = judged(encode(tmp_path / "i.mp4", scene_frames, options=options))
    assert isinstance(found, Dropped)
    assert found.reason == "interlaced"


def test_a_source_is_known_by_its_content(tmp_path, scene_frames):
    first = write_video(tmp_path / "a.mp4", scene_frames)
    moved = first.with_name("b.mp4")
    moved.write_bytes(first.read_bytes())
    assert identify(first).source_id == identify(moved).source_id
    other = write_video(tmp_path / "c.mp4", scene_frames[::-1])
    assert identify(other).source_id != identify(first).source_id


def test_videos_are_found_in_folders_and_lists(tmp_path):
    for name in ("in/a.mp4", "in/deep/b.MKV", "in/.hidden/c.mp4", "in/notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [p.name for p in find_sources(tmp_path / "in")]
    assert names == ["a.mp4", "b.MKV"]
    (tmp_path / "list.txt").write_text("# mine\nin/a.mp4\n\n")
    assert find_sources(tmp_path / "list.txt") == [tmp_path / "in/a.mp4"]
    with pytest.raises(InputError, match="no videos"):
        find_sources(tmp_path / "nowhere")

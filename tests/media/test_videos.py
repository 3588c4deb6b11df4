"""The public face: writing, checks before work, failures that leave nothing, metadata, reading."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import InputError, OutputError, SpecError
from skyreels_a2.media import videos
from skyreels_a2.request import Generation, GenerationRequest
from skyreels_a2.video import Video, VideoSpec

SPEC = VideoSpec(64, 48, 5, 16)
FORMATS = [".mp4", ".webm", ".gif", ".webp", ".frames"]


def moving_video(spec=SPEC):
    shape = (spec.num_frames, spec.height, spec.width, 3)
    frames = np.full(shape, 40, dtype=np.uint8)
    for i, frame in enumerate(frames):
        frame[:, 8 * i : 8 * i + 16] = (200, 120, 30)
    return Video(frames, spec)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def one_line(caught):
    return "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_video_comes_back(tmp_path, suffix):
    video = moving_video()
    path = videos.save_video(video, tmp_path / f"v{suffix}")
    assert path == tmp_path / f"v{suffix}"
    assert names(tmp_path) == [path.name]
    read = videos.read_video(path)
    assert read.spec == video.spec
    error = np.abs(read.frames.astype(int) - video.frames).mean()
    assert error == 0 if suffix == ".frames" else error < 4


@pytest.mark.parametrize("suffix", FORMATS)
def test_chunks_of_any_length_make_the_same_video(tmp_path, suffix):
    video = moving_video()
    whole = videos.save_video(video, tmp_path / f"whole{suffix}")
    with videos.open_writer(tmp_path / f"chunks{suffix}", SPEC) as writer:
        for start, stop in ((0, 1), (1, 1), (1, 4), (4, 5)):
            writer.write(video.frames[start:stop])
    chunks = videos.read_video(writer.path).frames
    np.testing.assert_array_equal(chunks, videos.read_video(whole).frames)


def test_a_generation_is_saved_as_its_video(tmp_path):
    element = Element(Role.OBJECT, (Path("ball.png"),))
    request = GenerationRequest(Composition("a ball rolls", (element,)), SPEC, seed=7)
    generation = Generation(moving_video(), request)
    path = videos.save_generation(generation, tmp_path / "v.frames", metadata={"seed": "7"})
    assert videos.read_metadata(path) == {"seed": "7"}
    np.testing.assert_array_equal(videos.read_video(path).frames, generation.video.frames)


@pytest.mark.parametrize("asked", ["v.png", "v.frames", "v/"])
def test_ways_to_ask_for_png_frames(tmp_path, asked):
    path = videos.save_video(moving_video(), f"{tmp_path}/{asked}")
    assert path.name == ("v" if asked == "v/" else "v.frames")
    assert (path / "frame_0004.png").exists()
    assert videos.probe(f"{tmp_path}/{asked}").num_frames == 5


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    "metadata",
    [
        {"request": json.dumps({"prompt": "schöne 猫 🐈 " * 3000}, ensure_ascii=False)},
        {"Key": "a", "key": "b", "ключ": "", "": " leading, trailing \r\n\0 "},
    ],
    ids=["long", "odd"],
)
def test_metadata_comes_back_exactly(tmp_path, suffix, metadata):
    path = videos.save_video(moving_video(), tmp_path / f"v{suffix}", metadata=metadata)
    assert videos.read_metadata(path) == metadata


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_metadata_is_an_empty_dict(tmp_path, suffix):
    assert videos.read_metadata(videos.save_video(moving_video(), tmp_path / f"v{suffix}")) == {}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("written", [0, 3])
def test_interrupted_writing_leaves_nothing(tmp_path, suffix, error, written):
    def interrupted():
        with videos.open_writer(tmp_path / f"v{suffix}", SPEC) as writer:
            writer.write(moving_video().frames[:written])
            raise error

    with pytest.raises(error):
        interrupted()
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", FORMATS)
def test_too_few_frames_leave_nothing(tmp_path, suffix):
    with (
        pytest.raises(SpecError, match="3 frames were written"),
        videos.open_writer(tmp_path / f"v{suffix}", SPEC) as writer,
    ):
        writer.write(moving_video().frames[:3])
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((6, 48, 64, 3), np.uint8), "6 frames are too many"),
        (np.zeros((1, 64, 48, 3), np.uint8), "shape"),
        (np.zeros((48, 64, 3), np.uint8), "shape"),
        (np.zeros((1, 48, 64, 3), np.float32), "float32"),
    ],
)
def test_frames_that_do_not_follow_the_spec_are_refused(tmp_path, frames, message):
    with pytest.raises(SpecError, match=message), videos.open_writer(tmp_path / "v.mp4", SPEC) as w:
        w.write(frames)


FULL_DISK = """
import resource, sys
import numpy as np
from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import OutputError
from skyreels_a2.media.videos import open_writer
from skyreels_a2.video import VideoSpec
path, limit = sys.argv[1], int(sys.argv[2])
noise = np.random.default_rng(0).integers(0, 256, (17, 128, 192, 3), dtype=np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with open_writer(path, VideoSpec(192, 128, 17, 16)) as writer:
        writer.write(noise)
except OutputError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.999])
def test_full_disk_is_one_line_and_leaves_nothing(tmp_path, suffix, share):
    def write(name, limit):
        command = [sys.executable, "-c", FULL_DISK, str(tmp_path / name), str(limit)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert write(f"all{suffix}", 10**9).returncode == 0
    whole = tmp_path / f"all{suffix}"
    size = (whole / "frame_0000.png" if whole.is_dir() else whole).stat().st_size
    result = write(f"full{suffix}", int(size * share))
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert "free some space" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert names(tmp_path) == [whole.name]


@pytest.mark.parametrize("name", ["v", "v.avi", "v.mp4.txt", ".mp4"])
def test_unknown_suffix_lists_the_known_ones(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.mp4, \.webm, \.gif") as caught:
        videos.check_output(tmp_path / name, overwrite=False)
    assert one_line(caught)


def test_missing_parents_are_made_and_nothing_else(tmp_path):
    videos.check_output(tmp_path / "a" / "b" / "v.MP4", overwrite=False)
    assert names(tmp_path / "a" / "b") == []


def test_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another path") as caught:
        videos.check_output(tmp_path / "file" / "v.mp4", overwrite=True)
    assert one_line(caught)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody may write to")
def test_folder_that_nobody_may_write_to_is_refused():
    with pytest.raises(OutputError, match="cannot be written"):
        videos.check_output("/proc/self/v.mp4", overwrite=False)


def test_name_too_long_is_refused(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        videos.check_output(tmp_path / ("n" * 300 + ".mp4"), overwrite=False)


@pytest.mark.parametrize("suffix", FORMATS)
def test_existing_output_needs_overwrite(tmp_path, suffix):
    path = videos.save_video(moving_video(), tmp_path / f"v{suffix}")
    with pytest.raises(OutputError, match="--overwrite"):
        videos.check_output(path, overwrite=False)
    with pytest.raises(OutputError, match="--overwrite"):
        videos.save_video(moving_video(), path)
    videos.check_output(path, overwrite=True)
    videos.save_video(moving_video(), path, metadata={"take": "2"}, overwrite=True)
    assert videos.read_metadata(path) == {"take": "2"}
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("overwrite", [False, True])
def test_things_in_the_way_are_never_replaced(tmp_path, overwrite):
    (tmp_path / "v.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        videos.check_output(tmp_path / "v.mp4", overwrite=overwrite)
    (tmp_path / "v.frames").touch()
    with pytest.raises(OutputError, match="is not a folder"):
        videos.check_output(tmp_path / "v.frames", overwrite=overwrite)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").touch()
    with pytest.raises(OutputError, match="other files"):
        videos.check_output(f"{tmp_path}/home/", overwrite=overwrite)


def test_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert videos.save_video(moving_video(), f"{tmp_path}/out/") == tmp_path / "out"
    assert len(names(tmp_path / "out")) == 5


def test_relative_path_with_a_colon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("take:1").mkdir()
    path = videos.save_video(moving_video(), "take:1/v:2.mp4")
    assert videos.probe(path).num_frames == 5


READERS = [
    videos.probe,
    videos.read_metadata,
    videos.read_video,
    lambda path: list(videos.iter_frames(path)),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["none.mp4", "none.gif", "none.frames", "none.png", "empty"])
def test_missing_files_are_input_errors(tmp_path, reader, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot be read as a video") as caught:
        reader(tmp_path / name)
    assert one_line(caught)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp", ".txt"])
@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_broken_files_are_input_errors(tmp_path, reader, suffix, content):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a video") as caught:
        reader(path)
    assert one_line(caught)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp"])
def test_cut_off_files_do_not_pass_as_whole(tmp_path, suffix):
    spec = VideoSpec(64, 48, 41, 16)
    noise = np.random.default_rng(0).integers(0, 256, (41, 48, 64, 3), dtype=np.uint8)
    path = videos.save_video(Video(noise, spec), tmp_path / f"v{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(InputError):
        videos.read_video(path)


def test_video_that_no_model_could_make_is_iterated_not_read(tmp_path):
    path = videos.save_video(moving_video(), tmp_path / "v.frames")
    (path / "frame_0004.png").unlink()
    assert videos.probe(path).num_frames == 4
    assert len(list(videos.iter_frames(path))) == 4
    with pytest.raises(SpecError, match=r"v\.frames: number of frames is 4"):
        videos.read_video(path)

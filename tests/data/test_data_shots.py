import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace
from material import probed, write_video

from skyreels_a2.data.records import Dropped
from skyreels_a2.data.settings import ShotSettings
from skyreels_a2.data.shots import content_box, cut_shots
from skyreels_a2.media.videos import iter_frames, read_video


def cut(path, folder, **settings):
    folder.mkdir(exist_ok=True)
    results = list(cut_shots(probed(path), ShotSettings(**settings), folder))
    return [r[0] for r in results if not isinstance(r, Dropped)], [
        r for r in results if isinstance(r, Dropped)
    ]


@pytest.mark.parametrize("detector", ["adaptive", "transnet"])
def test_shots_are_cut_where_the_truth_cuts(raw, truths, tmp_path, detector):
    for truth in truths:
        settings = {"detector": detector, "trim_seconds": 0, "min_seconds": 0.5}
        shots, _ = cut(raw / truth.video, tmp_path / truth.video[-7:-4], **settings)
        starts = [round(shot.start * truth.fps) for shot in shots]
        assert starts == [shot.start for shot in truth.shots]


def test_frames_next_to_cuts_are_left_out_and_files_follow_the_spec(raw, truths, tmp_path):
    truth = truths[0]
    shots, _ = cut(raw / truth.video, tmp_path / "unit", trim_seconds=0.25, min_seconds=1)
    edge = truth.shots[0].stop / truth.fps
    assert shots[0].stop <= edge - 0.25
    assert shots[1].start >= edge + 0.25 - 1e-6
    for shot in shots:
        video = read_video(tmp_path / "unit" / shot.path)
        assert video.spec.num_frames == shot.num_frames


def test_key_frames_cut_too(raw, truths, tmp_path):
    settings = {"detector": "keyframes", "min_seconds": 0.3, "trim_seconds": 0}
    shots, _ = cut(raw / truths[0].video, tmp_path / "unit", **settings)
    assert shots[0].start == 0


def test_long_shots_are_cut_up_and_short_ones_dropped(tmp_path, scene_frames):
    path = write_video(tmp_path / "a.mp4", scene_frames)
    shots, _ = cut(path, tmp_path / "two", max_seconds=1.0, min_seconds=0.5)
    assert [round(s.start * 12) for s in shots] == [0, 12]
    assert [s.num_frames for s in shots] == [9, 9]
    shots, dropped = cut(path, tmp_path / "none", min_seconds=5)
    assert not shots
    assert [d.reason for d in dropped] == ["shot too short"]


def test_fades_are_trimmed(tmp_path, scene_frames):
    gain = np.ones(25)
    gain[:6] = [0, 0, 0, 0, 0.03, 0.05]
    faded = (scene_frames * gain[:, None, None, None]).astype(np.uint8)
    shots, _ = cut(write_video(tmp_path / "a.mp4", faded), tmp_path / "unit", detector="keyframes")
    assert round(shots[0].start * 12) == 6


def test_bars_are_cropped(tmp_path, scene_frames):
    scene_frames[:, :24] = 0
    scene_frames[:, -24:] = 0
    box = content_box(scene_frames, 20)
    assert box == pytest.approx((0, 0.15, 1, 0.85), abs=0.01)
    shots, _ = cut(write_video(tmp_path / "a.mp4", scene_frames), tmp_path / "unit")
    assert (shots[0].width, shots[0].height) == (256, 112)
    _, dropped = cut(tmp_path / "a.mp4", tmp_path / "unit2", max_bars=0.1)
    assert [d.reason for d in dropped] == ["bars"]


@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601])
def test_a_shot_has_the_colours_of_its_source(tmp_path, scene_frames, matrix):
    path = write_in_matrix(tmp_path / "a.mp4", scene_frames, matrix)
    shots, _ = cut(path, tmp_path / "unit")
    inside = scene_frames[: shots[0].num_frames].astype(float)
    source, shot = (
        np.stack(list(iter_frames(p)))[: len(inside)].astype(float)
        for p in (path, tmp_path / "unit" / shots[0].path)
    )
    assert np.abs(shot.mean((0, 1, 2)) - inside.mean((0, 1, 2))).max() < 1.5
    lost = np.mean((source - inside) ** 2)
    assert np.mean((shot - source) ** 2) < lost + 4


def write_in_matrix(path, frames, matrix):
    """An MP4 whose colours are in a matrix, and tagged so."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", 12, {"crf": "10"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        tag = 1 if matrix == Colorspace.ITU709 else 6
        stream.codec_context.colorspace, stream.codec_context.color_range = tag, 1
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            yuv = picture.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=1)
            file.mux(stream.encode(yuv))
        file.mux(stream.encode(None))
    return path


def test_a_video_that_breaks_off_gives_what_was_whole(tmp_path, raw, truths):
    content = (raw / truths[0].video).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: int(len(content) * 0.7)])
    shots, dropped = cut(path, tmp_path / "unit", min_seconds=0.5)
    assert shots
    assert [d.reason for d in dropped] in (["breaks off"], [])

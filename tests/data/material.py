"""Settings, a runner and makers that the tests of the data pipeline share."""

from __future__ import annotations

from skyreels_a2.data.backends.choice import open_backends
from skyreels_a2.data.build import Plan
from skyreels_a2.data.elements import dissect
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.probe import identify, probe
from skyreels_a2.data.records import JudgedShot, Scores, Shot
from skyreels_a2.data.settings import Settings
from skyreels_a2.data.unit import run_unit
from skyreels_a2.data.workers import UnitOutcome
from skyreels_a2.media.videos import save_video
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.video import Video, VideoSpec

SMALL = SceneSpec(
    video=VideoSpec(256, 160, 61, 12), characters=(1, 1), objects=(0, 0), shots=(2, 2)
)
SETTINGS = Settings().with_settings(["probe.min_short_side=96"])


def run_here(tasks, workers):
    """Units one after the other in this process."""
    for task in tasks:
        yield UnitOutcome(task, run_unit(task), "", 0.0)


HERE = Plan(SETTINGS, 1, run_here)


def write_video(path, frames, fps=12.0):
    """Frames as an MP4; returns the path."""
    count, height, width, _ = frames.shape
    return save_video(Video(frames, VideoSpec(width, height, count, fps)), path)


def probed(path):
    """A video that passed the first stage."""
    return probe(identify(path), SETTINGS.probe)


SHOT = Shot(
    shot_id="s-0000",
    source_id="s",
    number=0,
    start=0,
    stop=2,
    fps=12,
    width=256,
    height=160,
    num_frames=25,
    content=(0, 0, 1, 1),
    path="shots/0000.mp4",
    sha256="",
)

JUDGED = JudgedShot(
    shot=SHOT,
    scores=Scores(motion=1, subject_area=0.1, sharpness=99, luma=99, contrast=40),
    hashes=("00" * 32,) * 3,
)


def found(frames, folder, *settings):
    """What the elements stage makes of frames."""
    wishes = Settings().with_settings(settings)
    footage = Footage(frames, 12)
    return dissect(JUDGED, footage, wishes.elements, open_backends(wishes), folder)[0]

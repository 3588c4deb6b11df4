import numpy as np
import pytest

from skyreels_a2.bench.generating import Settings, generate, is_done, plan_jobs, write_files
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.errors import CompositionError, SpecError
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.media.videos import probe, read_video
from skyreels_a2.request import Generation, Sampling
from skyreels_a2.video import Video, VideoSpec

MODEL = ModelRecord(name="painter")
WINDOW = VideoSpec(32, 32, 17, 10)


class Painter:
    """A composer whose video is one colour, decided by the seed; refuses what it is told to."""

    def __init__(self, refuse=""):
        self.made = []
        self.refuse = refuse

    def generate(self, request):
        if self.refuse and self.refuse in request.composition.prompt:
            raise CompositionError("not this one")
        self.made.append(request)
        spec = request.delivered_spec
        level = 10 + 20 * (request.seed % 10)
        frames = np.full((spec.num_frames, spec.height, spec.width, 3), level, np.uint8)
        return Generation(Video(frames, spec), request)


@pytest.fixture
def suite(cases):
    return Suite("three", tuple(cases), files={"prompts.json": "{}\n"})


def settings(**changed):
    given = {
        "window": WINDOW,
        "sampling": Sampling(num_inference_steps=1),
        "seed": 3,
        "num_seeds": 1,
        "model": MODEL,
        **changed,
    }
    return Settings(**given)


def test_videos_get_the_names_and_lengths_that_are_expected(suite, tmp_path):
    jobs = plan_jobs(suite, suite.cases, tmp_path, settings())
    painter = Painter()
    outcomes = generate(jobs, lambda: painter, MODEL)
    assert [o.error for o in outcomes] == ["", "", ""]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["case-0.mp4", "case-1.mp4", "case-2.mp4"]
    # Two references take 8 of the window's 17 frames.
    assert probe(tmp_path / "case-0.mp4").num_frames == 9
    (job, *_) = plan_jobs(suite, suite.cases, tmp_path, settings(num_frames=13))
    assert job.request.spec.num_frames == 13
    with pytest.raises(SpecError):
        plan_jobs(suite, suite.cases, tmp_path, settings(window=VideoSpec(32, 32, 5, 10)))


def test_a_finished_video_is_not_made_again_unless_it_was_asked_for_otherwise(suite, tmp_path):
    jobs = plan_jobs(suite, suite.cases, tmp_path, settings())
    generate(jobs[:2], Painter, MODEL)
    painter = Painter()
    generate(jobs, lambda: painter, MODEL)
    assert [r.composition for r in painter.made] == [suite.cases[2].composition]
    assert all(is_done(job, MODEL) for job in jobs)

    def never():
        raise AssertionError("nothing was to be made")

    assert generate(jobs, never, MODEL) == []
    other = plan_jobs(suite, suite.cases, tmp_path, settings(seed=4))
    assert not is_done(other[0], MODEL)
    assert not is_done(jobs[0], ModelRecord(name="another"))
    generate(other, Painter, MODEL)
    assert abs(int(read_video(jobs[0].path).frames.mean()) - 90) <= 2


def test_a_case_that_cannot_be_made_is_told_and_the_next_goes_on(suite, tmp_path):
    done = []
    outcomes = generate(
        plan_jobs(suite, suite.cases, tmp_path, settings()),
        lambda: Painter(refuse="number 1"),
        MODEL,
        on_video=lambda *n: done.append(n),
    )
    assert [o.error for o in outcomes] == ["", "not this one", ""]
    assert not (tmp_path / "case-1.mp4").exists()
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_several_seeds_go_to_a_folder_of_candidates(suite, tmp_path):
    jobs = plan_jobs(suite, suite.cases[:1], tmp_path, settings(num_seeds=2))
    assert [job.path.relative_to(tmp_path).as_posix() for job in jobs] == [
        "candidates/case-0-3.mp4",
        "candidates/case-0-4.mp4",
    ]
    assert [job.request.seed for job in jobs] == [3, 4]


def test_files_for_the_suites_own_scorer_are_written(suite, tmp_path):
    write_files(suite, tmp_path / "videos")
    assert (tmp_path / "videos/prompts.json").read_text() == "{}\n"

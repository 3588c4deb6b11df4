"""Generation: a video for every case, by any `Composer`; what is there already is not made again.

Every video carries the manifest of its request, by which a finished one is known. Work can be cut
into shards by hand or given to a Ray cluster (`ray_engine`); the jobs are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.errors import InputError, SkyReelsA2Error
from skyreels_a2.media.atomic import output_errors, write_aside
from skyreels_a2.media.manifest import Manifest, ModelRecord
from skyreels_a2.media.videos import save_generation
from skyreels_a2.request import Composer, GenerationRequest, Sampling
from skyreels_a2.video import TIME_STEP, VideoSpec

CANDIDATES = "candidates"
"""Folder of the videos that `--best-of` chooses from."""


@dataclass(frozen=True, slots=True)
class Job:
    """One video that is to be made.

    Attributes:
        case: The case it answers.
        request: All that decides it.
        path: Where it goes.
    """

    case: Case
    request: GenerationRequest
    path: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What all videos of a run have in common.

    Attributes:
        window: Size and rate, and the frames that are sampled, those of the references included.
        sampling: Steps and guidance.
        seed: Seed of the first video of each case; further ones count up.
        num_seeds: Videos a case, of which the best is chosen.
        model: What the manifests say of the model.
        num_frames: Frames delivered; None for what the window leaves beside the references.
    """

    window: VideoSpec
    sampling: Sampling
    seed: int
    num_seeds: int
    model: ModelRecord
    num_frames: int | None = None

    def spec_for(self, case: Case) -> VideoSpec:
        """What is delivered for a case.

        Raises:
            SpecError: Its references fill the window.
        """
        taken = TIME_STEP * len(case.composition.references)
        length = self.num_frames or self.window.num_frames - taken
        return replace(self.window, num_frames=length)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: made, or why not."""

    case: str
    path: Path
    error: str = ""


def plan_jobs(suite: Suite, cases: Sequence[Case], folder: Path, settings: Settings) -> list[Job]:
    """The videos to be made, in the order of the cases."""
    jobs = []
    for case in cases:
        name, spec = suite.video_name(case), settings.spec_for(case)
        for seed in range(settings.seed, settings.seed + settings.num_seeds):
            path = folder / name
            if settings.num_seeds > 1:
                path = folder / CANDIDATES / f"{Path(name).stem}-{seed}.mp4"
            request = GenerationRequest(case.composition, spec, seed, settings.sampling)
            jobs.append(Job(case, request, path))
    return jobs


def is_done(job: Job, model: ModelRecord) -> bool:
    """Whether the video is there and was made from this very request by this model."""
    try:
        return Manifest.read(job.path).decides_as(Manifest.of(job.request, model))
    except InputError:
        return False


def make(job: Job, composer: Composer, model: ModelRecord) -> Outcome:
    """Make one video; it appears complete, and replaces one of other settings.

    What a composer or a case cannot do is told in the outcome: one bad case ends no run.
    """
    try:
        generation = composer.generate(job.request)
        metadata = Manifest.of(job.request, model).metadata()
        job.path.parent.mkdir(parents=True, exist_ok=True)
        save_generation(generation, job.path, metadata=metadata, overwrite=True)
    except SkyReelsA2Error as error:
        return Outcome(job.case.id, job.path, str(error))
    return Outcome(job.case.id, job.path)


def generate(
    jobs: Sequence[Job],
    open_composer: Callable[[], Composer],
    model: ModelRecord,
    *,
    on_video: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Make all videos in this process; the composer is opened when there is something to make."""
    pending = [job for job in jobs if not is_done(job, model)]
    if not pending:
        return []
    composer = open_composer()
    return list(_told((make(job, composer, model) for job in pending), len(pending), on_video))


def write_files(suite: Suite, folder: Path) -> None:
    """The text files that the suite's own scorer wants beside its videos.

    Raises:
        OutputError: They cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in suite.files.items():
        with write_aside(folder / name, overwrite=True) as part:
            part.write_text(text, encoding="utf-8")


def _told(
    outcomes: Iterable[Outcome], total: int, on_video: Callable[[int, int], None] | None
) -> Iterable[Outcome]:
    for number, outcome in enumerate(outcomes, start=1):
        if on_video:
            on_video(number, total)
        yield outcome

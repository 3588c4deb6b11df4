"""Jobs and elements as the API tells them."""

from __future__ import annotations

from pathlib import Path

from skyreels_a2.serving.jobs import Job, JobState, SavedElement
from skyreels_a2.serving.models import Forecast, ServedModel
from skyreels_a2.serving.outlooks import Outlook
from skyreels_a2.serving.schemas import (
    CheckAnswer,
    ElementAnswer,
    ModelAnswer,
    Problem,
    ReferenceAnswer,
    VideoAnswer,
)
from skyreels_a2.serving.service import Checked

_DECODING_SHARE = 10.0
"""Per cent of the bar for decoding; the rest is sampling."""


def video_answer(
    job: Job,
    outlook: Outlook,
    *,
    remarks: tuple[str, ...] = (),
    has_preview: bool = False,
    deleted: bool = False,
) -> VideoAnswer:
    """A job for the API."""
    order = job.order
    spec, sampling = order.spec, order.sampling
    failed = job.state == JobState.FAILED
    problem = Problem(type=job.error_type, message=job.error) if failed else None
    ended = job.finished or None
    return VideoAnswer(
        id=job.id,
        status="deleted" if deleted else job.state,  # type: ignore[arg-type]  # a state's value
        cancelling=bool(job.cancelling) and job.state == JobState.RUNNING,
        model=job.model,
        progress=progress_of(job),
        phase=job.phase,
        step=job.done if job.phase == "sample" else 0,
        steps=sampling.num_inference_steps,
        queue_position=outlook.position,
        seconds_left=outlook.seconds_left,
        seconds_taken=job.finished - job.started if job.finished and job.started else None,
        preview=f"/v1/videos/{job.id}/preview" if has_preview else None,
        created_at=job.created,
        started_at=job.started or None,
        completed_at=ended,
        error=problem,
        attempts_lost=job.crashes,
        prompt=order.prompt,
        text=spoken(job),
        input_references=_references(job),
        size=f"{spec.width}x{spec.height}",
        seconds=spec.seconds,
        num_frames=spec.num_frames,
        fps=spec.fps,
        seed=order.seed,
        num_inference_steps=sampling.num_inference_steps,
        guidance_scale=sampling.guidance_scale,
        image_guidance_scale=sampling.image_guidance_scale,
        negative_prompt=sampling.negative_prompt,
        guider=sampling.guider,
        scheduler=sampling.scheduler,
        flow_shift=sampling.flow_shift,
        guidance_interval=sampling.guidance_interval,
        appearance_matching=sampling.appearance_matching,
        priority=job.priority,
        num_bytes=job.num_bytes,
        remarks=list(remarks),
    )


def progress_of(job: Job) -> float:
    """Per cent of a job that are done."""
    share = job.done / job.total if job.total else 0.0
    if job.state == JobState.DONE:
        return 100.0
    if job.phase == "sample":
        return round(share * (100 - _DECODING_SHARE), 1)
    if job.phase == "decode":
        return round(100 - _DECODING_SHARE * (1 - share), 1)
    return 0.0


def spoken(job: Job) -> str:
    """The prompt of a job as the model reads it."""
    return job.order.request(Path()).composition.text


def check_answer(checked: Checked, *, queue_length: int) -> CheckAnswer:
    """What a request would come to, for the API."""
    planned, forecast = checked.planned, checked.forecast or Forecast()
    spec = planned.order.spec
    return CheckAnswer(
        ok=True,
        errors=[],
        remarks=[*planned.remarks, *filter(None, [forecast.trouble])],
        text=planned.text,
        size=f"{spec.width}x{spec.height}",
        num_frames=spec.num_frames,
        seconds=spec.seconds,
        num_references=len(planned.sources),
        seconds_to_make=forecast.seconds if checked.seconds is None else checked.seconds,
        measured=checked.seconds is not None,
        memory_bytes=forecast.memory,
        counting=checked.forecast is None,
        queue_length=queue_length,
    )


def refused_answer(error: str, *, queue_length: int) -> CheckAnswer:
    """Why a request cannot be made, for the API."""
    return CheckAnswer(ok=False, errors=[error], remarks=[], queue_length=queue_length)


def element_answer(element: SavedElement) -> ElementAnswer:
    """A saved element for the API."""
    return ElementAnswer(
        id=element.id,
        name=element.name,
        role=element.role,  # type: ignore[arg-type]  # a role's value
        description=element.description,
        pictures=[f"/v1/elements/{element.id}/pictures/{i}" for i in range(element.pictures)],
        created_at=element.created,
    )


def model_answer(model: ServedModel, pace: float | None) -> ModelAnswer:
    """A model for the API."""
    spec = model.spec
    a_step = spec.width * spec.height * spec.num_frames
    return ModelAnswer(
        id=model.name,
        seconds_per_step=None if pace is None else pace * a_step,
        **model.describe(),
    )


def _references(job: Job) -> list[ReferenceAnswer]:
    return [
        ReferenceAnswer(
            role=element.role,
            name=element.name,
            description=element.description,
            strength=element.strength,
            pictures=[
                f"/v1/videos/{job.id}/references/{name.removesuffix('.png')}"
                for name in element.pictures
            ],
        )
        for element in job.order.elements
    ]

"""The words of the API: what requests may say and what answers look like."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from skyreels_a2.elements import Role
from skyreels_a2.request import MAX_SEED

MAX_REFERENCES = 16
MAX_VIEWS = 8
MAX_PROMPT = 4000

# PostgreSQL stores no NUL, and no prompt needs other control characters.
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_TEXT)]
_Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=_TEXT)]
_Prompt = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROMPT, pattern=_TEXT)]
Image = Annotated[str, StringConstraints(min_length=1, max_length=100_000_000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)


class InputReference(_Asked):
    """An element of the video: pictures sent here, or one that was saved."""

    role: Role | None = Field(
        default=None, description="Needed with `image`; a saved element has one."
    )
    name: _Name | None = Field(default=None, description="What the prompt may call it, as @name.")
    description: _Line | None = Field(default=None, description="What @name becomes for the model.")
    strength: float = Field(default=1.0, gt=0, le=1)
    image: Image | Annotated[list[Image], Field(min_length=1, max_length=MAX_VIEWS)] | None = Field(
        default=None,
        description="One picture or several views: the name of a file part (multipart), the id of "
        "an uploaded picture, a data: URL, or an http(s) URL where the server allows it.",
    )
    element_id: str | None = Field(
        default=None, max_length=80, description="A saved element instead of pictures."
    )

    @property
    def images(self) -> list[str]:
        """The pictures as a list."""
        if self.image is None:
            return []
        return [self.image] if isinstance(self.image, str) else self.image


class VideoRequest(_Asked):
    """A video to make. What is left out is the model's own."""

    prompt: _Prompt
    input_references: list[InputReference] = Field(default_factory=list, max_length=MAX_REFERENCES)
    model: str | None = Field(default=None, max_length=200)
    size: str | None = Field(
        default=None, max_length=40, description="WIDTHxHEIGHT, or a ratio as 16:9."
    )
    seconds: float | None = Field(
        default=None, gt=0, le=100_000, description="Length of the video."
    )
    num_frames: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Instead: 4k+1 frames."
    )
    fps: float | None = Field(default=None, gt=0, le=240)
    seed: int | None = Field(
        default=None, ge=0, le=MAX_SEED, description="Drawn and told if absent."
    )
    num_inference_steps: int | None = Field(
        default=None, ge=1, le=10_000, validation_alias=AliasChoices("num_inference_steps", "steps")
    )
    guidance_scale: float | None = Field(
        default=None, ge=0, le=1000, validation_alias=AliasChoices("guidance_scale", "guidance")
    )
    image_guidance_scale: float | None = Field(default=None, ge=0, le=1000)
    negative_prompt: Annotated[str, StringConstraints(max_length=4000, pattern=_TEXT)] | None = None
    guider: Literal["cfg", "cfg-zero-star", "apg"] = "cfg"
    scheduler: Literal["unipc", "euler", "euler-ancestral", "dpm++"] | None = Field(
        default=None, description="Solver; the model's own if absent."
    )
    flow_shift: float | None = Field(default=None, gt=0, le=100)
    guidance_interval: tuple[float, float] | None = Field(
        default=None,
        description="Fractions of the steps between which guidance acts; else the model's.",
    )
    appearance_matching: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far elements are drawn to their references; else the model's.",
    )
    priority: int = Field(default=0, ge=-10, le=10, description="Higher goes first.")
    user: _Name | None = Field(
        default=None, description="Who takes turns in the queue; without API keys only."
    )


class AgainRequest(_Asked):
    """A video to make once more, with another seed."""

    seed: int | None = Field(
        default=None, ge=0, le=MAX_SEED, description="Drawn and told if absent."
    )


class ElementRequest(_Asked):
    """An element to save."""

    name: _Name
    role: Role
    description: _Line | None = None
    image: Image | Annotated[list[Image], Field(min_length=1, max_length=MAX_VIEWS)] = Field(
        description="As in `InputReference`."
    )

    @property
    def images(self) -> list[str]:
        """The pictures as a list."""
        return [self.image] if isinstance(self.image, str) else self.image


class Problem(BaseModel):
    """What went wrong."""

    type: str
    message: str
    param: str | None = None


class ErrorAnswer(BaseModel):
    """Body of every answer that is an error."""

    error: Problem


class ReferenceAnswer(BaseModel):
    """An element of a job."""

    role: Role
    name: str | None
    description: str | None
    strength: float
    pictures: list[str] = Field(description="Where its pictures are.")


class VideoAnswer(BaseModel):
    """A job and its video."""

    id: str
    object: Literal["video"] = "video"
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "deleted"]
    cancelling: bool = False
    model: str
    progress: float = Field(description="Per cent.")
    phase: str = Field(description="What is being done: start, sample, decode, done.")
    step: int
    steps: int
    queue_position: int | None = Field(description="Jobs that go first; null unless queued.")
    seconds_left: float | None = Field(description="Estimate from the pace of earlier jobs.")
    seconds_taken: float | None
    preview: str | None = Field(description="Where the latest look at it is; null before.")
    created_at: float
    started_at: float | None
    completed_at: float | None
    error: Problem | None
    attempts_lost: int = Field(description="Workers that died of this job.")
    prompt: str
    text: str = Field(description="The prompt as the model reads it.")
    input_references: list[ReferenceAnswer]
    size: str
    seconds: float
    num_frames: int
    fps: float
    seed: int
    num_inference_steps: int
    guidance_scale: float
    image_guidance_scale: float
    negative_prompt: str
    guider: str
    scheduler: str
    flow_shift: float | None = Field(description="Null for the model's own.")
    guidance_interval: tuple[float, float]
    appearance_matching: float
    priority: int
    num_bytes: int
    remarks: list[str] = Field(default_factory=list)


class VideoPage(BaseModel):
    """Jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[VideoAnswer]
    has_more: bool
    last_id: str | None


class CheckAnswer(BaseModel):
    """What a request would come to, without making it."""

    ok: bool
    errors: list[str]
    remarks: list[str]
    text: str | None = Field(default=None, description="The prompt as the model reads it.")
    size: str | None = None
    num_frames: int | None = None
    seconds: float | None = None
    num_references: int | None = None
    seconds_to_make: float | None = Field(
        default=None,
        description="From the measured pace of earlier jobs; before the first, as planned.",
    )
    measured: bool = Field(default=False, description="Whether `seconds_to_make` was measured.")
    memory_bytes: int | None = Field(
        default=None, description="Planned peak on the device, weights and work; null if not known."
    )
    counting: bool = Field(
        default=False, description="The planner still counts: ask again in a second."
    )
    queue_length: int


class PictureAnswer(BaseModel):
    """An uploaded picture."""

    id: str
    object: Literal["picture"] = "picture"
    width: int
    height: int
    remarks: list[str]


class ElementAnswer(BaseModel):
    """A saved element."""

    id: str
    object: Literal["element"] = "element"
    name: str
    role: Role
    description: str | None
    pictures: list[str]
    created_at: float


class ElementPage(BaseModel):
    """Saved elements by name."""

    object: Literal["list"] = "list"
    data: list[ElementAnswer]


class ModelAnswer(BaseModel):
    """A model and what it does where a request is silent."""

    id: str
    object: Literal["model"] = "model"
    size: str
    num_frames: int = Field(description="Frames sampled, those of the references included.")
    fps: float
    num_inference_steps: int
    guidance_scale: float
    image_guidance_scale: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    appearance_matching: float = 0.0
    scheduler: str = "unipc"
    negative_prompt: str
    fingerprint: str | None = Field(description="Equal for equal weights and configurations.")
    seconds_per_step: float | None = Field(
        description="Measured on earlier jobs, for the default size; null before the first."
    )


class ModelPage(BaseModel):
    """Models that are served."""

    object: Literal["list"] = "list"
    data: list[ModelAnswer]


class HealthAnswer(BaseModel):
    """How the server is."""

    status: Literal["ok", "starting", "degraded"]
    workers: int
    workers_ready: int
    queued: int
    running: int


def first_problem(errors: list[Any]) -> tuple[str, str]:
    """Message and place of the first error of a validation."""
    error = errors[0]
    where = ".".join(str(part) for part in error["loc"]) or "body"
    return f"{where}: {error['msg']}"[:400], where[:100]

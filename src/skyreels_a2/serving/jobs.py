"""A job: what was asked, by whom, and how far it is. Plain records; no database, no server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.request import GenerationRequest, Sampling
from skyreels_a2.video import VideoSpec


class JobState(StrEnum):
    """Where a job is. The values are those of the API."""

    QUEUED = "queued"
    RUNNING = "in_progress"
    DONE = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
"""States of jobs that are still owed a result."""


class OrderedElement(BaseModel):
    """An element of an order; its pictures are file names in the job's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    pictures: tuple[str, ...]
    name: str | None = None
    description: str | None = None
    strength: float = 1.0

    def element(self, folder: Path) -> Element:
        """The element with its pictures as paths."""
        pictures = tuple(folder / name for name in self.pictures)
        return Element(self.role, pictures, self.name, self.description, self.strength)


class Order(BaseModel):
    """All that decides a job's video, apart from the pixels of its pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    elements: tuple[OrderedElement, ...]
    spec: VideoSpec
    seed: int
    sampling: Sampling

    def request(self, folder: Path) -> GenerationRequest:
        """The request that a composer takes.

        Args:
            folder: Where the pictures are.

        Raises:
            InputError: The order cannot be a request.
        """
        elements = tuple(element.element(folder) for element in self.elements)
        return GenerationRequest(
            Composition(self.prompt, elements), self.spec, self.seed, self.sampling
        )

    @property
    def work(self) -> float:
        """How much there is to sample: steps times pixels, those of the references included."""
        references = sum(len(element.pictures) for element in self.elements)
        spec = self.spec.with_references(references)
        return float(self.sampling.num_inference_steps * spec.width * spec.height * spec.num_frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A row of the job store.

    Attributes:
        id: Unguessable.
        owner: Who may see it: the id of an API key, or `local`.
        client: Who takes turns in the queue; the owner, or whom a local request names.
        model: Name of a served model.
        body: The order as JSON.
        work: See `Order.work`.
        state: Where it is.
        priority: Higher goes first.
        created, started, finished: Seconds since the epoch; 0 where it has not happened.
        phase, done, total: Progress, e.g. "sample", step 3 of 12.
        token: Names one attempt; what an older attempt reports no longer counts.
        lease: When the attempt counts as lost unless it reports again.
        crashes: How many workers died of it.
        cancelling: 1 once somebody wants it to end.
        error, error_type: Why it failed.
        result: File name of the video in the job's folder.
        num_bytes: Size of the video.
        idempotency_key: What the client named the request; a repetition finds this job.
    """

    id: str
    owner: str
    client: str
    model: str
    body: str
    work: float
    state: str = JobState.QUEUED.value
    priority: int = 0
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    phase: str = ""
    done: int = 0
    total: int = 0
    token: str = ""
    lease: float = 0.0
    crashes: int = 0
    cancelling: int = 0
    error: str = ""
    error_type: str = ""
    result: str = ""
    num_bytes: int = 0
    idempotency_key: str | None = None

    @property
    def order(self) -> Order:
        """What was asked."""
        return _order(self.body)

    @property
    def is_open(self) -> bool:
        """Whether it is still owed a result."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedElement:
    """An element that was uploaded once, to be used by name.

    Attributes:
        id: Unguessable; names the folder of its pictures.
        owner: Who may use it.
        name, role, description: As in `Element`.
        pictures: Number of pictures, `0.png` and so on in its folder.
        created: Seconds since the epoch.
    """

    id: str
    owner: str
    name: str
    role: str
    description: str | None
    pictures: int
    created: float


@lru_cache(maxsize=256)
def _order(body: str) -> Order:
    """Parsed once: a job that is watched is read several times a second."""
    return Order.model_validate_json(body)


def new_id(kind: str) -> str:
    """An id that nobody can guess: 128 random bits, e.g. `video_9f…`."""
    return f"{kind}_{secrets.token_hex(16)}"

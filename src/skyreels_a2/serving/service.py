"""The service: what callers may do, apart from how they say it. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skyreels_a2.errors import CompositionError, InputError, ModelError, PictureError
from skyreels_a2.mentions import is_name
from skyreels_a2.serving.database import StorageError
from skyreels_a2.serving.decoding import DecodedPicture, Decoder
from skyreels_a2.serving.elements import ElementStore
from skyreels_a2.serving.fetching import fetch
from skyreels_a2.serving.files import DataFolder
from skyreels_a2.serving.forecasts import Forecaster
from skyreels_a2.serving.jobs import Job, Order, SavedElement, new_id
from skyreels_a2.serving.keys import Limits
from skyreels_a2.serving.models import Forecast, ServedModel
from skyreels_a2.serving.ordering import (
    Planned,
    check_limits,
    is_picture_id,
    is_url,
    new_seed,
    picture_bytes,
    plan,
)
from skyreels_a2.serving.outlooks import Outlooks
from skyreels_a2.serving.schemas import ElementRequest, VideoRequest
from skyreels_a2.serving.settings import ServerSettings
from skyreels_a2.serving.store import JobStore

LOCAL = "local"
"""The owner of everything where no key is asked for."""


class NotFoundError(InputError):
    """No such thing, or somebody else's: the two look alike on purpose."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the id of a key or `LOCAL`, and what they may do."""

    owner: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Checked:
    """What a request would come to.

    Attributes:
        planned: The order.
        seconds: Time to make it, from the pace of earlier jobs; None before the first.
        forecast: What the planner says; None while it is counting.
    """

    planned: Planned
    seconds: float | None
    forecast: Forecast | None


class Service:
    """Accepts, shows, cancels and deletes jobs and elements."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        store: JobStore,
        elements: ElementStore,
        files: DataFolder,
    ) -> None:
        self.settings, self.store, self.elements, self.files = settings, store, elements, files
        self.models = {model.name: model for model in settings.models}
        self.decoder = Decoder(settings.decoding)
        self.forecaster = Forecaster(next(iter(settings.devices), "auto"))
        self.outlooks = Outlooks(store, self.models, len(settings.devices))

    def submit(
        self,
        caller: Caller,
        asked: VideoRequest,
        files: Mapping[str, bytes],
        *,
        idempotency_key: str | None = None,
    ) -> tuple[Job, Planned | None, bool]:
        """Accept a job.

        Args:
            caller: Who asks.
            asked: What for.
            files: File parts of the request by name.
            idempotency_key: A name for this very request: repeated, it finds the same job.

        Returns:
            The job, how it was planned, and whether it is new.

        Raises:
            InputError: It cannot be made, or is beyond the caller's limits.
            QueueFullError: There is no room.
            StorageError: It could not be kept, and so was not accepted.
        """
        if idempotency_key is not None:
            known = self.store.find(caller.owner, idempotency_key)
            if known is not None:
                return known, None, False
        self._check_room(caller)
        planned = self._plan(caller, asked)
        pictures = [self._picture(caller, source, files) for source in planned.sources]
        client = asked.user if caller.owner == LOCAL and asked.user else caller.owner
        job = self._new_job(
            caller,
            planned.order,
            asked.model,
            client=client,
            priority=asked.priority,
            idempotency_key=idempotency_key,
        )
        stored, is_new = self._keep(caller, job, pictures)
        return stored, planned, is_new

    def again(self, caller: Caller, job_id: str, seed: int | None) -> Job:
        """Accept a job with everything of an earlier one but its seed.

        Raises:
            NotFoundError: There is no such job, or its pictures are gone.
            InputError: It is beyond the caller's limits, or its model is no longer served.
            QueueFullError: There is no room.
        """
        earlier = self.get(caller, job_id)
        self._check_room(caller)
        chosen = new_seed() if seed is None else seed
        order = earlier.order.model_copy(update={"seed": chosen})
        priority = min(earlier.priority, caller.limits.priority)
        check_limits(order, caller.limits, priority=priority)
        job = self._new_job(caller, order, earlier.model, client=earlier.client, priority=priority)
        folder = self.files.job(earlier.id)
        names = [name for element in order.elements for name in element.pictures]
        stored, _ = self._keep(caller, job, [folder / name for name in names])
        return stored

    def check(self, caller: Caller, asked: VideoRequest) -> Checked:
        """What a request would come to, how long it would take and in how much memory.

        Raises:
            InputError: It cannot be made.
        """
        model, planned = self._model(asked.model), self._plan(caller, asked)
        pace = self.store.pace(model.name)
        seconds = None if pace is None else pace * planned.order.work
        return Checked(planned, seconds, self.forecaster.ask(model, planned.order))

    def get(self, caller: Caller, job_id: str) -> Job:
        """A job of the caller.

        Raises:
            NotFoundError: There is none.
        """
        job = self.store.get(job_id, owner=caller.owner)
        if job is None:
            raise NotFoundError(f"there is no video {job_id[:80]!r}")
        return job

    def cancel_or_delete(self, caller: Caller, job_id: str) -> tuple[Job, bool]:
        """Cancel a job that is open, delete one that has ended; whether it was deleted."""
        job = self.get(caller, job_id)
        if job.is_open:
            return self.store.cancel(job_id) or job, False
        if not self.store.forget(job_id):
            return self.store.cancel(job_id) or job, False
        self.files.remove_job(job_id)
        return job, True

    def upload(self, caller: Caller, data: bytes, name: str) -> tuple[str, DecodedPicture]:
        """Keep a picture for a later request and give its id.

        Raises:
            PictureError: It cannot be used.
            StorageError: It could not be kept.
        """
        self._check_disk()
        picture = self.decoder.decode(data, name=name[:80] or "the picture")
        picture_id = new_id("picture")
        self.files.save_picture(caller.owner, picture_id, picture.png)
        return picture_id, picture

    def uploaded(self, caller: Caller, picture_id: str) -> Path:
        """File of a picture that the caller uploaded.

        Raises:
            NotFoundError: There is none.
        """
        path = self.files.picture(caller.owner, picture_id)
        if not is_picture_id(picture_id) or not path.is_file():
            raise NotFoundError(f"there is no picture {picture_id[:80]!r}: upload it again")
        return path

    def save_element(
        self, caller: Caller, asked: ElementRequest, files: Mapping[str, bytes]
    ) -> SavedElement:
        """Save an element.

        Raises:
            InputError: A picture or the name cannot be used, or there are too many.
            StorageError: It could not be kept.
        """
        self._check_disk()
        element = SavedElement(
            id=new_id("element"),
            owner=caller.owner,
            name=asked.name,
            role=asked.role.value,
            description=asked.description,
            pictures=len(asked.images),
            created=0.0,
        )
        _check_name(asked)
        pictures = [self._picture(caller, source, files) for source in asked.images]
        self._fill(self.files.element(element.id), pictures)
        try:
            return self.elements.add(element, limit=caller.limits.elements)
        except BaseException:
            self.files.remove_element(element.id)
            raise

    def element(self, caller: Caller, element_id: str) -> SavedElement:
        """A saved element of the caller.

        Raises:
            NotFoundError: There is none.
        """
        element = self.elements.get(element_id, owner=caller.owner)
        if element is None:
            raise NotFoundError(f"there is no element {element_id[:80]!r}")
        return element

    def delete_element(self, caller: Caller, element_id: str) -> SavedElement:
        """Forget a saved element; jobs that use it keep their own copies."""
        element = self.element(caller, element_id)
        self.elements.remove(element_id, owner=caller.owner)
        self.files.remove_element(element_id)
        return element

    def close(self) -> None:
        """End the processes that decode and forecast."""
        self.decoder.close()
        self.forecaster.close()

    def _plan(self, caller: Caller, asked: VideoRequest) -> Planned:
        return plan(
            asked,
            self._model(asked.model),
            caller.limits,
            saved={element.id: element for element in self.elements.all(caller.owner)},
            folder_of=self.files.element,
        )

    def _model(self, name: str | None) -> ServedModel:
        if name is None:
            return self.settings.models[0]
        if name not in self.models:
            raise ModelError(f"model {name[:80]!r} is not served: {', '.join(self.models)}")
        return self.models[name]

    def _new_job(
        self,
        caller: Caller,
        order: Order,
        model: str | None,
        *,
        client: str,
        priority: int,
        idempotency_key: str | None = None,
    ) -> Job:
        return Job(
            id=new_id("video"),
            owner=caller.owner,
            client=client,
            model=self._model(model).name,
            body=order.model_dump_json(),
            work=order.work,
            priority=priority,
            idempotency_key=idempotency_key,
        )

    def _keep(self, caller: Caller, job: Job, pictures: Sequence[Path | bytes]) -> tuple[Job, bool]:
        """First the files, then the row: a row without its files could not be made."""
        self._fill(self.files.job(job.id), pictures)
        try:
            stored, is_new = self.store.add(
                job, max_queued=self.settings.max_queued, max_own=caller.limits.open_jobs
            )
        except BaseException:
            self.files.remove_job(job.id)
            raise
        if not is_new:
            self.files.remove_job(job.id)
        self.outlooks.changed()
        return stored, is_new

    def _fill(self, folder: Path, pictures: Sequence[Path | bytes]) -> None:
        try:
            self.files.fill(folder, pictures)
        except FileNotFoundError:
            raise NotFoundError("a picture has been deleted meanwhile: upload it again") from None

    def _picture(
        self, caller: Caller, source: str | Path, files: Mapping[str, bytes]
    ) -> Path | bytes:
        """A file of this data folder, or the PNG bytes of what the client sent."""
        if isinstance(source, Path):
            return source
        if is_picture_id(source):
            return self.uploaded(caller, source)
        data = picture_bytes(source, files)
        label = source if source in files else "a picture"
        if data is None and is_url(source):
            if not self.settings.allow_urls:
                raise PictureError("this server fetches no URLs: upload the picture instead")
            data = fetch(source, max_bytes=self.settings.max_upload)
        if data is None:
            raise PictureError(
                f"image {source[:80]!r} is no file part of this request, no picture id and no "
                "data: URL"
            )
        return self.decoder.decode(data, name=label[:80]).png

    def _check_room(self, caller: Caller) -> None:
        self._check_disk()
        self.store.check_room(
            caller.owner, max_queued=self.settings.max_queued, max_own=caller.limits.open_jobs
        )

    def _check_disk(self) -> None:
        if self.files.free_bytes() < self.settings.min_free:
            raise StorageError("the server's disk is full: nothing is accepted until it has room")


def _check_name(asked: ElementRequest) -> None:
    """A saved element must be sayable as @name."""
    if not is_name(asked.name):
        raise CompositionError(
            f"element name {asked.name!r} cannot be used as @name: use letters, digits, '_' and "
            "'-', and start with a letter"
        )

"""From a request of the API to an order and its pictures, checked before anything is kept."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import CompositionError, InputError, PictureError, SpecError
from skyreels_a2.mentions import mentioned_names
from skyreels_a2.request import GenerationRequest, Sampling
from skyreels_a2.serving.jobs import Order, OrderedElement, SavedElement
from skyreels_a2.serving.keys import Limits
from skyreels_a2.serving.models import ServedModel
from skyreels_a2.serving.schemas import MAX_REFERENCES, InputReference, VideoRequest
from skyreels_a2.video import TIME_STEP, VideoSpec, frames_for, parse_size

_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)
_PICTURE_ID = re.compile(r"picture_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Planned:
    """An order whose pictures are still where the request said.

    Attributes:
        order: Pictures are named `0.png` and so on, in order.
        sources: What the request said of each: a text of it, or a file of a saved element.
        text: The prompt as the model reads it.
        remarks: What is allowed, yet likely not what was meant.
    """

    order: Order
    sources: tuple[str | Path, ...]
    text: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    element: Element
    sources: tuple[str | Path, ...]


def plan(
    asked: VideoRequest,
    model: ServedModel,
    limits: Limits,
    *,
    saved: Mapping[str, SavedElement],
    folder_of: Callable[[str], Path],
) -> Planned:
    """Work out what a request comes to, without opening a picture.

    Args:
        asked: The request.
        model: What it is for.
        limits: What the caller may ask for.
        saved: Saved elements of the caller by id.
        folder_of: Where the pictures of a saved element are.

    Raises:
        InputError: It cannot be made, or is beyond the limits.
    """
    parts = [_part(reference, saved, folder_of) for reference in asked.input_references]
    parts += _called_by_name(asked.prompt, parts, saved, folder_of)
    composition = Composition(asked.prompt, tuple(part.element for part in parts))
    num_references = len(composition.references)
    if num_references > MAX_REFERENCES:
        raise CompositionError(f"{num_references} pictures in all: give at most {MAX_REFERENCES}")
    order = Order(
        prompt=asked.prompt,
        elements=tuple(_ordered(parts)),
        spec=spec_of(asked, model, num_references),
        seed=new_seed() if asked.seed is None else asked.seed,
        sampling=_sampling(asked, model),
    )
    check_limits(order, limits, priority=asked.priority)
    GenerationRequest(composition, order.spec, order.seed, order.sampling)  # tells what is amiss
    sources = tuple(source for part in parts for source in part.sources)
    return Planned(order, sources, composition.text, tuple(composition.remarks()))


def check_limits(order: Order, limits: Limits, *, priority: int) -> None:
    """Hold an order against what its caller may ask for.

    Raises:
        InputError: It is too large, too long, has too many steps or too high a priority.
    """
    spec, steps = order.spec, order.sampling.num_inference_steps
    if spec.width * spec.height > limits.pixels:
        raise InputError(
            f"{spec.width}x{spec.height} is too large: at most {limits.pixels:,} pixels a frame"
        )
    if spec.seconds > limits.seconds:
        raise InputError(f"{spec.seconds:.3g} s is too long: at most {limits.seconds:g} s")
    if steps > limits.steps:
        raise InputError(f"{steps} steps: at most {limits.steps} are allowed")
    if priority > limits.priority:
        raise InputError(f"priority {priority} is not allowed: at most {limits.priority}")


def new_seed() -> int:
    """A seed as `generate` draws it."""
    return secrets.randbelow(2**32)


def spec_of(asked: VideoRequest, model: ServedModel, num_references: int) -> VideoSpec:
    """Size and length of the video that a request means.

    Without a length, the model's own window is sampled, as everywhere in this package.

    Raises:
        SpecError: No model can make it.
    """
    own = model.spec
    fps = own.fps if asked.fps is None else asked.fps
    width, height = own.width, own.height
    if asked.size is not None:
        width, height = parse_size(asked.size, area=own.width * own.height)
    if asked.num_frames is not None and asked.seconds is not None:
        raise SpecError("num_frames and seconds were both given: give one")
    num_frames = max(1, own.num_frames - TIME_STEP * num_references)
    if asked.num_frames is not None:
        num_frames = asked.num_frames
    elif asked.seconds is not None:
        num_frames = frames_for(asked.seconds, fps)
    return VideoSpec(width, height, num_frames, fps)


def picture_bytes(source: str, files: Mapping[str, bytes]) -> bytes | None:
    """The bytes that a picture's text means, or None if it names something else.

    Raises:
        PictureError: A data URL that is none.
    """
    if source in files:
        return files[source]
    if match := _DATA_URL.match(source):
        try:
            return base64.b64decode(source[match.end() :], validate=True)
        except (binascii.Error, ValueError):
            raise PictureError("a data URL holds no valid base64: encode the file again") from None
    return None


def is_picture_id(source: str) -> bool:
    """Whether a text has the form of an uploaded picture's id."""
    return _PICTURE_ID.fullmatch(source) is not None


def is_url(source: str) -> bool:
    """Whether a text is to be fetched."""
    return source.lower().startswith(("http://", "https://"))


def _part(
    reference: InputReference,
    saved: Mapping[str, SavedElement],
    folder_of: Callable[[str], Path],
) -> _Part:
    if (reference.element_id is None) == (not reference.images):
        raise CompositionError("a reference needs either image or element_id")
    if reference.element_id is not None:
        if (known := saved.get(reference.element_id)) is None:
            raise CompositionError(f"there is no saved element {reference.element_id!r}")
        part = _saved_part(known, folder_of)
        changes: dict[str, Any] = {"strength": reference.strength}
        own = {"name": reference.name, "description": reference.description, "role": reference.role}
        changes |= {key: value for key, value in own.items() if value is not None}
        return _Part(replace(part.element, **changes), part.sources)
    if reference.role is None:
        roles = ", ".join(role.value for role in Role)
        raise CompositionError(f"a reference with a picture needs a role: {roles}")
    element = Element(
        reference.role,
        tuple(Path(f"{i}.png") for i in range(len(reference.images))),
        reference.name,
        reference.description,
        reference.strength,
    )
    return _Part(element, tuple(reference.images))


def _called_by_name(
    prompt: str,
    parts: Sequence[_Part],
    saved: Mapping[str, SavedElement],
    folder_of: Callable[[str], Path],
) -> list[_Part]:
    """Saved elements that the prompt calls by @name and the request does not bring itself."""
    there = {part.element.name for part in parts}
    by_name = {element.name: element for element in saved.values()}
    wanted = [name for name in mentioned_names(prompt) if name in by_name and name not in there]
    return [_saved_part(by_name[name], folder_of) for name in wanted]


def _saved_part(saved: SavedElement, folder_of: Callable[[str], Path]) -> _Part:
    files = tuple(folder_of(saved.id) / f"{i}.png" for i in range(saved.pictures))
    return _Part(Element(Role(saved.role), files, saved.name, saved.description), files)


def _ordered(parts: Sequence[_Part]) -> Iterator[OrderedElement]:
    """The elements of an order; pictures are numbered through."""
    numbers = count()
    for part in parts:
        element = part.element
        yield OrderedElement(
            role=element.role,
            pictures=tuple(f"{next(numbers)}.png" for _ in part.sources),
            name=element.name,
            description=element.description,
            strength=element.strength,
        )


def _sampling(asked: VideoRequest, model: ServedModel) -> Sampling:
    told = {field.name: getattr(asked, field.name) for field in fields(Sampling)}
    return model.sampling.updated(told)

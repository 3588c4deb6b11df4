"""What vision-language models are asked about a shot, and how their answer is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from skyreels_a2.data.backends.protocols import Description
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Found
from skyreels_a2.data.vision import pixels_of, shrink

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

PERSON_KEYS = (
    *("gender", "appearance", "face", "hair", "clothes_upper", "clothes_lower", "jumpsuit"),
    *("accessories", "shoes", "bags", "hat", "glasses", "face_description"),
)
"""The paper's keys for a person."""
QUESTION = (
    "These are frames of one video shot in order; after them come pictures of its elements, "
    "numbered from 0. Write one caption of at most 80 words that says what happens, where, and "
    "how the camera moves. For each element give its number, the exact words of your caption "
    "that name it (a substring), and what it looks like. For a person fill the keys "
    f"{', '.join(PERSON_KEYS)}; leave out what cannot be seen."
)


class AboutElement(BaseModel):
    """What is said of an element."""

    model_config = ConfigDict(extra="forbid")

    number: int
    phrase: str = Field(min_length=1)
    concepts: dict[str, str]


class Answer(BaseModel):
    """The answer that is asked for."""

    model_config = ConfigDict(extra="forbid")

    caption: str = Field(min_length=1)
    elements: list[AboutElement]


def pictures_of(footage: Footage, elements: Sequence[Found], num_frames: int) -> list[Frame]:
    """Frames of a shot, at most 512 wide, then its elements."""
    count = min(num_frames, len(footage))
    numbers = np.linspace(0, len(footage) - 1, count).round().astype(int)
    frames = [shrink(footage.frames[n], 512) for n in numbers]
    return frames + [_crop(footage.frames[e.frame], e) for e in elements]


def read_answer(text: str, elements: Sequence[Found]) -> Description:
    """An answer as a description; faces and garments need not be told of.

    Raises:
        ValueError: It does not fit, or leaves elements out.
    """
    answer = Answer.model_validate_json(text)
    told = {e.number: e for e in answer.elements}
    missing = [i for i, e in enumerate(elements) if i not in told and not e.part_of]
    if missing:
        raise ValueError(f"nothing about elements {missing}")
    known = {e.element_id: told[i] for i, e in enumerate(elements) if i in told}
    return Description(
        answer.caption,
        {name: element.phrase for name, element in known.items()},
        {name: element.concepts for name, element in known.items()},
    )


def _crop(frame: Frame, element: Found) -> Frame:
    left, top, right, bottom = pixels_of(element.box, frame)
    return np.ascontiguousarray(shrink(frame[top:bottom, left:right], 256))

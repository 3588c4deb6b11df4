"""Captions by a vision-language model behind an OpenAI-compatible endpoint (vLLM, SGLang, …).

The answer is constrained to a schema and checked; what does not fit is asked for again.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skyreels_a2.data.backends.protocols import Description
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Found, Kind
from skyreels_a2.data.settings import CaptionSettings
from skyreels_a2.data.vision import shrink
from skyreels_a2.errors import InputError, one_line

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

PERSON_KEYS = (
    *("gender", "appearance", "face", "hair", "clothes_upper", "clothes_lower", "jumpsuit"),
    *("accessories", "shoes", "bags", "hat", "glasses", "face_description"),
)
"""The paper's keys for a person."""
_ASKED = (
    "These are frames of one video shot in order; after them come pictures of its elements, "
    "numbered from 0. Write one caption of at most 80 words that says what happens, where, and "
    "how the camera moves. For each element give its number, the exact words of your caption "
    "that name it (a substring), and what it looks like. For a person fill the keys "
    f"{', '.join(PERSON_KEYS)}; leave out what cannot be seen."
)


class _Element(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    phrase: str = Field(min_length=1)
    concepts: dict[str, str]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    caption: str = Field(min_length=1)
    elements: list[_Element]


class OpenAICaptioner:
    """Asks an endpoint; its key is the environment's `OPENAI_API_KEY`, if it needs one."""

    def __init__(self, settings: CaptionSettings) -> None:
        self._settings = settings
        self.name = settings.model

    def describe(self, footage: Footage, elements: Sequence[Found]) -> Description:
        """The model's caption, asked for again while it does not fit the schema.

        Raises:
            InputError: The endpoint is not there, or never answers as asked.
        """
        asked = self._question(footage, elements)
        problem = ""
        for attempt in range(self._settings.retries + 1):
            time.sleep(min(8, attempt**2))
            try:
                return _description(_Answer.model_validate_json(self._ask(asked)), elements)
            except (urllib.error.URLError, OSError, ValidationError, KeyError, ValueError) as error:
                problem = one_line(error)
        raise InputError(f"{self._settings.url} gave no caption ({problem}): is the model there?")

    def _question(self, footage: Footage, elements: Sequence[Found]) -> dict[str, Any]:
        count = min(self._settings.num_frames, len(footage))
        numbers = np.linspace(0, len(footage) - 1, count).round().astype(int)
        pictures = [shrink(footage.frames[n], 512) for n in numbers]
        pictures += [_crop(footage.frames[e.frame], e) for e in elements]
        content: list[dict[str, Any]] = [{"type": "text", "text": _ASKED}]
        content += [{"type": "image_url", "image_url": {"url": _url(p)}} for p in pictures]
        schema = {"name": "shot", "strict": True, "schema": _Answer.model_json_schema()}
        return {
            "model": self._settings.model,
            "messages": [{"role": "user", "content": content}],
            "response_format": {"type": "json_schema", "json_schema": schema},
            "temperature": 0,
        }

    def _ask(self, question: dict[str, Any]) -> str:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get("OPENAI_API_KEY"):
            headers["Authorization"] = f"Bearer {key}"
        url = f"{self._settings.url.rstrip('/')}/chat/completions"
        if not url.startswith(("http://", "https://")):
            raise InputError(f"captions.url is {self._settings.url!r}: give http:// or https://")
        request = urllib.request.Request(url, json.dumps(question).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=self._settings.timeout_seconds) as reply:  # noqa: S310
            return str(json.load(reply)["choices"][0]["message"]["content"])


def _description(answer: _Answer, elements: Sequence[Found]) -> Description:
    told = {e.number: e for e in answer.elements}
    missing = [i for i, e in enumerate(elements) if i not in told and e.kind is not Kind.FACE]
    if missing:
        raise ValueError(f"nothing about elements {missing}")
    known = {e.element_id: told[i] for i, e in enumerate(elements) if i in told}
    return Description(
        answer.caption,
        {name: element.phrase for name, element in known.items()},
        {name: element.concepts for name, element in known.items()},
    )


def _crop(frame: Frame, element: Found) -> Frame:
    height, width = frame.shape[:2]
    left, top = int(element.box[0] * width), int(element.box[1] * height)
    right, bottom = round(element.box[2] * width), round(element.box[3] * height)
    return shrink(frame[top:bottom, left:right], 256)


def _url(picture: Frame) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

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

from skyreels_a2.data.backends.asking import QUESTION, Answer, pictures_of, read_answer
from skyreels_a2.data.backends.protocols import Description
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Found
from skyreels_a2.data.settings import CaptionSettings
from skyreels_a2.errors import InputError, one_line

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame


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
                return read_answer(self._ask(asked), elements)
            except (urllib.error.URLError, OSError, KeyError, ValueError) as error:
                problem = one_line(error)
        raise InputError(f"{self._settings.url} gave no caption ({problem}): is the model there?")

    def _question(self, footage: Footage, elements: Sequence[Found]) -> dict[str, Any]:
        pictures = pictures_of(footage, elements, self._settings.num_frames)
        content: list[dict[str, Any]] = [{"type": "text", "text": QUESTION}]
        content += [{"type": "image_url", "image_url": {"url": _url(p)}} for p in pictures]
        schema = {"name": "shot", "strict": True, "schema": Answer.model_json_schema()}
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
        # http and https only, as checked above.
        request = urllib.request.Request(url, json.dumps(question).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=self._settings.timeout_seconds) as reply:  # noqa: S310
            return str(json.load(reply)["choices"][0]["message"]["content"])


def _url(picture: Frame) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

"""Captions by a vision-language model in the worker itself, e.g. Qwen2.5-VL or Qwen3-VL.

Any model that transformers opens by `AutoModelForImageTextToText`; those whose processor also
takes videos need torchvision. For more than a few hours of video an endpoint is faster: it
answers many workers at once and constrains the answer to the schema (`openai_captions`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from skyreels_a2.data.backends.asking import QUESTION, Answer, pictures_of, read_answer
from skyreels_a2.data.backends.protocols import Description
from skyreels_a2.data.backends.weights import model_errors
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Found
from skyreels_a2.data.settings import CaptionSettings
from skyreels_a2.errors import InputError, one_line

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_MOST_TOKENS = 1024


class TransformersCaptioner:
    """Asks a model that it holds.

    Raises:
        ModelError: It cannot be opened.
    """

    def __init__(self, settings: CaptionSettings) -> None:
        from transformers import AutoModelForImageTextToText, AutoProcessor

        with model_errors(settings.model, "a vision-language model (Qwen/Qwen2.5-VL-7B-Instruct)"):
            self._processor: Any = AutoProcessor.from_pretrained(settings.model)
            network: Any = AutoModelForImageTextToText.from_pretrained(settings.model, dtype="auto")
        self._network = network.to(settings.device).eval()
        self._settings = settings
        self.name = settings.model

    def describe(self, footage: Footage, elements: Sequence[Found]) -> Description:
        """The model's caption; what does not fit the schema is sampled anew.

        Raises:
            InputError: It never answers as asked.
        """
        pictures = pictures_of(footage, elements, self._settings.num_frames)
        problem = ""
        for attempt in range(self._settings.retries + 1):
            text = self._ask(pictures, attempt)
            try:
                return read_answer(text[text.find("{") : text.rfind("}") + 1], elements)
            except ValueError as error:
                problem = f"it said {text[:80]!r} ({one_line(error)})"
        raise InputError(f"{self.name} gave no caption: {problem}")

    @torch.inference_mode()
    def _ask(self, pictures: Sequence[Frame], attempt: int) -> str:
        schema = json.dumps(Answer.model_json_schema())
        asked = f"{QUESTION} Answer with nothing but JSON of this schema: {schema}"
        content = [*({"type": "image"} for _ in pictures), {"type": "text", "text": asked}]
        prompt = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        images = [Image.fromarray(picture) for picture in pictures]
        inputs = self._processor(text=prompt, images=images, return_tensors="pt")
        inputs = inputs.to(self._network.device, self._network.dtype)
        chosen = {"do_sample": True, "temperature": 0.7} if attempt else {"do_sample": False}
        torch.manual_seed(attempt)
        answer = self._network.generate(**inputs, **chosen, max_new_tokens=_MOST_TOKENS)
        fresh = answer[0, inputs["input_ids"].shape[1] :]
        return str(self._processor.decode(fresh, skip_special_tokens=True))

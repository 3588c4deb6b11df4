"""A judge: any OpenAI-compatible endpoint that looks at pictures and gives marks from 1 to 5.

Every raw answer is kept in a ledger and never asked for twice. The key comes from the environment
and is written nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image

from skyreels_a2.bench.ledger import Ledger
from skyreels_a2.bench.networks.weights import Judge, NetworkMissingError, Weights
from skyreels_a2.errors import one_line

logger = logging.getLogger(__name__)

KEYS = ("JUDGE_API_KEY", "OPENAI_API_KEY")
"""Variables of the environment that the key is taken from, the first that is set."""
_SIDE = 512
_TIMEOUT = 120.0
_ATTEMPTS = 5
_WAIT = 0.5
"""Seconds before the first retry; doubled each time, unless the endpoint says how long."""
_LONGEST_WAIT = 30.0
_PICTURE_TOKENS = 800
"""What a picture of this size is counted as by common models: for the estimate only."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What judging would take.

    Attributes:
        calls: Requests.
        tokens: Input tokens, roughly.
    """

    calls: int
    tokens: int

    def told(self, price: float | None) -> str:
        """In words; with the price of a million input tokens also in money."""
        words = f"the judge will be asked {self.calls} times, about {self.tokens:,} input tokens"
        return words if price is None else f"{words}, {self.tokens * price / 1e6:.2f} in all"


def estimate_cost(num_videos: int, num_questions: int, repeats: int, num_pictures: int) -> Cost:
    """What judging videos would take, each question showing so many pictures."""
    calls = num_videos * num_questions * repeats
    return Cost(calls, calls * (num_pictures * _PICTURE_TOKENS + 400))


class JudgeClient:
    """Asks for marks."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._ledger = Ledger(Path(judge.answers))
        self._known = {row["key"]: row for row in self._ledger.read() if "key" in row}

    def mark(self, question: str, pictures: Sequence[Image.Image]) -> float:
        """Mean mark from 1 to 5 over the repeats.

        Raises:
            NetworkMissingError: The endpoint does not answer, or no answer holds a mark.
        """
        body = self._body(question, pictures)
        marks = [self._one(body, repeat) for repeat in range(self._judge.repeats)]
        known = [mark for mark in marks if mark is not None]
        if not known:
            raise NetworkMissingError("no answer of the judge holds a mark from 1 to 5")
        return fmean(known)

    def _one(self, body: bytes, repeat: int) -> float | None:
        key = hashlib.sha256(body + f"{self._judge.url} {repeat}".encode()).hexdigest()
        if key not in self._known:
            answer = self._ask(body)
            text = _text_of(answer)
            row = {
                "key": key,
                "model": self._judge.model,
                "repeat": repeat,
                "mark": mark_in(text),
                "answer": text,
                "usage": answer.get("usage"),
            }
            self._ledger.append(row)
            self._known[key] = row
        mark: float | None = self._known[key]["mark"]
        return mark

    def _body(self, question: str, pictures: Sequence[Image.Image]) -> bytes:
        content: list[dict[str, Any]] = [{"type": "text", "text": question}]
        content += [{"type": "image_url", "image_url": {"url": _address(p)}} for p in pictures]
        message = {"role": "user", "content": content}
        return json.dumps({"model": self._judge.model, "messages": [message]}).encode()

    def _ask(self, body: bytes) -> dict[str, Any]:
        """Ask with retries; what will not change by asking again is told at once."""
        request = urllib.request.Request(  # noqa: S310  (http and https only, checked in Judge)
            f"{self._judge.url.rstrip('/')}/chat/completions",
            data=body,
            headers={"Content-Type": "application/json", **_authorisation()},
        )
        reason = ""
        for attempt in range(_ATTEMPTS):
            wait = min(_LONGEST_WAIT, _WAIT * 2**attempt)
            try:
                # http and https only, as above.
                with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
                    answer: dict[str, Any] = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                reason = f"{error.code} {error.reason}"
                if error.code not in (408, 409, 429) and error.code < 500:
                    break
                wait = _told_wait(error) or wait
            except (OSError, ValueError) as error:
                reason = one_line(error, limit=80)
            logger.debug("judge: %s, again in %.1f s", reason, wait)
            if attempt + 1 < _ATTEMPTS:
                time.sleep(wait)
        raise NetworkMissingError(f"the judge at {self._judge.url} does not answer: {reason}")


@cache
def _open(judge: Judge) -> JudgeClient:
    return JudgeClient(judge)


def open_judge(weights: Weights) -> JudgeClient:
    """The judge, once a process.

    Raises:
        NetworkMissingError: No endpoint was named.
    """
    if weights.judge is None:
        raise NetworkMissingError("no judge: name one with --judge-url and --judge-model")
    return _open(weights.judge)


def mark_in(text: str) -> float | None:
    """The mark in an answer: of a JSON object with `score`, else the last number from 1 to 5."""
    for found in reversed(re.findall(r'"?score"?\s*[:=]\s*"?(\d+(?:\.\d+)?)', text, re.IGNORECASE)):
        if 1 <= float(found) <= 5:
            return float(found)
    numbers = re.findall(r"(?<![\d./])([1-5](?:\.\d+)?)(?!\d|\.\d)(?:\s*/\s*5)?", text)
    marks = [float(number) for number in numbers if 1 <= float(number) <= 5]
    return marks[-1] if marks else None


def _text_of(answer: dict[str, Any]) -> str:
    try:
        content = answer["choices"][0]["message"]["content"]
    except (LookupError, TypeError) as error:
        raise NetworkMissingError("the judge's answer has no choices[0].message.content") from error
    return content if isinstance(content, str) else json.dumps(content)


def _authorisation() -> dict[str, str]:
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    return {"Authorization": f"Bearer {key}"} if key else {}


def _told_wait(error: urllib.error.HTTPError) -> float | None:
    try:
        return min(_LONGEST_WAIT, float(error.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _address(picture: Image.Image) -> str:
    small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

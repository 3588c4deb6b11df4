"""A study: the measures asked of the truth, of a VAE and of a composer, and how sure they are.

Each answer is a line of `answers.jsonl`, written as soon as it is known; a study that was broken
off goes on behind the last. What is asked of the composer without references is the same request
with all references drawn to nothing (their strength is almost zero), as in training's dropout.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from skyreels_a2.errors import OutputError, one_line
from skyreels_a2.media.sheets import beside, reference_column
from skyreels_a2.request import Composer, GenerationRequest
from skyreels_a2.runtime.convolutions import onednn_convolutions
from skyreels_a2.training.fidelity.measures import Judgement, judge
from skyreels_a2.training.fidelity.suite import Case, Suite
from skyreels_a2.training.vae import as_tensor
from skyreels_a2.video import Frames

TRUTH, THROUGH_VAE, COMPOSED, WITHOUT = "truth", "through VAE", "composed", "without references"
NOTHING = 1e-9
"""Strength of a reference that has none."""
_SHOWN_FRAMES = 5

Videos = Callable[[Case], Frames]
OnAnswer = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of right answers.

    Attributes:
        hits, count: Right ones, of so many.
    """

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share; NaN without answers."""
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (J. Am. Stat. Assoc. 22, 1927)."""
        if not self.count:
            return math.nan, math.nan
        z, n = 1.96, self.count
        middle = (self.hits + z * z / 2) / (n + z * z)
        half = z / (n + z * z) * math.sqrt(self.hits * (n - self.hits) / n + z * z / 4)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in the video that one condition made of one case.

    Attributes:
        condition: Where the video came from.
        case: Number of the composition.
        judgement: What the measures found.
        psnr: Decibels against the truth, where that is what the video should equal.
    """

    condition: str
    case: int
    judgement: Judgement
    psnr: float | None = None


def conditions_of(composer: Composer, vae: Any = None) -> Mapping[str, Videos]:
    """Where videos come from, by name.

    Args:
        composer: What is studied.
        vae: Its `AutoencoderKLWan`, if it has one that can be asked alone.
    """
    made: dict[str, Videos] = {TRUTH: lambda case: case.frames}
    if vae is not None:
        made[THROUGH_VAE] = lambda case: reconstructed(vae, case.frames)
    made[COMPOSED] = lambda case: composer.generate(case.request).video.frames
    made[WITHOUT] = lambda case: composer.generate(without_references(case.request)).video.frames
    return made


def study(
    suite: Suite,
    conditions: Mapping[str, Videos],
    folder: Path,
    *,
    num_shown: int = 12,
    on_answer: OnAnswer = lambda *_: None,
) -> list[Answer]:
    """Ask every condition every case; goes on where an earlier study in the folder ended.

    Args:
        suite: Cases.
        conditions: Where videos come from, by name.
        folder: For `answers.jsonl` and `sheet-CONDITION.png`.
        num_shown: Cases on the sheets.
        on_answer: Told the condition, how many cases are done, and of how many.

    Returns:
        All answers.

    Raises:
        OutputError: The folder cannot be written.
    """
    path = folder / "answers.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        answers = {(a.condition, a.case): a for a in read_answers(path)}
        # A line that was broken off must not be gone on with.
        path.write_text("".join(map(_line, answers.values())), encoding="utf-8")
        for case in suite:
            strips: dict[str, Image.Image] = {}
            for name, videos in conditions.items():
                if (name, case.number) not in answers:
                    frames = videos(case)
                    answer = _answer(name, case, frames)
                    answers[name, case.number] = answer
                    with path.open("a", encoding="utf-8") as file:
                        file.write(_line(answer))
                    if case.number < num_shown:
                        strips[name] = strip(case, frames)
                on_answer(name, case.number + 1, len(suite))
            for name, picture in strips.items():
                picture.save(folder / f"{name.replace(' ', '-')}-{case.number:03d}.png")
    except OSError as error:
        raise OutputError(f"study {folder} cannot be written: {one_line(error)}") from error
    return list(answers.values())


def read_answers(path: Path) -> list[Answer]:
    """The answers of a study so far; a line that was broken off is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [_read(row) for row in rows]


def rates(answers: list[Answer], condition: str) -> dict[str, Rate]:
    """Elements, backgrounds and directions that were right under a condition."""
    judged = [a.judgement for a in answers if a.condition == condition]
    told = {
        "elements": [found for j in judged for found in j.elements],
        "backgrounds": [j.background for j in judged],
        "directions": [j.direction for j in judged],
    }
    return {name: Rate(sum(found), len(found)) for name, found in told.items()}


def mean_psnr(answers: list[Answer], condition: str) -> float:
    """Mean PSNR over cases; NaN where there is none."""
    figures = [a.psnr for a in answers if a.condition == condition and a.psnr is not None]
    return sum(figures) / len(figures) if figures else math.nan


def without_references(request: GenerationRequest) -> GenerationRequest:
    """The same request with references that say nothing."""
    elements = tuple(replace(e, strength=NOTHING) for e in request.composition.elements)
    return replace(request, composition=replace(request.composition, elements=elements))


@torch.no_grad()
def reconstructed(vae: Any, frames: Frames) -> Frames:
    """Frames through a VAE and back."""
    video = as_tensor(frames)[None].to(vae.device, vae.dtype)
    with onednn_convolutions():
        decoded = vae.decode(vae.encode(video).latent_dist.mode()).sample[0]
    pixels = ((decoded.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    found: Frames = pixels.permute(1, 2, 3, 0).cpu().numpy()
    return found


def strip(case: Case, frames: Frames) -> Image.Image:
    """References, then frames of the video, in one row."""
    places = np.linspace(0, len(frames) - 1, _SHOWN_FRAMES).round().astype(int)
    row = np.concatenate([frames[place] for place in places], axis=1)
    names = [target.id.rpartition("/")[2] for target in case.targets]
    column = reference_column([t.picture for t in case.targets], names, frames.shape[1])
    return Image.fromarray(beside(row[None], column)[0])


def _answer(name: str, case: Case, frames: Frames) -> Answer:
    psnr = None
    if name == THROUGH_VAE:
        error = float(np.square(frames.astype(np.float64) - case.frames).mean())
        psnr = 10 * math.log10(255**2 / max(error, 1e-9))
    return Answer(name, case.number, judge(case, frames), psnr)


def _line(answer: Answer) -> str:
    return json.dumps(asdict(answer)) + "\n"


def _read(row: dict[str, Any]) -> Answer:
    found = row["judgement"]
    judgement = Judgement(tuple(found["elements"]), found["background"], found["direction"])
    return Answer(row["condition"], row["case"], judgement, row["psnr"])

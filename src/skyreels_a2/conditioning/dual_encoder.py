"""A small CLIP-style dual encoder: its towers are the pipeline's image and text encoder.

Pictures, the ends of videos, and texts become unit vectors of one space, in which what belongs
together is near. It is trained in `training.dual_encoder`; here is nothing of data and losses.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPVisionModel, UMT5EncoderModel

from skyreels_a2.conditioning.prompts import TEXT_LENGTH, clean_prompt
from skyreels_a2.conditioning.semantic import clip_picture
from skyreels_a2.errors import ModelError, one_line

DIM = 64
"""Dimensions of the common space."""
_PART = "dual_encoder"
_LEAST_TEMPERATURE = 0.01


class DualEncoder(nn.Module):
    """Pictures, videos' ends and texts as unit vectors of one space.

    A picture's features are the vision tower's pooled output and the mean of its penultimate
    tokens, for it is these tokens that the transformer reads.

    Args:
        image_encoder: A `CLIPVisionModel`.
        text_encoder: A `UMT5EncoderModel`.
        image_processor: CLIP's image processor.
        tokenizer: The umT5 tokenizer.
        dim: Dimensions of the common space.
    """

    def __init__(
        self,
        image_encoder: Any,
        text_encoder: Any,
        *,
        image_processor: Any,
        tokenizer: Any,
        dim: int = DIM,
    ) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.image_processor, self.tokenizer = image_processor, tokenizer
        width = 2 * image_encoder.config.hidden_size
        self.picture_projection = nn.Linear(width, dim, bias=False)
        self.video_projection = nn.Linear(2 * width, dim, bias=False)
        self.text_projection = nn.Linear(text_encoder.config.d_model, dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Open the dual encoder of a model folder, in full precision.

        Raises:
            ModelError: The folder has none, or it is damaged.
        """
        part = folder / _PART
        try:
            dim = json.loads((part / "config.json").read_text(encoding="utf-8"))["dim"]
            encoders = (
                kind.from_pretrained(folder / name, dtype=torch.float32)
                for kind, name in (
                    (CLIPVisionModel, "image_encoder"),
                    (UMT5EncoderModel, "text_encoder"),
                )
            )
            model = cls(
                *encoders,
                image_processor=CLIPImageProcessorPil.from_pretrained(folder / "image_processor"),
                tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer"),
                dim=dim,
            )
            model._heads_from(load_file(part / "model.safetensors"))
        except (OSError, ValueError, RuntimeError, LookupError) as error:
            raise ModelError(f"no dual encoder opens in {folder}: {one_line(error)}") from error
        return model.eval()

    def save(self, folder: Path) -> None:
        """Write the towers in half precision, and projections and temperature beside them."""
        for name in ("image_encoder", "text_encoder"):
            copy.deepcopy(getattr(self, name)).half().save_pretrained(folder / name)
        part = folder / _PART
        part.mkdir(parents=True, exist_ok=True)
        heads = {k: v.detach().cpu().contiguous() for k, v in self._heads().items()}
        save_file(heads, part / "model.safetensors")
        config = {"dim": self.text_projection.out_features}
        (part / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.log_scale.device

    @property
    def scale(self) -> Tensor:
        """One over the temperature, which is kept from falling below 0.01."""
        return self.log_scale.clamp(max=math.log(1 / _LEAST_TEMPERATURE)).exp()

    def pixels(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Pictures as the semantic branch gives them to the vision tower: (n, 3, side, side)."""
        canvases = [clip_picture(picture) for picture in pictures]
        pixels: Tensor = self.image_processor(images=canvases, return_tensors="pt").pixel_values
        return pixels.to(self.device)

    def features(self, pixels: Tensor) -> Tensor:
        """What the projections see of pictures: (n, 2·hidden)."""
        output = self.image_encoder(pixel_values=pixels, output_hidden_states=True)
        tokens = output.hidden_states[-2].float().mean(1)
        tokens = functional.layer_norm(tokens, tokens.shape[-1:])
        return torch.cat([output.pooler_output.float(), tokens], dim=1)

    def embed_pictures(self, pixels: Tensor) -> Tensor:
        """Unit vectors (n, dim) of `pixels`."""
        return self.project_picture(self.features(pixels))

    def project_picture(self, features: Tensor) -> Tensor:
        """The same from the features."""
        return _unit(self.picture_projection(features))

    def embed_videos(self, first: Tensor, last: Tensor) -> Tensor:
        """Unit vectors (n, dim) of videos, by the pixels of their first and last frames."""
        return self.project_ends(self.features(first), self.features(last))

    def project_ends(self, first: Tensor, last: Tensor) -> Tensor:
        """The same from the features of both frames."""
        return _unit(self.video_projection(torch.cat([first, last], dim=1)))

    def embed_texts(self, prompts: Sequence[str]) -> Tensor:
        """Unit vectors (n, dim) of texts: the mean over their tokens, projected."""
        tokens = self.tokenizer(
            [clean_prompt(prompt) for prompt in prompts],
            padding=True,
            max_length=TEXT_LENGTH,
            truncation=True,
            return_tensors="pt",
        ).to(self.device)
        states = self.text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
        mask = tokens.attention_mask[..., None].float()
        pooled = (states.float() * mask).sum(1) / mask.sum(1).clamp_min(1)
        return _unit(self.text_projection(pooled))

    @torch.no_grad()
    def picture_similarity(self, a: Image.Image, b: Image.Image) -> float:
        """Cosine of two pictures: high where they show the same element."""
        one, other = self.embed_pictures(self.pixels([a, b]))
        return float(one @ other)

    @torch.no_grad()
    def text_similarity(self, picture: Image.Image, text: str) -> float:
        """Cosine of a picture of one element and its name."""
        embedded = self.embed_pictures(self.pixels([picture]))
        return float(embedded[0] @ self.embed_texts([text])[0])

    def _heads(self) -> dict[str, Tensor]:
        towers = ("image_encoder.", "text_encoder.")
        return {k: v for k, v in self.state_dict().items() if not k.startswith(towers)}

    def _heads_from(self, tensors: dict[str, Tensor]) -> None:
        if missing := sorted(set(self._heads()) - set(tensors)):
            raise ValueError(f"{_PART} lacks {', '.join(missing)}")
        self.load_state_dict(tensors, strict=False)


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors.float(), dim=-1)

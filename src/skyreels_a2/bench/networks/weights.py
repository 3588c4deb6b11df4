"""Where the weights of networks come from, and how their absence is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyreels_a2.bench.footage import file_sha256
from skyreels_a2.errors import InputError, MissingExtraError, SkyReelsA2Error, one_line

HUB = {
    "clip": "openai/clip-vit-base-patch32",
    "clip-large": "openai/clip-vit-large-patch14",
    "dinov2": "facebook/dinov2-base",
    "detector": "IDEA-Research/grounding-dino-tiny",
}
"""Networks on the hub, and the weights that are taken unless others are named."""
DUAL_ENCODER, JUDGE = "dual-encoder", "judge"
"""The model folder's own, and an endpoint."""
FILES = ("arcface", "raft", "musiq", "amt", "aesthetic")
"""Networks that are a file or folder which the user names."""


class NetworkMissingError(SkyReelsA2Error):
    """A network is absent: the metric is missing, which is not the same as 0."""


@dataclass(frozen=True, slots=True)
class Judge:
    """An endpoint that gives marks.

    Attributes:
        url: OpenAI-compatible, up to and with `/v1`.
        model: Name of the model there.
        answers: File that raw answers are kept in.
        repeats: Answers that are averaged.

    Raises:
        InputError: No http(s) address, or no model.
    """

    url: str
    model: str
    answers: str
    repeats: int = 1

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InputError(
                f"judge {self.url!r}: give an address such as http://localhost:8000/v1"
            )
        if not self.model:
            raise InputError("the judge needs a model: name it with --judge-model")


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights to use, and whether to fetch them.

    Attributes:
        named: Pairs of network and folder, file or hub id.
        device: Where transformers' networks run.
        download: Fetch from the hub what is not in its cache.
        model_folder: The model folder whose dual encoder is used.
        judge: Who is asked for marks.

    Raises:
        InputError: An unknown network.
    """

    named: tuple[tuple[str, str], ...] = ()
    device: str = "cpu"
    download: bool = False
    model_folder: Path | None = None
    judge: Judge | None = None

    def __post_init__(self) -> None:
        for network, _ in self.named:
            if network not in (*HUB, *FILES):
                known = ", ".join((*HUB, *FILES))
                raise InputError(f"no network is called {network!r}: name one of {known}")

    @classmethod
    def parse(cls, given: Sequence[str], **others: Any) -> Weights:
        """From `NETWORK=PLACE` texts.

        Raises:
            InputError: Not of that form, or an unknown network.
        """
        pairs = [text.partition("=") for text in given]
        if wrong := next((text for text, pair in zip(given, pairs, strict=True) if not pair[2]), 0):
            raise InputError(f"--weights {wrong!r}: use NETWORK=PLACE, e.g. clip=/models/clip")
        return cls(tuple((name, place) for name, _, place in pairs), **others)

    def place(self, network: str) -> str:
        """Where a network's weights are.

        Raises:
            NetworkMissingError: Nobody said, and there is no default on the hub.
        """
        place = dict(self.named).get(network) or HUB.get(network)
        if place is None:
            raise NetworkMissingError(f"no weights: name them with --weights {network}=PLACE")
        if network in FILES and not Path(place).exists():
            raise NetworkMissingError(f"{network}: {place} is not there")
        return place

    def identity(self, network: str) -> str:
        """Which weights a network would have, in a few words; empty where it is absent."""
        if network == JUDGE:
            return f"{self.judge.model}@{self.judge.url}x{self.judge.repeats}" if self.judge else ""
        if network == DUAL_ENCODER:
            folder = self.model_folder or Path()
            return file_sha256(folder / "dual_encoder" / "model.safetensors")[:12]
        return dict(self.named).get(network) or HUB.get(network) or ""

    def pretrained(self, network: str, load: Callable[..., Any], **options: Any) -> Any:
        """Call a `from_pretrained` with a network's place.

        Raises:
            NetworkMissingError: It is neither a folder nor in the hub's cache.
        """
        place = self.place(network)
        if not self.download and not Path(place).is_dir() and not _is_cached(place):
            raise NetworkMissingError(
                f"{place} is neither a folder nor in the hub's cache: name a folder with "
                f"--weights {network}=FOLDER, or pass --download"
            )
        with absence(f"{network} ({place})"):
            return load(place, local_files_only=not self.download, **options)


def _is_cached(place: str) -> bool:
    """Whether the hub's cache has a model."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(place, "config.json"), str)
    except HFValidationError:
        return False


@contextmanager
def absence(what: str) -> Iterator[None]:
    """Turn whatever keeps a network from opening into `NetworkMissingError`."""
    try:
        yield
    except NetworkMissingError:
        raise
    except MissingExtraError as error:
        raise NetworkMissingError(str(error)) from error
    except (
        OSError,
        ValueError,
        RuntimeError,
        LookupError,
        ImportError,
        TypeError,
        AssertionError,
    ) as error:
        reason = one_line(error, limit=110)
        raise NetworkMissingError(f"{what} does not open: {reason}") from error

"""Examples encoded once and kept: shards of safetensors, each complete or not there."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor

from skyreels_a2.conditioning.conditioner import Conditioner
from skyreels_a2.errors import InputError, OutputError, one_line
from skyreels_a2.training.examples import Example, encode
from skyreels_a2.training.triplets import Triplets

CACHE_SETTINGS = "settings.json"
"""What the content of a cache was decided by."""
SHARD = 64
"""Examples in a file."""

OnShard = Callable[[int, int], None]


def build_cache(
    conditioner: Conditioner,
    triplets: Triplets,
    folder: Path,
    *,
    count: int,
    settings: dict[str, object],
    part: tuple[int, int] = (0, 1),
    on_shard: OnShard = lambda *_: None,
) -> int:
    """Encode the first examples; goes on where an earlier run ended.

    Args:
        conditioner: Encoders.
        triplets: Where they come from.
        folder: The cache.
        count: Examples to hold in the end.
        settings: What decides the content (model, data); another cache's folder is refused.
        part: (index, number) of runs that share the work, each writing files of its own.
        on_shard: Told how many examples are there, and of how many.

    Returns:
        Examples that were encoded now.

    Raises:
        OutputError: It cannot be written, or belongs to other settings.
    """
    _claim(folder, settings)
    made = 0
    index, parts = part
    for start in range(index * SHARD, count, parts * SHARD):
        numbers = range(start, min(start + SHARD, count))
        path = folder / f"{start:08d}-{len(numbers)}.safetensors"
        if not path.is_file():
            tensors: dict[str, Tensor] = {}
            for number in numbers:
                example = encode(
                    conditioner, triplets.triplet(number), Generator().manual_seed(number)
                )
                tensors |= {f"{number}.{k}": v.contiguous() for k, v in example.tensors().items()}
            _write(tensors, path)
            made += len(numbers)
        on_shard(numbers[-1] + 1, count)
    return made


def _claim(folder: Path, settings: dict[str, object]) -> None:
    path = folder / CACHE_SETTINGS
    text = json.dumps(settings, indent=2, sort_keys=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise OutputError(f"{folder} is the cache of other settings ({path}): use another")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cache {folder} cannot be written: {one_line(error)}") from error


def _write(tensors: dict[str, Tensor], path: Path) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        save_file(tensors, part)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {one_line(error)}") from error


class CachedExamples:
    """The examples of a cache, a few shards of them in memory.

    Args:
        folder: A cache that `build_cache` made.
        shards_in_memory: Shards kept; 0 keeps all.

    Raises:
        InputError: Nothing in it.
    """

    def __init__(self, folder: Path, *, shards_in_memory: int = 0) -> None:
        self._paths = sorted(folder.glob("[0-9]*-*.safetensors"))
        if not self._paths:
            raise InputError(f"{folder} holds no cached examples: make them with skyreels-a2 cache")
        self._where = [
            (path, int(path.stem.split("-")[0]) + offset)
            for path in self._paths
            for offset in range(int(path.stem.split("-")[1]))
        ]
        self._memory: OrderedDict[Path, dict[str, Tensor]] = OrderedDict()
        self._limit = shards_in_memory

    def __len__(self) -> int:
        return len(self._where)

    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the latents and of the tokens of the references."""
        found = {path: _shapes(path) for path in self._paths}
        return [found[path][name] for path, name in self._where]

    def example(self, number: int) -> Example:
        """The example of a number."""
        path, name = self._where[number]
        if path not in self._memory:
            self._memory[path] = load_file(path)
            if self._limit and len(self._memory) > self._limit:
                self._memory.popitem(last=False)
        prefix = f"{name}."
        shard = self._memory[path]
        return Example.of(
            {k.removeprefix(prefix): v for k, v in shard.items() if k.startswith(prefix)}
        )


def _shapes(path: Path) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    with safe_open(path, "pt") as shard:
        for key in sorted(shard.keys()):  # of each example image_embeds before latent_mean
            number, _, name = key.partition(".")
            if name in ("image_embeds", "latent_mean"):
                shape = tuple(shard.get_slice(key).get_shape())
                found[int(number)] = (*found.get(int(number), ()), *shape)
    return found


class LiveExamples:
    """Examples encoded as they are asked for, each time with other draws of order and number."""

    def __init__(self, conditioner: Conditioner, triplets: Triplets) -> None:
        self._conditioner, self._triplets = conditioner, triplets

    def __len__(self) -> int:
        return len(self._triplets)

    def shapes(self) -> None:
        """Unknown until a video is opened."""

    def example(self, number: int) -> Example:
        """The example of a number."""
        generator = Generator().manual_seed(number)
        return encode(self._conditioner, self._triplets.triplet(number), generator)

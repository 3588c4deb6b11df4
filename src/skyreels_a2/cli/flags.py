"""The flags of `generate`, as types; each is named as the field of `Job` that it sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.mentions import is_name
from skyreels_a2.request import GUIDERS, SCHEDULERS
from skyreels_a2.runtime.choices import PLACEMENTS, PRESETS, STORAGES, Wishes
from skyreels_a2.runtime.parallelism import parse_parallelism


def _flag(panel: str, *names: str, text: str, shown: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=shown, rich_help_panel=panel)


def _elements(*names: str, text: str) -> Any:
    return _flag("Elements", *names, text=text, shown="[NAME=]FILE")


def _video(*names: str, text: str) -> Any:
    return _flag("Video", *names, text=text)


def _sampling(*names: str, text: str) -> Any:
    return _flag("Sampling", *names, text=text)


def _model(*names: str, text: str, shown: str | None = None) -> Any:
    return _flag("Model", *names, text=text, shown=shown)


def _speed(*names: str, text: str) -> Any:
    return _flag("Speed and memory", *names, text=text)


def _way(*names: str, text: str) -> Any:
    return _flag("Other ways to run", *names, text=text)


Text: TypeAlias = str | None
Number: TypeAlias = float | None
Whole: TypeAlias = int | None
Texts: TypeAlias = list[str] | None
Switch: TypeAlias = bool | None

Scene = Annotated[Path | None, typer.Argument(metavar="[SCENE.YAML]", help="A composition file.")]
Character = Annotated[
    Texts,
    _elements("--character", text="A person, animal or figure. Same NAME again: another view."),
]
Object = Annotated[Texts, _elements("--object", text="A thing.")]
Background = Annotated[Texts, _elements("--background", text="The place, cropped to fill.")]
Prompt = Annotated[Text, _flag("Elements", "--prompt", "-p", text="What happens; may say @NAME.")]
NegativePrompt = Annotated[
    Text, _flag("Elements", "--negative-prompt", text="What shall not be seen.")
]

Output = Annotated[
    Path | None,
    _video(
        "--output",
        "-o",
        text="mp4, webm, gif, webp, or NAME.frames for PNG files; for a batch, a folder.",
    ),
]
Overwrite = Annotated[bool, _video("--overwrite", text="Replace what is there.")]
Size = Annotated[Text, _video("--size", text="832x480, or a ratio such as 16:9.")]
NumFrames = Annotated[Whole, _video("--frames", text="Frames of the video, 4k+1.")]
Seconds = Annotated[Number, _video("--seconds", text="Its length in seconds instead.")]
Fps = Annotated[Number, _video("--fps", text="Frames per second.")]
SideBySide = Annotated[bool, _video("--side-by-side", text="Put the references beside it.")]

Seed = Annotated[Whole, _sampling("--seed", text="Names the video; drawn and told if absent.")]
NumVideos = Annotated[Whole, _sampling("--num-videos", text="Videos to make; seeds count up.")]
Steps = Annotated[Whole, _sampling("--steps", text="Solver steps.")]
GuidanceScale = Annotated[Number, _sampling("--guidance-scale", text="How hard the text pulls.")]
ImageGuidanceScale = Annotated[
    Number, _sampling("--image-guidance-scale", text="How hard the references pull; 1 published.")
]
Guider = Annotated[Text, _sampling("--guider", text=", ".join(GUIDERS))]
GuidanceInterval = Annotated[
    tuple[float, float] | None,
    _sampling("--guidance-interval", text="Fractions of the steps between which guidance acts."),
]
AppearanceMatching = Annotated[
    Number, _sampling("--appearance-matching", text="How far elements are drawn to their pictures.")
]
Scheduler = Annotated[Text, _sampling("--scheduler", text=", ".join(SCHEDULERS))]
FlowShift = Annotated[Number, _sampling("--flow-shift", text="Shift of the noise levels.")]

Model = Annotated[str, _model("--model", "-m", text="Embedded name, folder or hub id.")]
Precision = Annotated[str, _model("--precision", text="auto, fp32, bf16, published.")]
Device = Annotated[str, _model("--device", text="auto, cpu, cuda, cuda:1 …")]
Offload = Annotated[bool, _model("--offload", text="Components to the GPU one at a time.")]
VaeTiling = Annotated[
    bool | None,
    _model("--vae-tiling/--no-vae-tiling", text="Tiles for the VAE; unsaid, by size."),
]
Transformer = Annotated[
    Path | None,
    _model("--transformer", text="Its weights from one .gguf or .safetensors file instead."),
]
Lora = Annotated[Texts, _model("--lora", text="A LoRA to put on.", shown="FILE[=SCALE]")]

Exact = Annotated[
    bool, _speed("--exact", text="As the released pipeline runs: nothing kept, fused or batched.")
]
Balanced = Annotated[
    bool, _speed("--balanced", text="Everything that leaves the numbers as they are (the default).")
]
Fast = Annotated[
    bool, _speed("--fast", text="Also what changes them a little: a step cache, compiled blocks.")
]
LowMemory = Annotated[bool, _speed("--low-memory", text="The least memory, whatever the time.")]
Placement = Annotated[Text, _speed("--placement", text=", ".join(PLACEMENTS))]
Storage = Annotated[
    Text, _speed("--storage", text=f"Of the transformer's weights: {', '.join(STORAGES)}")
]
StepCache = Annotated[
    Text,
    _speed(
        "--step-cache",
        text="Skip steps that change little: fbc, mag, sea or taylor; a number behind says how "
        "much (fbc:0.1). none: not even those that --fast skips.",
    ),
]
Attention = Annotated[Text, _speed("--attention", text="Attention backend, diffusers' name.")]
HalfVae = Annotated[
    Switch, _speed("--half-vae/--no-half-vae", text="The VAE in bfloat16: half its memory.")
]
BatchGuidance = Annotated[
    Switch,
    _speed("--batch-guidance/--no-batch-guidance", text="Both passes of a step in one batch."),
]
KeepKv = Annotated[
    Switch,
    _speed("--keep-kv/--no-keep-kv", text="Keep keys and values of text and pictures."),
]
Fuse = Annotated[
    Switch, _speed("--fuse/--no-fuse", text="Query, key and value of a block by one matrix.")
]
Compile = Annotated[Switch, _speed("--compile/--no-compile", text="Compile the blocks.")]
Parallel = Annotated[
    Text,
    _speed(
        "--parallel", text="How torchrun's processes share a video: guidance=N,ulysses=N,ring=N."
    ),
]
Encodings = Annotated[
    bool,
    _speed("--keep-encodings/--no-keep-encodings", text="Keep encoded prompts and pictures."),
]
CheckpointEvery = Annotated[
    Whole, _speed("--checkpoint-every", text="Steps between states, from which a stop goes on.")
]
PreviewEvery = Annotated[
    Whole, _speed("--preview-every", text="Steps between small pictures beside the output.")
]
Distilled = Annotated[
    Text,
    _model(
        "--distilled",
        text="A step-distilled LoRA: 4 Euler steps without guidance unless said otherwise.",
        shown="FILE[=SCALE]",
    ),
]

Batch = Annotated[Path | None, _way("--batch", text="A JSONL file: one job a line, one model.")]
Preview = Annotated[
    Path | None, _way("--preview", text="Write what the model will see as a picture, and stop.")
]
Ray = Annotated[
    Whole, _way("--ray", text="Make a batch by so many workers on a Ray cluster (0: all it has).")
]
DryRun = Annotated[bool, _way("--dry-run", text="Say what would be made, and stop.")]


def elements_of(role: Role, values: Iterable[str] | None) -> list[dict[str, Any]]:
    """Elements of one role; the same name given again adds a picture to that element."""
    elements: list[dict[str, Any]] = []
    by_name: dict[str, dict[str, Any]] = {}
    for value in values or ():
        name, path = split_name(value)
        if name in by_name:
            by_name[name]["pictures"].append(path)
            continue
        elements.append({"role": role, "name": name, "pictures": [path]})
        if name is not None:
            by_name[name] = elements[-1]
    return elements


def split_name(value: str) -> tuple[str | None, Path]:
    """`NAME=FILE` or `FILE`. A file whose own name has a `=` is taken as it is if it exists."""
    name, equals, path = value.partition("=")
    if equals and is_name(name) and not Path(value).exists():
        return name, Path(path)
    return None, Path(value)


def wishes_of(params: Mapping[str, Any]) -> Wishes:
    """What the flags of speed and memory ask for.

    Args:
        params: Of a command, by name.

    Raises:
        InputError: Two presets, or a choice that is unknown.
    """
    given = [name for name in PRESETS if params[name.replace("-", "_")]]
    if len(given) > 1:
        raise InputError(f"--{' and --'.join(given)} exclude each other: give one")
    parallel = params["parallel"]
    return Wishes(
        preset=given[0] if given else "balanced",
        placement=params["placement"],
        storage=_storage(params["storage"], params["transformer"]),
        vae_tiling=params["vae_tiling"],
        half_vae=params["half_vae"],
        batch_guidance=params["batch_guidance"],
        memo=params["keep_kv"],
        fused=params["fuse"],
        compile=params["compile_"],
        step_cache=params["step_cache"],
        attention=params["attention"],
        parallelism=None if parallel is None else parse_parallelism(parallel),
    )


def _storage(given: str | None, transformer: Path | None) -> str | None:
    if transformer is None or transformer.suffix.lower() != ".gguf":
        return given
    if given not in (None, "gguf"):
        raise InputError(f"--transformer {transformer} is stored as gguf: leave --storage away")
    return "gguf"


def as_shard(text: str) -> tuple[int, int]:
    """A part of the work, of `I/N`.

    Raises:
        InputError: It is none.
    """
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise InputError(f"shard {text!r}: use I/N, e.g. 0/4 to 3/4")
    return int(index), int(count)

"""`skyreels-a2 pack`: a model's transformer as one GGUF file of four to eight bits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyreels_a2.cli import console, flags
from skyreels_a2.cli.model import ModelChoice
from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import try_folder, write_aside


def pack(
    model: Annotated[str, typer.Argument(help="Embedded name, folder or hub id.")],
    output: Annotated[Path, typer.Argument(metavar="FILE.gguf", help="Where it goes.")],
    *,
    kind: Annotated[str, typer.Option("--kind", help="q8_0, q5_1, q5_0 or q4_0.")] = "q8_0",
    overwrite: flags.Overwrite = False,
) -> int:
    """Pack a transformer for `generate --transformer FILE.gguf`; needs gguf, no GPU."""
    if output.suffix.lower() != ".gguf":
        raise InputError(f"{output}: use a name that ends in .gguf")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists: choose another name, or --overwrite")
    try_folder(output.parent)
    choice = ModelChoice(model)
    choice.check()
    from skyreels_a2.runtime import gguf_files

    with write_aside(output, overwrite=overwrite) as aside:
        gguf_files.write(choice.folder / "transformer", aside, kind)
    console.data.print(str(output), markup=False)
    return 0

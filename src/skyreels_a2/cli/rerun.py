"""`skyreels-a2 rerun`: make a video again from what its file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from skyreels_a2.cli import console
from skyreels_a2.cli.making import Target, check_target, make
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.errors import InputError
from skyreels_a2.media.manifest import Manifest, versions
from skyreels_a2.media.videos import iter_frames
from skyreels_a2.runtime.choices import NO_CACHE, Wishes, chosen_step_cache


def rerun(
    video: Annotated[Path, typer.Argument(help="A video made by skyreels-a2.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: NAME-rerun beside it.")
    ] = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(help="A folder to look for the pictures in, if they have moved."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda …")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> int:
    """Make a video again and compare its frames with the old ones."""
    for folder in pictures or ():
        if not folder.is_dir():
            raise InputError(f"--pictures {folder} is no folder")
    manifest = Manifest.read(video)
    request = manifest.request([*(pictures or ()), video.parent])
    choice = _choice(manifest, device)
    target = Target(
        request, output or video.with_stem(f"{video.stem}-rerun"), manifest.side_by_side
    )
    choice.check()
    check_target(target, overwrite=overwrite)
    _warn_of_changes(manifest, target.manifest(choice))
    with console.progress_bars() as bars:
        make(load_pipeline(choice, bars, [request]), choice, target, bars=bars, overwrite=overwrite)
    console.data.print(str(target.output), markup=False)
    if target.output.suffix == video.suffix:
        _compare(video, target.output)
    return 0


def _choice(manifest: Manifest, device: str) -> ModelChoice:
    model = manifest.model
    usual = chosen_step_cache(Wishes(preset=model.preset))
    return ModelChoice(
        name=model.name,
        precision=model.precision,
        device=device,
        vae_tiling=model.vae_tiling,
        loras=model.loras,
        wishes=Wishes(
            preset=model.preset,
            # That of the preset gives way where it does not fit, as it did then.
            step_cache=None if model.step_cache == usual else model.step_cache or NO_CACHE,
            storage=None if model.storage == "plain" else model.storage,
            half_vae=model.half_vae,
        ),
        transformer=None if model.transformer is None else Path(model.transformer),
    )


def _warn_of_changes(old: Manifest, new: Manifest) -> None:
    if old.model.fingerprint != new.model.fingerprint:
        console.warn(f"the weights of {old.model.name} have changed: the frames will differ")
    now = versions()
    changed = [f"{k} {v} is now {now.get(k)}" for k, v in old.versions.items() if now.get(k) != v]
    if changed:
        console.warn(f"versions changed, frames may differ: {', '.join(changed)}")


def _compare(old: Path, new: Path) -> None:
    """Say how far the new frames are from the old ones."""
    worst = max(
        int(np.abs(a.astype(np.int16) - b.astype(np.int16)).max())
        for a, b in zip(iter_frames(old), iter_frames(new), strict=True)
    )
    verdict = "the same frames" if worst == 0 else f"frames differ by up to {worst} of 255"
    console.messages.print(verdict)

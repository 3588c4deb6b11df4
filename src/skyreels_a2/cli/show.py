"""`skyreels-a2 show`: what a video file says of its own making."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from skyreels_a2.cli import console
from skyreels_a2.media.manifest import Manifest


def show(
    video: Annotated[Path, typer.Argument(help="A video made by skyreels-a2.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="The manifest as JSON.")] = False,
) -> None:
    """Show how a video was made."""
    manifest = Manifest.read(video)
    if json:
        console.data.print(manifest.model_dump_json(indent=2), markup=False)
        return
    table = Table(show_header=False, box=None)
    for name, value in _rows(manifest).items():
        table.add_row(f"[bold]{name}[/]", value)
    console.data.print(table)


def _rows(manifest: Manifest) -> dict[str, str]:
    model = manifest.model
    rows = {"prompt": manifest.prompt}
    for element in manifest.elements:
        pictures = ", ".join(
            f"{picture.path or 'given in memory'} ({picture.sha256[:12]})"
            for picture in element.pictures
        )
        label = f"{element.role.value} {element.name or ''}".strip()
        rows[label if label not in rows else f"{label} {len(rows)}"] = pictures
    rows["video"] = str(manifest.spec)
    rows["seed"] = str(manifest.seed)
    sampling = asdict(manifest.sampling)
    rows["sampling"] = ", ".join(f"{key} {value}" for key, value in sampling.items())
    rows["model"] = f"{model.name} ({model.fingerprint}), precision {model.precision}"
    if model.loras:
        rows["LoRAs"] = ", ".join(model.loras)
    rows["versions"] = ", ".join(f"{key} {value}" for key, value in manifest.versions.items())
    return rows

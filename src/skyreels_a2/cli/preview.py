"""`--preview` and `--dry-run`: see before anything is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from skyreels_a2.cli import console
from skyreels_a2.cli.making import Target
from skyreels_a2.cli.model import ModelChoice
from skyreels_a2.errors import OutputError
from skyreels_a2.media.atomic import output_errors, write_aside
from skyreels_a2.request import GenerationRequest

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}


def write_preview(
    request: GenerationRequest, choice: ModelChoice, path: Path, *, overwrite: bool
) -> None:
    """Write a picture of what CLIP and the VAE will see of each reference.

    Raises:
        OutputError: It cannot be written there.
        PictureError: A reference cannot be used.
    """
    # Both bring torch.
    from skyreels_a2.conditioning.preview import preview_sheet
    from skyreels_a2.pipeline.loading import load_image_processor

    if path.suffix.lower() not in _FORMATS:
        raise OutputError(f"preview {path} is no picture: end it in {', '.join(_FORMATS)}")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} is there already: choose another name or pass --overwrite")
    processor = load_image_processor(choice.folder)
    sheet = preview_sheet(request.composition.references, request.sampled_spec, processor)
    with write_aside(path, overwrite=overwrite) as aside, output_errors(path):
        sheet.save(aside, _FORMATS[path.suffix.lower()])
    console.data.print(str(path), markup=False)


def describe(targets: Sequence[Target], choice: ModelChoice) -> None:
    """Print what would be made."""
    request = targets[0].request
    table = Table(show_header=False, box=None)
    sampled, sampling = request.sampled_spec, request.sampling
    rows = {
        "model": f"{choice.name} ({choice.folder}), precision {choice.precision}",
        "text": request.composition.text,
        **{
            f"reference {index}": f"{reference.role.value} {reference.label}"
            for index, reference in enumerate(request.composition.references)
        },
        "video": str(request.delivered_spec),
        "sampled": f"{sampled.num_frames} frames = {sampled.num_latent_frames} latent frames, "
        f"of which {len(request.composition.references)} hold the references",
        "sampling": f"{sampling.num_inference_steps} steps of {sampling.scheduler}, "
        f"{sampling.guider} {sampling.guidance_scale:g}, "
        f"image guidance {sampling.image_guidance_scale:g}, "
        f"appearance matching {sampling.appearance_matching:g}",
        "seeds": ", ".join(str(target.request.seed) for target in targets),
        "output": ", ".join(str(target.output) for target in targets),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.data.print(table)

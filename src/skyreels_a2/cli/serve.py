"""`skyreels-a2 serve` and `skyreels-a2 keys`: the service and its page."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyreels_a2.cli import console
from skyreels_a2.cli.model import (
    ModelChoice,
    device_named,
    find_device,
    load_pipeline,
    make_the_plan,
)
from skyreels_a2.errors import InputError, MemoryLimitError
from skyreels_a2.extras import require
from skyreels_a2.request import Generation, GenerationRequest
from skyreels_a2.video import Frames, VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.serving.models import Forecast, OnPreview, OnProgress, ServedModel
    from skyreels_a2.serving.settings import ServerSettings

Data = Annotated[Path, typer.Option("--data", help="Folder of jobs, pictures and results.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="SKYREELS_A2_DATABASE",
        help="postgresql://… instead of SQLite in the data folder.",
    ),
]
_DATA = Path("skyreels-a2-data")

NUM_PREVIEWS = 8
"""Looks at a video that is being sampled."""

keys_app = typer.Typer(help="API keys of a server.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class ServedPipeline:
    """The pipeline as a worker uses it: tiles decided by the size, as `generate` does."""

    pipeline: SkyReelsA2Pipeline
    choice: ModelChoice

    def generate(self, request: GenerationRequest) -> Generation:
        """Make a video."""
        self._set_tiles(request)
        return self.pipeline.generate(request)

    def stream(
        self, request: GenerationRequest, *, on_progress: OnProgress, on_preview: OnPreview
    ) -> Iterator[Frames]:
        """Make a video and tell how far it is."""
        from skyreels_a2.pipeline.latent_preview import LatentPreview

        def on_frames(_: int, frames: Frames) -> None:
            on_preview(_enlarged(frames[len(frames) // 2], request.spec))

        self._set_tiles(request)
        every = max(1, request.sampling.num_inference_steps // NUM_PREVIEWS)
        preview = LatentPreview(every, on_frames)
        return self.pipeline.stream(request, on_progress=on_progress, preview=preview)

    def _set_tiles(self, request: GenerationRequest) -> None:
        vae = self.pipeline.vae
        tiled = self.choice.tiles(request.delivered_spec)
        (vae.enable_tiling if tiled else vae.disable_tiling)()


def _enlarged(frame: Frames, spec: VideoSpec) -> Frames:
    """A frame at the latents' size as one frame (1, height, width, 3) at the video's."""
    import numpy as np
    from PIL import Image

    size = (spec.width, spec.height)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))[None]


def open_pipeline(choice: ModelChoice, device: str) -> ServedPipeline:
    """Open a model in a worker process."""
    console.mute_libraries()
    chosen = replace(choice, device=device)
    # A worker shows no bars.
    return ServedPipeline(load_pipeline(chosen, lambda *_: None), chosen)  # type: ignore[arg-type]


def forecast(choice: ModelChoice, device: str, request: GenerationRequest) -> Forecast:
    """What the plan of a request comes to; imports torch and counts for seconds."""
    console.mute_libraries()
    from skyreels_a2.serving.models import Forecast

    try:
        plan = make_the_plan(choice, device_named(device), [request], emptied=True).plan
    except MemoryLimitError as error:
        return Forecast(trouble=str(error))
    return Forecast(memory=plan.peak, seconds=plan.total_seconds)


def served_model(choice: ModelChoice) -> ServedModel:
    """A model as the service knows it.

    Raises:
        ModelError: It cannot be opened, as far as that shows without torch.
    """
    from skyreels_a2.serving.models import ServedModel

    choice.check()
    own = choice.defaults
    return ServedModel(
        name=choice.name,
        open=partial(open_pipeline, choice),
        record=choice.record,
        spec=own.spec,
        sampling=own.sampling,
        forecast=partial(forecast, choice),
    )


def serve(  # noqa: PLR0913  (the flags are the interface)
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="Embedded name, folder or hub id; several may be given."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback keys rule.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    data: Data = _DATA,
    database: Database = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="auto, cpu, cuda:0 …; one worker for each given."),
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16, published.")] = "auto",
    offload: Annotated[bool, typer.Option("--offload", help="Components one at a time.")] = False,
    max_queue: Annotated[int, typer.Option(help="Jobs that may wait.", min=1)] = 200,
    keep_days: Annotated[float, typer.Option(help="Days after which results go.", min=0)] = 30.0,
    disk_quota: Annotated[float, typer.Option(help="GiB the data folder may hold.", min=0)] = 20.0,
    request_timeout: Annotated[
        float, typer.Option(help="Seconds that a request may take to arrive.", min=0.1)
    ] = 60.0,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch pictures by public URL.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Another origin whose pages may use the API.")
    ] = None,
    public_name: Annotated[
        list[str] | None, typer.Option(help="Host name that a proxy passes on, e.g. a2.example.")
    ] = None,
    hook: Annotated[
        str | None, typer.Option(help="Content hook: MODULE:CALLABLE that makes one.")
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Replicas on a Ray cluster.")] = False,
    replicas: Annotated[int, typer.Option(help="With --ray: how many.", min=1)] = 2,
) -> None:
    """Serve videos: an API and a page at http://127.0.0.1:8000."""
    require("fastapi", extra="serve")
    from skyreels_a2.serving.settings import GIB, ServerSettings

    choices = [
        ModelChoice(name, precision, offload=offload)
        for name in dict.fromkeys(model or ["a2-tiny"])
    ]
    if offload and all(d == "cpu" for d in device or ()):
        find_device(str(device))
    local = _is_loopback(host)
    settings = ServerSettings(
        data=data,
        models=tuple(served_model(choice) for choice in choices),
        devices=tuple(device or ("auto",)),
        database_url=database,
        require_key=not local,
        max_queued=max_queue,
        allow_urls=allow_urls,
        hosts=_hosts(host, public_name or [], local=local),
        origins=tuple(allow_origin or ()),
        keep_days=keep_days,
        disk_quota=int(disk_quota * GIB),
        body_seconds=request_timeout,
        hook=_hook(hook) if hook else None,
    )
    if ray:
        _serve_on_ray(settings, host=host, port=port, replicas=replicas)
        return
    _serve_here(settings, host=host, port=port)


def _serve_here(settings: ServerSettings, *, host: str, port: int) -> None:
    from skyreels_a2.serving.api import create_app
    from skyreels_a2.serving.listening import bind, listen
    from skyreels_a2.serving.server import Server

    listening = bind(host, port)
    server = Server(settings)
    if settings.require_key and not server.keys.all():
        raise InputError(
            f"{host} can be reached by others, so API keys are needed, and there is none: make one "
            f"with `skyreels-a2 keys add NAME --data {settings.data}`"
        )
    shown = f"[{host}]" if ":" in host else host

    def on_listening() -> None:
        taken = listening.getsockname()[1]
        console.messages.print(f"listening on http://{shown}:{taken}", markup=False)

    listen(create_app(server), listening, patience=settings.body_seconds, on_listening=on_listening)


def _serve_on_ray(settings: ServerSettings, *, host: str, port: int, replicas: int) -> None:
    require("ray", extra="cluster")
    from skyreels_a2.serving.cluster import serve_on_ray
    from skyreels_a2.serving.listening import bind

    if settings.database_url is None:
        raise InputError(
            "--ray needs a job store that all machines reach: give --database postgresql://…"
        )
    with bind(host, port) as free:  # Ray's proxies take it themselves
        port = free.getsockname()[1]
    serve_on_ray(
        settings,
        host=host,
        port=port,
        replicas=replicas,
        on_listening=lambda: console.messages.print(f"listening on http://{host}:{port}"),
    )


@keys_app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who it is for.")],
    *,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="NAME=NUMBER, e.g. seconds=10; requests_per_minute, open_jobs …"),
    ] = None,
    data: Data = _DATA,
    database: Database = None,
) -> None:
    """Make a key and print it; it is shown this once and kept as a hash."""
    with_limits = dict(_limit(text) for text in limit or ())
    console.data.print(_keys(data, database).add(name, with_limits), markup=False)


@keys_app.command("list")
def list_keys(*, data: Data = _DATA, database: Database = None) -> None:
    """Print names and limits of all keys."""
    for key in _keys(data, database).all():
        console.data.print(f"{key.name}  {key.limits.model_dump_json()}", markup=False)


@keys_app.command("remove")
def remove_key(
    name: Annotated[str, typer.Argument(help="Whose key to revoke.")],
    *,
    data: Data = _DATA,
    database: Database = None,
) -> None:
    """Revoke a key at once."""
    _keys(data, database).remove(name)


def _keys(data: Path, database: str | None) -> Any:
    from skyreels_a2.serving.files import DataFolder
    from skyreels_a2.serving.keys import KeyStore
    from skyreels_a2.serving.server import open_database

    folder = DataFolder(data)
    folder.prepare()
    return KeyStore(open_database(folder, database))


def _limit(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"limit {text!r} is not understood: use NAME=NUMBER, e.g. seconds=10")
    return name, value


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(host: str, names: list[str], *, local: bool) -> tuple[str, ...]:
    """What a `Host` header may say: any where keys rule, else names of this machine."""
    if not local:
        return ()
    shown = f"[{host}]" if ":" in host else host
    return ("localhost", "127.0.0.1", "[::1]", shown, *names)


def _hook(text: str) -> Any:
    module, colon, name = text.partition(":")
    if not colon:
        raise InputError(f"hook {text!r} is not understood: use MODULE:CALLABLE")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"hook {text!r} cannot be imported: {error}") from error

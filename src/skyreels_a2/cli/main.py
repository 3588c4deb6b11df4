"""`skyreels-a2`: the verbs, and what happens to errors.

Known errors end as one line on stderr and their exit code (2 for bad input), Ctrl-C as 130;
`--debug` shows the traceback instead.
"""

from __future__ import annotations

import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, Any

import typer
from rich.markup import escape

import skyreels_a2
from skyreels_a2.cli import (
    bench,
    calibrate,
    console,
    data,
    eval_tiny,
    generate,
    pack,
    plan,
    rerun,
    scenes,
    serve,
    show,
    train,
)
from skyreels_a2.errors import SkyReelsA2Error, one_line

app = typer.Typer(
    name="skyreels-a2",
    help="Compose characters, objects and backgrounds into a video.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
# Typer carries its own click and shows only the leaves of its errors.
_UsageError: Any = typer.BadParameter.__bases__[0]

app.command("generate")(generate.generate)
app.command("show")(show.show)
app.command("rerun")(rerun.rerun)
app.command("plan")(plan.plan)
app.command("pack")(pack.pack)
app.command("calibrate")(calibrate.calibrate)
app.command("train")(train.train)
app.command("cache")(train.cache)
app.command("eval-tiny")(eval_tiny.eval_tiny)
app.command("serve")(serve.serve)
app.add_typer(scenes.app, name="scenes")
app.add_typer(bench.app, name="bench")
app.add_typer(serve.keys_app, name="keys")
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if wanted:
        console.data.print(f"skyreels-a2 {skyreels_a2.__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show and exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks and debug messages.")
    ] = False,
) -> None:
    """Compose characters, objects and backgrounds into a video."""


def main() -> None:
    """Entry point of the command."""
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    debug = "--debug" in arguments
    console.show_warnings()
    if debug:
        logging.getLogger("skyreels_a2").setLevel(logging.DEBUG)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        command = typer.main.get_command(app)
        kept = [argument for argument in arguments if argument != "--debug"]
        result = command.main(kept, prog_name="skyreels-a2", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  (the last place an error can go)
        if debug and not isinstance(error, SystemExit | _UsageError):
            traceback.print_exc()
        return _told(error)
    return result if isinstance(result, int) else 0


def _told(error: BaseException) -> int:
    """Say an error in one line and give its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, _UsageError):
        error.show()
        return int(error.exit_code)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        console.messages.print("interrupted: nothing half-written was left")
        return 130
    if isinstance(error, SkyReelsA2Error):
        console.messages.print(f"[red]error:[/] {escape(str(error))}")
        return error.exit_code
    console.messages.print(
        f"[red]error:[/] {escape(f'{type(error).__name__}: {one_line(error)}')} "
        "(this is a bug in skyreels-a2: run again with --debug and report it)"
    )
    return 1


def _terminate(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)

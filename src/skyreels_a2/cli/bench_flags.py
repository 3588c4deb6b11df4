"""The flags of `bench`, as types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from skyreels_a2.bench.suites.suite import TooMany


def _flag(panel: str, *names: str, text: str, shown: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=text, metavar=shown, rich_help_panel=panel, **more)


_WHAT, _HOW, _MEASURE, _JUDGE = "What is benchmarked", "How videos are made", "Metrics", "Judge"

SuiteName = Annotated[
    str,
    _flag(
        _WHAT,
        "--suite",
        text="scenes-50, a2-bench, opens2v, intelligentvbench, vbench.",
        shown="NAME",
    ),
]
Cases = Annotated[Path | None, _flag(_WHAT, "--cases", text="Case file or folder of the suite.")]
Fields = Annotated[
    list[str] | None,
    _flag(_WHAT, "--field", text="a2-bench: our field and the file's.", shown="OURS=THEIRS"),
]
Model = Annotated[
    str,
    _flag(_WHAT, "--model", "-m", text="Embedded name, folder, hub id or http://….", shown="NAME"),
]
Videos = Annotated[
    Path | None, _flag(_WHAT, "--videos", text="Score finished videos in this folder instead.")
]
Name = Annotated[str | None, _flag(_WHAT, "--name", text="What the report calls it.")]
Out = Annotated[
    Path | None, _flag(_WHAT, "--out", "-o", text="Folder of the run; the same one goes on.")
]
Limit = Annotated[int | None, _flag(_WHAT, "--limit", text="Only the first N cases.", min=1)]
Open = Annotated[bool, _flag(_WHAT, "--open", text="Show the report in a browser.")]

Seed = Annotated[int, _flag(_HOW, "--seed", text="Seed of every case's first video.", min=0)]
Steps = Annotated[int | None, _flag(_HOW, "--steps", text="Solver steps.")]
Frames = Annotated[int | None, _flag(_HOW, "--frames", text="Frames of each video, 4k+1.")]
BestOf = Annotated[
    int, _flag(_HOW, "--best-of", text="Make N seeds a case and keep the best.", min=1)
]
OnTooMany = Annotated[
    TooMany, _flag(_HOW, "--on-too-many", text="When a case has too many references.")
]
MaxReferences = Annotated[
    int, _flag(_HOW, "--max-references", text="References that the model takes.", min=1)
]
Shard = Annotated[
    str | None, _flag(_HOW, "--shard", text="Make the i-th of n parts, and stop.", shown="I/N")
]
Ray = Annotated[
    str | None, _flag(_HOW, "--ray", text="Make them on a Ray cluster.", shown="local|ADDRESS")
]
Workers = Annotated[int, _flag(_HOW, "--workers", text="Workers on the cluster.", min=1)]
Device = Annotated[str, _flag(_HOW, "--device", text="auto, cpu, cuda …")]

Metrics = Annotated[
    list[str] | None, _flag(_MEASURE, "--metric", text="Only these; all if absent.", shown="NAME")
]
WeightsOf = Annotated[
    list[str] | None,
    _flag(_MEASURE, "--weights", text="Where a network's weights are.", shown="NETWORK=PLACE"),
]
Download = Annotated[
    bool, _flag(_MEASURE, "--download", text="Fetch networks from the hub that are not here.")
]
DualEncoder = Annotated[
    str, _flag(_MEASURE, "--dual-encoder", text="Model whose dual encoder is asked.", shown="NAME")
]

JudgeUrl = Annotated[
    str | None, _flag(_JUDGE, "--judge-url", text="OpenAI-compatible endpoint, up to /v1.")
]
JudgeModel = Annotated[str | None, _flag(_JUDGE, "--judge-model", text="Model to ask there.")]
JudgeRepeats = Annotated[int, _flag(_JUDGE, "--judge-repeats", text="Answers averaged.", min=1)]
JudgePrice = Annotated[
    float | None,
    _flag(_JUDGE, "--judge-price", text="Price of a million input tokens, for the estimate."),
]

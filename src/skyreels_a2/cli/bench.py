"""`skyreels-a2 bench`: score a model or a folder of videos, compare two runs, ask people."""

from __future__ import annotations

import re
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.table import Column, Table

from skyreels_a2.bench.suites.suite import TooMany
from skyreels_a2.cli import bench_flags as flags
from skyreels_a2.cli import console, study
from skyreels_a2.cli.flags import as_shard
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.cli.remote import RemoteChoice, is_address
from skyreels_a2.elements import PUBLISHED_MAX_REFERENCES
from skyreels_a2.errors import InputError
from skyreels_a2.media.manifest import versions
from skyreels_a2.request import Composer

if TYPE_CHECKING:
    from skyreels_a2.bench.generating import Job, Outcome, Settings
    from skyreels_a2.bench.running import Run
    from skyreels_a2.bench.suites.suite import Suite
    from skyreels_a2.bench.summary import Summary

Choice: TypeAlias = ModelChoice | RemoteChoice

app = typer.Typer(
    help="Score a model or a folder of finished videos on a suite of cases.",
    invoke_without_command=True,
)


@dataclass(frozen=True, slots=True)
class OpenPipeline:
    """Opens the chosen model; picklable, so that workers of a cluster can."""

    choice: ModelChoice
    bars: console.Bars | None = field(default=None, compare=False)

    def __call__(self) -> Composer:
        """Load it."""
        if self.bars is not None:
            return load_pipeline(self.choice, self.bars)
        with console.progress_bars() as bars:
            return load_pipeline(self.choice, bars)


app.add_typer(study.app, name="study")


@app.callback()
def bench(  # noqa: PLR0913  (the flags are the interface)
    context: typer.Context,
    *,
    suite: flags.SuiteName = "scenes-50",
    cases: flags.Cases = None,
    fields: flags.Fields = None,
    model: flags.Model = "a2-tiny",
    videos: flags.Videos = None,
    name: flags.Name = None,
    out: flags.Out = None,
    limit: flags.Limit = None,
    open_: flags.Open = False,
    seed: flags.Seed = 0,
    steps: flags.Steps = None,
    frames: flags.Frames = None,
    best_of: flags.BestOf = 1,
    on_too_many: flags.OnTooMany = TooMany.FAIL,
    max_references: flags.MaxReferences = PUBLISHED_MAX_REFERENCES,
    shard: flags.Shard = None,
    ray: flags.Ray = None,
    workers: flags.Workers = 2,
    device: flags.Device = "auto",
    metrics: flags.Metrics = None,
    weights: flags.WeightsOf = None,
    download: flags.Download = False,
    dual_encoder: flags.DualEncoder = "a2-tiny",
    judge_url: flags.JudgeUrl = None,
    judge_model: flags.JudgeModel = None,
    judge_repeats: flags.JudgeRepeats = 1,
    judge_price: flags.JudgePrice = None,
) -> int:
    """Make the videos of a suite, score them, and write report.html, report.json and scores.csv."""
    if context.invoked_subcommand is not None:
        return 0
    params = dict(context.params)
    chosen = _open_suite(params)
    choice = RemoteChoice(model) if is_address(model) else ModelChoice(model, device=device)
    folder = out or Path("bench") / f"{_file_name(name or _stem(videos, model))}-{suite}"
    with console.progress_bars() as bars:
        failures = 0
        if videos is None:
            failures = _generate(chosen, choice, folder / "videos", params, bars)
        if shard is not None:
            return 1 if failures else 0
        run = _run(chosen, choice, folder, params, bars)
        summary = _score(run, best_of if videos is None else 1, seed)
    _tell(run, summary)
    if open_:
        webbrowser.open((folder / "report.html").resolve().as_uri())
    return 1 if failures else 0


@app.command("suites")
def list_suites() -> None:
    """List the suites."""
    from skyreels_a2.bench.suites.registry import NAMES

    for name in NAMES:
        console.data.print(name)


@app.command("metrics")
def list_metrics() -> None:
    """List the metrics: what they measure, and by what."""
    from skyreels_a2.bench.metrics.registry import METRICS

    table = Table("metric", "measures", "published", "how", "by")
    for metric in METRICS.values():
        published = "yes" if metric.published else ""
        table.add_row(metric.name, metric.dimension.value, published, metric.says, metric.uses)
    console.data.print(table)


@app.command("compare")
def compare_runs(
    first: Annotated[Path, typer.Argument(help="Folder of a run.")],
    second: Annotated[Path, typer.Argument(help="Folder of another.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the page goes.")] = Path(
        "comparison.html"
    ),
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Compare two runs case by case: differences, intervals, and which is better how surely."""
    from skyreels_a2.bench.report.comparison import Contender, verdict, write_comparison
    from skyreels_a2.bench.scoring import read_run
    from skyreels_a2.bench.summary import compare

    contenders = [Contender(folder.resolve().name, read_run(folder)) for folder in (first, second)]
    compared = compare(contenders[0].rows, contenders[1].rows)
    if not compared:
        raise InputError(f"{first} and {second} have no case in common: compare runs of one suite")
    table = Table(_metrics(), "difference", "95 %", "first better", "cases", "")
    for name, found in compared.items():
        difference = found.difference
        table.add_row(
            name,
            f"{difference.mean:+.3f}",
            difference.interval("+.3f"),
            f"{100 * found.probability:.1f} %",
            str(difference.count),
            verdict(found),
        )
    console.messages.print(table)
    write_comparison(contenders[0], contenders[1], out)
    console.data.print(str(out), markup=False)
    if open_:
        webbrowser.open(out.resolve().as_uri())


def _open_suite(params: Mapping[str, Any]) -> Suite:
    from skyreels_a2.bench.suites.registry import open_suite
    from skyreels_a2.bench.suites.suite import limit_references

    pairs = [text.partition("=") for text in params["fields"] or ()]
    if any(not theirs for _, _, theirs in pairs):
        raise InputError("--field needs two names: use OURS=THEIRS, e.g. prompt=caption")
    fields = {ours: theirs for ours, _, theirs in pairs}
    suite = open_suite(params["suite"], params["cases"], fields=fields).first(params["limit"])
    if params["videos"] is not None:
        return suite
    return limit_references(suite, params["max_references"], params["on_too_many"])


def _stem(videos: Path | None, model: str) -> str:
    return Path(model).name if videos is None else videos.resolve().name


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)


def _settings(choice: Choice, params: Mapping[str, Any]) -> Settings:
    from skyreels_a2.bench.generating import Settings

    defaults = choice.defaults
    window = defaults.spec
    sampling = defaults.sampling.updated({"num_inference_steps": params["steps"]})
    return Settings(
        window, sampling, params["seed"], params["best_of"], choice.record(window), params["frames"]
    )


def _generate(
    suite: Suite, choice: Choice, folder: Path, params: Mapping[str, Any], bars: console.Bars
) -> int:
    """Make what is not there yet; returns how many could not be made."""
    from skyreels_a2.bench.generating import plan_jobs, write_files

    choice.check()
    settings = _settings(choice, params)
    cases = suite.shard(*as_shard(params["shard"])) if params["shard"] else suite.cases
    write_files(suite, folder)
    jobs = plan_jobs(suite, cases, folder, settings)
    outcomes = _make(jobs, choice, settings, params, bars)
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        console.messages.print(f"{outcome.case} was not made: {outcome.error}", markup=False)
    return len(failed)


def _make(
    jobs: list[Job],
    choice: Choice,
    settings: Settings,
    params: Mapping[str, Any],
    bars: console.Bars,
) -> list[Outcome]:
    from skyreels_a2.bench.generating import generate
    from skyreels_a2.bench.ray_engine import generate_on_ray

    told = partial(bars, "video")
    if params["ray"] is None:
        return generate(jobs, _opener(choice, bars), settings.model, on_video=told)
    return generate_on_ray(
        jobs,
        _opener(choice),
        settings.model,
        address=params["ray"],
        workers=params["workers"],
        on_video=told,
    )


def _opener(choice: Choice, bars: console.Bars | None = None) -> Callable[[], Composer]:
    return choice.composer if isinstance(choice, RemoteChoice) else OpenPipeline(choice, bars)


def _run(
    suite: Suite, choice: Choice, folder: Path, params: Mapping[str, Any], bars: console.Bars
) -> Run:
    from skyreels_a2.bench.metrics.registry import open_metrics
    from skyreels_a2.bench.networks.weights import Judge, Weights
    from skyreels_a2.bench.running import Run

    judge = None
    if params["judge_url"] is not None:
        answers = str(folder / "judge.jsonl")
        judge = Judge(
            params["judge_url"], params["judge_model"] or "", answers, params["judge_repeats"]
        )
        _tell_cost(suite, params)
    weights = Weights.parse(
        params["weights"] or (),
        device="cpu" if params["device"] == "auto" else params["device"],
        download=params["download"],
        model_folder=ModelChoice(params["dual_encoder"]).folder,
        judge=judge,
    )
    finished = params["videos"]
    settings = {
        "suite": f"{suite.name}, {len(suite.cases)} cases",
        "videos": str(finished) if finished else f"made by {choice.name}",
        **({} if finished else _told_settings(_settings(choice, params))),
        "judge": f"{judge.model} at {judge.url}, {judge.repeats} answers" if judge else "none",
        "networks named": ", ".join(params["weights"] or ()) or "none",
        **{f"version of {name}": version for name, version in versions().items()},
    }
    return Run(
        suite=suite,
        out=folder,
        videos=finished or folder / "videos",
        metrics=open_metrics(params["metrics"], weights),
        name=params["name"] or _stem(finished, choice.name),
        settings=settings,
        on_progress=bars,
    )


def _tell_cost(suite: Suite, params: Mapping[str, Any]) -> None:
    """Say what judging takes, before it starts."""
    from skyreels_a2.bench.metrics.judged import NUM_FRAMES
    from skyreels_a2.bench.metrics.registry import JUDGED
    from skyreels_a2.bench.networks.judge import estimate_cost

    wanted = set(JUDGED) & set(params["metrics"] or JUDGED)
    videos = len(suite.cases) * (1 if params["videos"] else params["best_of"])
    pictures = NUM_FRAMES + max(len(case.composition.references) for case in suite.cases)
    cost = estimate_cost(videos, len(wanted), params["judge_repeats"], pictures)
    console.messages.print(cost.told(params["judge_price"]), markup=False)


def _told_settings(settings: Settings) -> dict[str, str]:
    sampling = settings.sampling
    return {
        "window": str(settings.window),
        "steps": str(sampling.num_inference_steps),
        "guidance": f"{sampling.guidance_scale:g}",
        "seeds": f"{settings.seed} to {settings.seed + settings.num_seeds - 1}",
        "weights": settings.model.fingerprint or "",
    }


def _score(run: Run, best_of: int, seed: int) -> Summary:
    from dataclasses import replace

    from skyreels_a2.bench.running import choose_best, report, score_run

    if best_of > 1:
        run = replace(run, remarks=(choose_best(run, range(seed, seed + best_of)),))
    return report(run, score_run(run))


def _metrics() -> Column:
    """Names of metrics, which no line breaks."""
    return Column("metric", no_wrap=True)


def _tell(run: Run, summary: Summary) -> None:
    table = Table(_metrics(), "mean", "95 %", "videos", title=f"{run.name} on {run.suite.name}")
    for name, metric in {**summary.totals, **summary.metrics}.items():
        if found := metric.estimate:
            table.add_row(name, f"{found.mean:.3f}", found.interval(), str(found.count))
        else:
            table.add_row(name, "missing" if metric.missing else "not asked", "", "0")
    console.messages.print(table)
    for reason in sorted({m.missing for m in summary.metrics.values() if m.missing}):
        console.messages.print(f"missing: {reason}", markup=False)
    for video, flags_ in summary.flagged.items():
        console.messages.print(f"{video}: {'; '.join(flags_)}", markup=False)
    console.data.print(str(run.out / "report.html"), markup=False)

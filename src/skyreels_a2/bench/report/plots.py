"""The plots of a report, as SVG text: a radar and intervals. Readable without colour."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skyreels_a2.bench.statistics import Estimate
from skyreels_a2.extras import require

_STYLES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"), ((0, (5, 1, 1, 1)), "v"))
_INKS = ("#0b4f8a", "#b3541e", "#2f7d4f", "#6b4c9a", "#7a7a74")
_GRID, _INK = "#d6d5d0", "#24241f"


def radar(axes: Sequence[str], systems: Mapping[str, Mapping[str, float | None]]) -> str:
    """A radar plot of systems; an axis that a system lacks is left open.

    Args:
        axes: Names of the axes, values from 0 to 1.
        systems: System to value by axis.
    """
    pyplot = _pyplot()
    angles = np.linspace(0, 2 * np.pi, len(axes), endpoint=False)
    figure, plot = pyplot.subplots(figsize=(5.6, 4.4), subplot_kw={"projection": "polar"})
    plot.set_theta_offset(np.pi / 2)
    plot.set_theta_direction(-1)
    for number, (name, values) in enumerate(systems.items()):
        line, marker = _STYLES[number % len(_STYLES)]
        heights = [np.nan if (v := values.get(axis)) is None else v for axis in axes]
        plot.plot(
            [*angles, angles[0]],
            [*heights, heights[0]],
            linestyle=line,
            marker=marker,
            markersize=4,
            linewidth=1.6,
            color=_INKS[number % len(_INKS)],
            label=name,
        )
    plot.set_xticks(angles, [axis.replace("-", "\n", 1) for axis in axes], fontsize=9)
    plot.set_ylim(0, 1)
    plot.set_yticks([0.25, 0.5, 0.75, 1.0], ["", "0.5", "", "1"], fontsize=8, color="#62625e")
    plot.tick_params(axis="x", pad=12)
    plot.grid(color=_GRID)
    plot.spines["polar"].set_color(_GRID)
    if len(systems) > 1:
        figure.legend(loc="upper left", bbox_to_anchor=(0.8, 0.98), frameon=False, fontsize=9)
    return _svg(figure, "radar plot")


def intervals(estimates: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Means and 95 % intervals by metric, systems side by side.

    Args:
        estimates: Metric to system to estimate, values from 0 to 1.
    """
    pyplot = _pyplot()
    systems = list(dict.fromkeys(name for row in estimates.values() for name in row))
    height = 0.7 + 0.26 * sum(len(row) for row in estimates.values()) + 0.1 * len(estimates)
    figure, plot = pyplot.subplots(figsize=(6.4, height))
    for level, row in enumerate(estimates.values()):
        for number, system in enumerate(systems):
            if found := row.get(system):
                shift = (number - (len(systems) - 1) / 2) * 0.6 / len(systems)
                plot.errorbar(
                    found.mean,
                    -level - shift,
                    xerr=[[found.mean - found.low], [found.high - found.mean]],
                    fmt=_STYLES[number % len(_STYLES)][1],
                    markersize=5,
                    capsize=3,
                    color=_INKS[number % len(_INKS)],
                    label=system if not level else None,
                )
    plot.set_yticks([-i for i in range(len(estimates))], list(estimates), fontsize=9)
    plot.set_xlim(-0.02, 1.02)
    plot.set_ylim(-len(estimates) + 0.4, 0.6)
    plot.grid(axis="x", color=_GRID)
    plot.set_axisbelow(True)
    for side in ("top", "right", "left"):
        plot.spines[side].set_visible(False)
    plot.tick_params(axis="y", length=0)
    if len(systems) > 1:
        handles, labels = _first_handles(plot)
        figure.legend(handles, labels, loc="upper right", frameon=False, fontsize=9)
    return _svg(figure, "means with 95 % intervals")


def _first_handles(plot: Any) -> tuple[list[Any], list[str]]:
    handles, labels = plot.get_legend_handles_labels()
    return list(handles), list(labels)


def _pyplot() -> Any:
    require("matplotlib", extra="bench").use("svg")
    pyplot = require("matplotlib.pyplot", extra="bench")
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "skyreels-a2",
        "font.family": "sans-serif",
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    pyplot.rcParams.update(settings)
    return pyplot


def _svg(figure: Any, title: str) -> str:
    """SVG to stand in a page: without the XML head, with a title for those who cannot see it."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None}
    )
    _pyplot().close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"(<svg[^>]*>)", rf"\1<title>{title}</title>", text, count=1)

"""One self-contained HTML page that a person judges a data set by."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skyreels_a2.data.footage import glimpses
from skyreels_a2.data.gathering import Gathered
from skyreels_a2.data.unit import MEDIA
from skyreels_a2.media.atomic import output_errors, write_aside

REPORT = "report.html"
SHOWN = 24
"""Triplets on the sheet."""
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c1c1c;background:#f3f3f0;margin:2rem auto;
max-width:1180px;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.25rem .9rem .25rem 0;
border-bottom:1px solid #ddd}td.n,th.n{text-align:right}.bar{background:#4a7a9c;height:.7rem;
display:inline-block;border-radius:2px}.card{background:#fff;border:1px solid #ddd;border-radius:6px
;padding:.7rem;margin:.7rem 0;display:flex;gap:.8rem;align-items:center}.refs{display:flex;gap:.5rem
;flex:0 0 330px;flex-wrap:wrap}figure{margin:0;font-size:12px;color:#62625e;max-width:104px}
figure img{max-width:104px;max-height:104px;border:1px solid #ddd;display:block}
.frames img{width:235px;border-radius:3px;margin-right:4px}.told{font-size:14px}
.note{color:#62625e;font-size:13px}.kin{display:flex;gap:.4rem;margin:.5rem 0;flex-wrap:wrap}
.kin img{height:80px;border:1px solid #ddd;background:#fff}.plots{display:flex;gap:2rem;
flex-wrap:wrap}svg text{font:11px system-ui;fill:#62625e}
"""


def write_report(dataset: Path, gathered: Gathered) -> Path:
    """Write `report.html` into the data set.

    Raises:
        OutputError: It cannot be written.
    """
    parts = [*_head(gathered), *_funnel(gathered), *_plots(gathered)]
    parts += [*_sheet(dataset, gathered), *_clusters(dataset, gathered)]
    page = f"<!doctype html><meta charset=utf-8><title>Data set</title><style>{_STYLE}</style>"
    path = dataset / REPORT
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(page + "\n".join(parts), "utf-8")
    return path


def _head(gathered: Gathered) -> Iterator[str]:
    sides = Counter(t["split"] for t in gathered.triplets)
    kinds = Counter(s["pair_kind"] for t in gathered.triplets for s in t["slots"])
    yield "<h1>Data set</h1><p>"
    yield (
        f"{gathered.seconds / 60:.1f} minutes of video, {len(gathered.shots)} shots, "
        f"{len(gathered.triplets)} triplets ({sides['train']} train, {sides['test']} test). "
        f"References: {kinds['cross_shot']} from other shots, {kinds['same_shot']} from the "
        "shot itself.</p>"
    )


def _funnel(gathered: Gathered) -> Iterator[str]:
    yield "<h2>Funnel</h2><table><tr><th>stage<th class=n>kept<th class=n>dropped"
    yield "<th class=n>CPU s<th>reasons</tr>"
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for drop in gathered.dropped:
        reasons[drop.stage][drop.reason] += 1
    for row in gathered.funnel:
        why = ", ".join(f"{html.escape(r)} {n}" for r, n in reasons[row.stage].most_common())
        yield (
            f"<tr><td>{row.stage}<td class=n>{row.kept}<td class=n>{row.dropped}"
            f"<td class=n>{row.seconds:.1f}<td>{why}</tr>"
        )
    others = [s for s in reasons if s not in {row.stage for row in gathered.funnel}]
    for stage in others:
        why = ", ".join(f"{html.escape(r)} {n}" for r, n in reasons[stage].most_common())
        count = sum(reasons[stage].values())
        yield f"<tr><td>{stage}<td class=n><td class=n>{count}<td class=n><td>{why}</tr>"
    yield "</table>"


def _plots(gathered: Gathered) -> Iterator[str]:
    shots = gathered.shots
    similar = [
        s["similarity"]
        for t in gathered.triplets
        for s in t["slots"]
        if s["pair_kind"] == "cross_shot"
    ]
    plots = {
        "seconds a shot": [s.shot.num_frames / s.shot.fps for s in shots],
        "motion": [s.judged.scores.motion for s in shots],
        "sharpness": [s.judged.scores.sharpness for s in shots],
        "elements a shot": [float(len(s.elements)) for s in shots],
        "similarity of references": similar,
    }
    yield "<h2>Distributions</h2><div class=plots>"
    for name, values in plots.items():
        if values:
            yield _histogram(name, values)
    yield "</div>"


def _histogram(name: str, values: Sequence[float]) -> str:
    counts, ends = np.histogram(values, bins=16)
    top = max(1, int(counts.max()))
    bars = "".join(
        f"<rect x={i * 12} y={70 - 60 * n / top:.1f} width=11 height={60 * n / top:.1f} "
        "fill='#4a7a9c'/>"
        for i, n in enumerate(counts)
    )
    return (
        f"<div><svg width=200 height=90>{bars}<text x=0 y=85>{ends[0]:.3g}</text>"
        f"<text x=192 y=85 text-anchor=end>{ends[-1]:.3g}</text></svg><br>"
        f"<span class=note>{name}</span></div>"
    )


def _sheet(dataset: Path, gathered: Gathered) -> Iterator[str]:
    step = max(1, len(gathered.triplets) // SHOWN)
    yield "<h2>Triplets</h2><p class=note>References left, frames right.</p>"
    for triplet in gathered.triplets[::step][:SHOWN]:
        yield card(dataset, triplet)
    scores = {e.element_id: e.score for s in gathered.shots for e in s.elements}
    worst = sorted(
        gathered.triplets, key=lambda t: min(scores[s["reference_id"]] for s in t["slots"])
    )
    yield "<h2>Worst references</h2>"
    for triplet in worst[:4]:
        yield card(dataset, triplet)


def card(dataset: Path, triplet: dict[str, Any]) -> str:
    """A triplet as HTML: references, three frames, caption."""
    refs = "".join(
        f"<figure>{_img(Image.open(dataset / s['picture']), 104)}{html.escape(s['phrase'])}<br>"
        f"{s['pair_kind'].replace('_', ' ')} {s['similarity']:.2f}</figure>"
        for s in triplet["slots"]
    )
    shown = glimpses(dataset / triplet["video"], 3)
    pictures = "".join(_img(Image.fromarray(frame), 235) for frame in shown)
    told = html.escape(triplet["caption"])
    return (
        f"<div class=card><div class=refs>{refs}</div><div><div class=frames>{pictures}</div>"
        f"<div class=told>{told}</div><div class=note>{triplet['triplet_id']}, "
        f"{triplet['split']}</div></div></div>"
    )


def _clusters(dataset: Path, gathered: Gathered) -> Iterator[str]:
    folders = {
        t["shot_id"].rpartition("-")[0]: Path(t["video"]).parts[1] for t in gathered.triplets
    }
    kin: dict[str, list[Path]] = defaultdict(list)
    for shot in gathered.shots:
        folder = folders.get(shot.shot.source_id)
        for element in shot.elements:
            name = gathered.matches.identities.get(element.element_id)
            if name and folder:
                kin[name].append(dataset / MEDIA / folder / element.path)
    large = sorted((paths for paths in kin.values() if len(paths) > 1), key=len, reverse=True)
    yield f"<h2>Identities</h2><p class=note>{len(large)} seen in more than one shot.</p>"
    for paths in large[:12]:
        yield "<div class=kin>" + "".join(_img(Image.open(p), 80) for p in paths[:12]) + "</div>"


def _img(picture: Image.Image, side: int) -> str:
    picture = picture.convert("RGB")
    picture.thumbnail((2 * side, 2 * side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"<img src='data:image/jpeg;base64,{text}' alt=''>"

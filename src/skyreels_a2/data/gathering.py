"""Stage 8: the set as a whole, from the sources' folders to tables and triplets.

Done anew after every build, as it is quick: duplicates go, subjects are matched across shots, the
set is split, and everything is written. `triplets.jsonl` is what `train` reads: the training side;
`triplets-test.jsonl` is the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyreels_a2.data.duplicates import drop_duplicates
from skyreels_a2.data.ledger import DONE, SET_ASIDE, Entry
from skyreels_a2.data.matching import SUBJECTS, Matches, Slot, match
from skyreels_a2.data.records import CaptionedShot, Dropped, Found, Kind, Phrase
from skyreels_a2.data.settings import STAGES, Settings
from skyreels_a2.data.sides import TEST, TRAIN, split
from skyreels_a2.data.tables import write_table
from skyreels_a2.data.unit import MEDIA, finished_shots, read_stage
from skyreels_a2.media.atomic import output_errors, write_aside

_PICTURED = (*SUBJECTS, Kind.BACKGROUND)


@dataclass(frozen=True)
class StageCount:
    """What a stage kept and dropped, and the processor seconds it took."""

    stage: str
    kept: int
    dropped: int
    seconds: float


@dataclass(frozen=True)
class Gathered:
    """A data set's contents as they were written.

    Attributes:
        funnel: What happened at each stage.
        seconds: Length of all sources that could be opened.
    """

    shots: Sequence[CaptionedShot]
    matches: Matches
    triplets: Sequence[dict[str, Any]]
    dropped: Sequence[Dropped]
    funnel: Sequence[StageCount]
    seconds: float


def gather(
    dataset: Path,
    entries: Sequence[Entry],
    unreadable: Sequence[tuple[str, str]],
    settings: Settings,
) -> Gathered:
    """Write the data set's tables and triplets.

    Args:
        dataset: Its folder.
        entries: The ledger's.
        unreadable: Paths of inputs that could not be read, and why.
        settings: All of them.

    Raises:
        OutputError: Something cannot be written.
    """
    folders = {e.source.source_id: e.folder for e in entries if e.state == DONE}
    dropped = [
        Dropped(what=p, stage="inputs", reason="not readable", detail=d) for p, d in unreadable
    ]
    dropped += [
        Dropped(what=e.source.source_id, stage="limits", reason="set aside", detail=e.reason)
        for e in entries
        if e.state == SET_ASIDE
    ]
    funnel, from_stages, seconds = _funnel(dataset, list(folders.values()))
    finished = [s for f in folders.values() for s in finished_shots(dataset / MEDIA / f)]
    shots, alike = drop_duplicates(
        sorted(finished, key=lambda s: s.shot.shot_id), settings.quality.max_hash_distance
    )
    funnel.append(StageCount("duplicates", len(shots), len(alike), 0.0))
    dropped += [*from_stages, *alike]
    matches = match(shots, settings.matching)
    sides = split(shots, matches.identities, settings.split)
    paths = {e.source.source_id: e.source.path for e in entries}
    gathered = Gathered(
        shots, matches, list(_triplets(shots, matches, sides, folders)), dropped, funnel, seconds
    )
    _write(dataset, gathered, sides, folders, paths)
    return gathered


def _funnel(dataset: Path, folders: Sequence[str]) -> tuple[list[StageCount], list[Dropped], float]:
    funnel, dropped, seconds = [], [], 0.0
    for stage in STAGES:
        results = [read_stage(dataset / MEDIA / folder, stage) for folder in folders]
        known = [result for result in results if result]
        gone = [d for result in known for d in result.dropped]
        kept = sum(len(result.kept) for result in known)
        spent = sum(result.seconds for result in known)
        num_gone = sum(drop.stage == stage for drop in gone)
        funnel.append(StageCount(stage, kept, num_gone, spent))
        dropped += gone
        if stage == "probe":
            seconds = sum(float(str(k["seconds"])) for result in known for k in result.kept)
    return funnel, dropped, seconds


def _triplets(
    shots: Sequence[CaptionedShot], matches: Matches, sides: dict[str, str], folders: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """A triplet for each choice of references: the i-th takes each element's i-th, or its last."""
    pictures = {
        e.element_id: f"{MEDIA}/{folders[s.shot.source_id]}/{e.path}"
        for s in shots
        for e in s.elements
    }
    for shot in shots:
        told = {phrase.element_id: phrase for phrase in shot.phrases}
        chosen = [(e, matches.slots.get(e.element_id, ())) for e in _ordered(shot)]
        chosen = [(e, slots) for e, slots in chosen if slots]
        if not any(e.kind in SUBJECTS for e, _ in chosen):
            continue
        for turn in range(max(len(slots) for _, slots in chosen)):
            yield {
                "triplet_id": f"{shot.shot.shot_id}-{turn}",
                "shot_id": shot.shot.shot_id,
                "video": f"{MEDIA}/{folders[shot.shot.source_id]}/{shot.shot.path}",
                "caption": shot.caption,
                "split": sides[shot.shot.shot_id],
                "slots": [
                    _slot_row(e, slots[min(turn, len(slots) - 1)], told, pictures)
                    for e, slots in chosen
                ],
            }


def _ordered(shot: CaptionedShot) -> list[Found]:
    return [e for kind in _PICTURED for e in shot.elements if e.kind is kind]


def _slot_row(
    element: Found, slot: Slot, told: dict[str, Phrase], pictures: dict[str, str]
) -> dict[str, Any]:
    phrase = told.get(element.element_id)
    return {
        **slot.model_dump(),
        "picture": pictures[slot.reference_id],
        "role": element.kind.value,
        "phrase": phrase.text if phrase else "",
        "phrase_start": phrase.start if phrase else -1,
        "phrase_stop": phrase.stop if phrase else -1,
    }


def _write(
    dataset: Path,
    gathered: Gathered,
    sides: dict[str, str],
    folders: dict[str, str],
    paths: dict[str, str],
) -> None:
    shots = gathered.shots
    identities = gathered.matches.identities
    write_table(dataset, "shots", [_shot_row(s, sides, folders, paths) for s in shots])
    elements = [(e, s) for s in shots for e in s.elements]
    rows = [_element_row(e, s, identities, folders) for e, s in elements]
    write_table(dataset, "elements", rows)
    vectors = [{"element_id": e.element_id, "embedding": e.embedding} for e, _ in elements]
    write_table(dataset, "embeddings", vectors)
    write_table(dataset, "triplets", gathered.triplets)
    write_table(dataset, "dropped", [d.model_dump() for d in gathered.dropped])
    for side, name in ((TRAIN, "triplets.jsonl"), (TEST, "triplets-test.jsonl")):
        lines = [training_row(t) for t in gathered.triplets if t["split"] == side]
        path = dataset / name
        with write_aside(path, overwrite=True) as part, output_errors(path):
            part.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def training_row(triplet: dict[str, Any]) -> dict[str, Any]:
    """A triplet as `training.triplets.TripletRow` reads it."""
    return {
        "video": triplet["video"],
        "prompt": triplet["caption"],
        "elements": [
            {
                "role": slot["role"],
                "pictures": [slot["picture"]],
                "description": slot["phrase"] or None,
                "pair_kind": slot["pair_kind"],
                "similarity": slot["similarity"],
            }
            for slot in triplet["slots"]
        ],
    }


def _shot_row(
    shot: CaptionedShot, sides: dict[str, str], folders: dict[str, str], paths: dict[str, str]
) -> dict[str, Any]:
    return {
        **shot.shot.model_dump(exclude={"path", "number", "content"}),
        **shot.judged.scores.model_dump(),
        "path": f"{MEDIA}/{folders[shot.shot.source_id]}/{shot.shot.path}",
        "source": paths[shot.shot.source_id],
        "hashes": list(shot.judged.hashes),
        "caption": shot.caption,
        "concepts": json.dumps(shot.concepts),
        "captioner": shot.captioner,
        "split": sides[shot.shot.shot_id],
    }


def _element_row(
    element: Found, shot: CaptionedShot, identities: Any, folders: dict[str, str]
) -> dict[str, Any]:
    phrase = next((p for p in shot.phrases if p.element_id == element.element_id), None)
    return {
        **element.model_dump(exclude={"embedding", "course", "path"}, mode="json"),
        "shot_id": shot.shot.shot_id,
        "path": f"{MEDIA}/{folders[shot.shot.source_id]}/{element.path}",
        "phrase": phrase.text if phrase else "",
        "phrase_start": phrase.start if phrase else -1,
        "phrase_stop": phrase.stop if phrase else -1,
        "identity": identities.get(element.element_id, ""),
    }

"""The totals of every benchmark as published: numbers in, a number out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

A2_METRICS = (
    "character-id",
    "object",
    "background",
    "image-quality",
    "aesthetic-quality",
    "motion-smoothness",
    "dynamic-degree",
    "image-text",
)
"""The columns of A2-Bench, in the order of the paper's table."""

HOME_WEIGHTS = {
    "character-lite": 1.5,
    "object-lite": 1.5,
    "background-lite": 1.5,
    "sharpness": 1.0,
    "flow-smoothness": 1.0,
    "flow-dynamics": 1.0,
}
"""Weights of the home total: those of A2-Bench, for the stand-ins that need no download."""

OPENS2V_WEIGHTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "1.0": {
        "open": {
            "aesthetics": 0.12,
            "motion": 0.12,
            "facesim": 0.20,
            "gmescore": 0.12,
            "nexusscore": 0.20,
            "naturalscore": 0.24,
        },
        "human": {
            "aesthetics": 0.15,
            "motion": 0.15,
            "facesim": 0.25,
            "gmescore": 0.15,
            "naturalscore": 0.30,
        },
    },
    "1.1": {
        "open": {
            "aesthetics": 0.16,
            "motionsmoothness": 0.06,
            "motionamplitude": 0.02,
            "facesim": 0.20,
            "gmescore": 0.12,
            "nexusscore": 0.20,
            "naturalscore": 0.24,
        },
        "human": {
            "aesthetics": 0.18,
            "motionsmoothness": 0.09,
            "motionamplitude": 0.03,
            "facesim": 0.25,
            "gmescore": 0.15,
            "naturalscore": 0.30,
        },
    },
}
"""Version and domain to weights, which sum to 1; the single domain is weighted as the open one."""

_OPENS2V_RANGES = {"aesthetics": (4.0, 7.0), "nexusscore": (0.0, 0.05), "naturalscore": (1.0, 5.0)}


def a2_comprehensive(values: Mapping[str, float]) -> float:
    """A2-Bench's Comprehensive score, recovered from the paper's table.

    (1.5·(ID + OBJ + BKG) + IQ + AES + SMOOTH + DYN + 0.02·TEXT) / 8

    Args:
        values: All of `A2_METRICS`; the text similarity from 0 to 100, the rest from 0 to 1.
    """
    consistency = values["character-id"] + values["object"] + values["background"]
    quality = values["image-quality"] + values["aesthetic-quality"]
    motion = values["motion-smoothness"] + values["dynamic-degree"]
    return (1.5 * consistency + quality + motion + 0.02 * values["image-text"]) / 8


def home_total(values: Mapping[str, float | None]) -> float | None:
    """The weighted mean of the stand-ins that are known; None when none is.

    Not comparable with any published figure.
    """
    known = {n: v for n in HOME_WEIGHTS if (v := values.get(n)) is not None}
    weight = sum(HOME_WEIGHTS[name] for name in known)
    if not weight:
        return None
    return sum(HOME_WEIGHTS[name] * value for name, value in known.items()) / weight


def opens2v_normalised(metric: str, raw: float) -> float:
    """A raw figure of OpenS2V-Eval brought to 0-1: aes [4,7], nexus [0,.05], natural [1,5]."""
    low, high = _OPENS2V_RANGES.get(metric, (0.0, 1.0))
    return min(1.0, max(0.0, (raw - low) / (high - low)))


def opens2v_total(version: str, domain: str, values: Mapping[str, float]) -> float:
    """OpenS2V-Eval's total of normalised metrics.

    Args:
        version: "1.0" or "1.1".
        domain: "open", "single" or "human".
        values: Metric to value, on any one scale (0-1 or percent).
    """
    weights = OPENS2V_WEIGHTS[version]["human" if domain == "human" else "open"]
    return sum(weight * values[metric] for metric, weight in weights.items())


def opens2v_metric(metric: str, raws: Sequence[float | None]) -> float | None:
    """A metric over videos: normalised each, averaged over those that have it.

    Zeros of the NexusScore are left out, as published.
    """
    known = [raw for raw in raws if raw is not None and not (metric == "nexusscore" and raw == 0)]
    return fmean(opens2v_normalised(metric, raw) for raw in known) if known else None


def magref_total(values: Sequence[float]) -> float:
    """MAGREF's single-ID total: the plain mean of identity, aesthetics, motion and text."""
    return fmean(values)


def intelligentvbench_row(scores: Sequence[float | None]) -> tuple[float, float]:
    """Mean and minimum of a row's three judge scores; one that is missing counts as 1."""
    known = [1.0 if score is None else score for score in scores]
    return fmean(known), min(known)


def intelligentvbench_total(rows: Sequence[Sequence[float | None]]) -> tuple[float, float]:
    """Mean over rows of `intelligentvbench_row`'s mean and minimum."""
    pairs = [intelligentvbench_row(row) for row in rows]
    return fmean(mean for mean, _ in pairs), fmean(least for _, least in pairs)

"""All metrics by name: the one table that the runner, the reports and the documentation read."""

from __future__ import annotations

from collections.abc import Sequence

from skyreels_a2.bench.metrics.aesthetic import Aesthetic
from skyreels_a2.bench.metrics.background import Background
from skyreels_a2.bench.metrics.background_lite import BackgroundLite
from skyreels_a2.bench.metrics.character_dual import CharacterDual
from skyreels_a2.bench.metrics.character_id import CharacterId
from skyreels_a2.bench.metrics.character_lite import CharacterLite
from skyreels_a2.bench.metrics.copy_paste import CopyPaste
from skyreels_a2.bench.metrics.drift import Drift
from skyreels_a2.bench.metrics.dynamic_raft import DynamicDegree
from skyreels_a2.bench.metrics.face_dlib import FaceDlib
from skyreels_a2.bench.metrics.flow_dynamics import FlowDynamics
from skyreels_a2.bench.metrics.flow_smoothness import FlowSmoothness
from skyreels_a2.bench.metrics.identity_swap import IdentitySwap
from skyreels_a2.bench.metrics.image_quality import ImageQuality
from skyreels_a2.bench.metrics.image_text import ImageText
from skyreels_a2.bench.metrics.judge_consistency import JudgeConsistency
from skyreels_a2.bench.metrics.judge_instruction import JudgeInstruction
from skyreels_a2.bench.metrics.judge_natural import JudgeNatural
from skyreels_a2.bench.metrics.judge_quality import JudgeQuality
from skyreels_a2.bench.metrics.judged import Judged
from skyreels_a2.bench.metrics.metric import Metric
from skyreels_a2.bench.metrics.motion_smoothness import MotionSmoothness
from skyreels_a2.bench.metrics.object_dino import ObjectDino
from skyreels_a2.bench.metrics.object_dual import ObjectDual
from skyreels_a2.bench.metrics.object_lite import ObjectLite
from skyreels_a2.bench.metrics.object_similarity import ObjectSimilarity
from skyreels_a2.bench.metrics.reference_flash import ReferenceFlash
from skyreels_a2.bench.metrics.sharpness import Sharpness
from skyreels_a2.bench.metrics.text_dual import TextDual
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.errors import InputError

_ALL: tuple[type[Metric], ...] = (
    CharacterId,
    ObjectSimilarity,
    Background,
    ImageQuality,
    Aesthetic,
    MotionSmoothness,
    DynamicDegree,
    ImageText,
    FaceDlib,
    CharacterLite,
    ObjectLite,
    BackgroundLite,
    CharacterDual,
    ObjectDual,
    TextDual,
    ObjectDino,
    Sharpness,
    FlowSmoothness,
    FlowDynamics,
    CopyPaste,
    ReferenceFlash,
    IdentitySwap,
    Drift,
    JudgeNatural,
    JudgeInstruction,
    JudgeConsistency,
    JudgeQuality,
)
METRICS = {metric.name: metric for metric in _ALL}
"""Name to class, in the order of reports."""
JUDGED = tuple(name for name, metric in METRICS.items() if issubclass(metric, Judged))
"""Those that ask a judge."""
TRIPLE = ("judge-instruction", "judge-consistency", "judge-quality")
"""The three marks that are summed up as IntelligentVBench does."""


def open_metrics(names: Sequence[str] | None, weights: Weights) -> list[Metric]:
    """Metrics by name, all without names.

    Raises:
        InputError: An unknown name.
    """
    for name in names or ():
        if name not in METRICS:
            raise InputError(f"no metric is called {name!r}: use {', '.join(METRICS)}")
    return [METRICS[name](weights) for name in names or METRICS]

"""The label of a written video: one line of text inside the file that says what it is.

Every format has a place for one comment, and no two treat several tags alike: Matroska turns keys
into capitals, GIF knows no keys, PNG wants Latin-1. So everything goes into that one comment, as
ASCII JSON, and comes back exactly. Knows nothing of files and formats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

NTSC_TOLERANCE = 2e-4
"""Relative; wide enough for 23.98, and a fifth of what separates 23.976 from 24."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a video file says of itself.

    Attributes:
        rate: Frames per second, exactly. Formats without a clock of frames have only this.
        num_frames: Frames written. GIF and WebP merge equal neighbours into one.
        metadata: The caller's own pairs.
    """

    rate: Fraction
    num_frames: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """As one line of ASCII: `{"fps": "24000/1001", "num_frames": 81, "metadata": {...}}`."""
        return json.dumps(
            {
                "fps": str(self.rate),
                "num_frames": self.num_frames,
                "metadata": dict(self.metadata),
            }
        )

    @classmethod
    def from_text(cls, text: str | None) -> Label | None:
        """The label in a comment; None if there is no comment, or one that others wrote."""
        try:
            fields = json.loads(text or "")
            rate, metadata = Fraction(fields["fps"]), fields["metadata"]
            label = cls(rate, int(fields["num_frames"]), dict(metadata))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            return None
        texts = all(isinstance(v, str) for v in label.metadata.values())
        return label if label.rate > 0 and texts else None


def frame_rate(fps: float) -> Fraction:
    """The exact rate that a decimal stands for.

    Broadcast rates are n·1000/1001 and usually given rounded: 23.976, 23.98 and 29.97 mean
    24000/1001 and 30000/1001. Any other is the nearest fraction with a denominator up to 1001.

    Args:
        fps: Frames per second, above 0.
    """
    broadcast = Fraction(round(fps) * 1000, 1001)
    if abs(broadcast - Fraction(fps)) < NTSC_TOLERANCE * fps:
        return broadcast
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))
